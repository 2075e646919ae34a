"""Training on several devices, under PyTorch's name: one device, and one process."""

from chainrule.absent import family, unusable
from chainrule.nn.data_parallel import DataParallel as DataParallel

(DistributedDataParallel,) = unusable("distributed", "nn.parallel.DistributedDataParallel")
__getattr__ = family("distributed", "nn.parallel")
