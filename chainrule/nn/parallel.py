"""Training on several devices, under PyTorch's name: one device, and one process."""

from chainrule.absent import family
from chainrule.nn.data_parallel import DataParallel as DataParallel

__getattr__ = family("distributed", "nn.parallel")
