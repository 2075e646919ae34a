"""Batch normalization under PyTorch's name."""

from chainrule.nn.batch_norm import BatchNorm
from chainrule.nn.batch_norm import BatchNorm1d as BatchNorm1d
from chainrule.nn.batch_norm import BatchNorm2d as BatchNorm2d
from chainrule.nn.batch_norm import BatchNorm3d as BatchNorm3d
from chainrule.nn.batch_norm import SyncBatchNorm as SyncBatchNorm
from chainrule.nn.lazy_normalization import LazyBatchNorm1d as LazyBatchNorm1d
from chainrule.nn.lazy_normalization import LazyBatchNorm2d as LazyBatchNorm2d
from chainrule.nn.lazy_normalization import LazyBatchNorm3d as LazyBatchNorm3d
from chainrule.nn.normalization import TrackingNormalization

# the families, as PyTorch calls them
_BatchNorm = BatchNorm
_NormBase = TrackingNormalization
