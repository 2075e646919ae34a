"""Public face only: programs import `chainrule.utils.data` and `chainrule.utils.benchmark`."""

from chainrule.utils import benchmark as benchmark
from chainrule.utils import data as data
