"""Convolutions under PyTorch's name."""

from chainrule.nn.convolution import Conv1d as Conv1d
from chainrule.nn.convolution import Conv2d as Conv2d
from chainrule.nn.convolution import Conv3d as Conv3d
from chainrule.nn.convolution import Convolution
from chainrule.nn.lazy_convolution import LazyConv1d as LazyConv1d
from chainrule.nn.lazy_convolution import LazyConv2d as LazyConv2d
from chainrule.nn.lazy_convolution import LazyConv3d as LazyConv3d
from chainrule.nn.lazy_convolution import LazyConvTranspose1d as LazyConvTranspose1d
from chainrule.nn.lazy_convolution import LazyConvTranspose2d as LazyConvTranspose2d
from chainrule.nn.lazy_convolution import LazyConvTranspose3d as LazyConvTranspose3d
from chainrule.nn.transposed_convolution import ConvTranspose1d as ConvTranspose1d
from chainrule.nn.transposed_convolution import ConvTranspose2d as ConvTranspose2d
from chainrule.nn.transposed_convolution import ConvTranspose3d as ConvTranspose3d
from chainrule.nn.transposed_convolution import TransposedConvolution

# the families, as PyTorch calls them
_ConvNd = Convolution
_ConvTransposeNd = TransposedConvolution
