"""Losses under PyTorch's name."""

from chainrule.nn.likelihood_loss import CTCLoss as CTCLoss
from chainrule.nn.likelihood_loss import GaussianNLLLoss as GaussianNLLLoss
from chainrule.nn.likelihood_loss import PoissonNLLLoss as PoissonNLLLoss
from chainrule.nn.loss import BCELoss as BCELoss
from chainrule.nn.loss import BCEWithLogitsLoss as BCEWithLogitsLoss
from chainrule.nn.loss import CrossEntropyLoss as CrossEntropyLoss
from chainrule.nn.loss import HuberLoss as HuberLoss
from chainrule.nn.loss import KLDivLoss as KLDivLoss
from chainrule.nn.loss import L1Loss as L1Loss
from chainrule.nn.loss import Loss, WeightedLoss
from chainrule.nn.loss import MSELoss as MSELoss
from chainrule.nn.loss import NLLLoss as NLLLoss
from chainrule.nn.loss import NLLLoss2d as NLLLoss2d
from chainrule.nn.loss import SmoothL1Loss as SmoothL1Loss
from chainrule.nn.margin_loss import CosineEmbeddingLoss as CosineEmbeddingLoss
from chainrule.nn.margin_loss import HingeEmbeddingLoss as HingeEmbeddingLoss
from chainrule.nn.margin_loss import MarginRankingLoss as MarginRankingLoss
from chainrule.nn.margin_loss import MultiLabelMarginLoss as MultiLabelMarginLoss
from chainrule.nn.margin_loss import MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss
from chainrule.nn.margin_loss import MultiMarginLoss as MultiMarginLoss
from chainrule.nn.margin_loss import SoftMarginLoss as SoftMarginLoss
from chainrule.nn.margin_loss import TripletMarginLoss as TripletMarginLoss
from chainrule.nn.margin_loss import (
    TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss,
)

# the families, as PyTorch calls them
_Loss = Loss
_WeightedLoss = WeightedLoss
