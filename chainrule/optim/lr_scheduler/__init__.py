"""Learning-rate schedules."""

from chainrule.optim.lr_scheduler.cosine import CosineAnnealingLR as CosineAnnealingLR
from chainrule.optim.lr_scheduler.cosine import (
    CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts,
)
from chainrule.optim.lr_scheduler.cyclic import CyclicLR as CyclicLR
from chainrule.optim.lr_scheduler.factor import ConstantLR as ConstantLR
from chainrule.optim.lr_scheduler.factor import ExponentialLR as ExponentialLR
from chainrule.optim.lr_scheduler.factor import LinearLR as LinearLR
from chainrule.optim.lr_scheduler.factor import MultiStepLR as MultiStepLR
from chainrule.optim.lr_scheduler.factor import PolynomialLR as PolynomialLR
from chainrule.optim.lr_scheduler.factor import StepLR as StepLR
from chainrule.optim.lr_scheduler.functions import LambdaLR as LambdaLR
from chainrule.optim.lr_scheduler.functions import MultiplicativeLR as MultiplicativeLR
from chainrule.optim.lr_scheduler.one_cycle import OneCycleLR as OneCycleLR
from chainrule.optim.lr_scheduler.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from chainrule.optim.lr_scheduler.scheduler import LRScheduler as LRScheduler
from chainrule.optim.lr_scheduler.scheduler import _LRScheduler as _LRScheduler
from chainrule.optim.lr_scheduler.sequential import ChainedScheduler as ChainedScheduler
from chainrule.optim.lr_scheduler.sequential import SequentialLR as SequentialLR
