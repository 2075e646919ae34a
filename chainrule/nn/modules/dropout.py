"""Dropout under PyTorch's name."""

from chainrule.nn.dropout import AlphaDropout as AlphaDropout
from chainrule.nn.dropout import Dropout as Dropout
from chainrule.nn.dropout import Dropout1d as Dropout1d
from chainrule.nn.dropout import Dropout2d as Dropout2d
from chainrule.nn.dropout import Dropout3d as Dropout3d
from chainrule.nn.dropout import DropoutBase
from chainrule.nn.dropout import FeatureAlphaDropout as FeatureAlphaDropout

# the families, as PyTorch calls them
_DropoutNd = DropoutBase
