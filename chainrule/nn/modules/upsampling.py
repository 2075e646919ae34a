"""Upsampling under PyTorch's name."""

from chainrule.nn.upsampling import Upsample as Upsample
from chainrule.nn.upsampling import UpsamplingBilinear2d as UpsamplingBilinear2d
from chainrule.nn.upsampling import UpsamplingNearest2d as UpsamplingNearest2d
