"""Tools people reach for: the learning rate, one batch, the summary, gradients, the data."""

from chainrule.doctor.tools.check_data import DataReport as DataReport
from chainrule.doctor.tools.check_data import check_data as check_data
from chainrule.doctor.tools.gradient_flow import (
    GradientFlow as GradientFlow,
)
from chainrule.doctor.tools.gradient_flow import (
    gradient_flow as gradient_flow,
)
from chainrule.doctor.tools.lr_find import lr_find as lr_find
from chainrule.doctor.tools.overfit import (
    Overfit as Overfit,
)
from chainrule.doctor.tools.overfit import (
    overfit_one_batch as overfit_one_batch,
)
from chainrule.doctor.tools.range_test import RangeTest as RangeTest
from chainrule.doctor.tools.summary import Summary as Summary
from chainrule.doctor.tools.summary import summary as summary
