"""`chainrule.utils.benchmark`: how long a statement takes, under PyTorch's name."""

from chainrule.timing import Measurement as Measurement
from chainrule.timing import Timer as Timer
