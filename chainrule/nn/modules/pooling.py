"""Pooling under PyTorch's name."""

from chainrule.nn.adaptive_pooling import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from chainrule.nn.adaptive_pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from chainrule.nn.adaptive_pooling import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from chainrule.nn.adaptive_pooling import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from chainrule.nn.adaptive_pooling import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from chainrule.nn.adaptive_pooling import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from chainrule.nn.fractional_pooling import FractionalMaxPool2d as FractionalMaxPool2d
from chainrule.nn.fractional_pooling import FractionalMaxPool3d as FractionalMaxPool3d
from chainrule.nn.pooling import AvgPool1d as AvgPool1d
from chainrule.nn.pooling import AvgPool2d as AvgPool2d
from chainrule.nn.pooling import AvgPool3d as AvgPool3d
from chainrule.nn.pooling import LPPool1d as LPPool1d
from chainrule.nn.pooling import LPPool2d as LPPool2d
from chainrule.nn.pooling import LPPool3d as LPPool3d
from chainrule.nn.pooling import MaxPool1d as MaxPool1d
from chainrule.nn.pooling import MaxPool2d as MaxPool2d
from chainrule.nn.pooling import MaxPool3d as MaxPool3d
from chainrule.nn.unpooling import MaxUnpool1d as MaxUnpool1d
from chainrule.nn.unpooling import MaxUnpool2d as MaxUnpool2d
from chainrule.nn.unpooling import MaxUnpool3d as MaxUnpool3d
