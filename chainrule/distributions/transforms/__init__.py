"""Transforms of random variables, under PyTorch's name."""

from chainrule.distributions.transforms.elementwise import AbsTransform as AbsTransform
from chainrule.distributions.transforms.elementwise import AffineTransform as AffineTransform
from chainrule.distributions.transforms.elementwise import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from chainrule.distributions.transforms.elementwise import ExpTransform as ExpTransform
from chainrule.distributions.transforms.elementwise import PowerTransform as PowerTransform
from chainrule.distributions.transforms.elementwise import SigmoidTransform as SigmoidTransform
from chainrule.distributions.transforms.elementwise import (
    SoftplusTransform as SoftplusTransform,
)
from chainrule.distributions.transforms.elementwise import TanhTransform as TanhTransform
from chainrule.distributions.transforms.shaping import CatTransform as CatTransform
from chainrule.distributions.transforms.shaping import ReshapeTransform as ReshapeTransform
from chainrule.distributions.transforms.shaping import StackTransform as StackTransform
from chainrule.distributions.transforms.transform import ComposeTransform as ComposeTransform
from chainrule.distributions.transforms.transform import (
    IndependentTransform as IndependentTransform,
)
from chainrule.distributions.transforms.transform import Transform as Transform
from chainrule.distributions.transforms.transform import (
    identity_transform as identity_transform,
)
from chainrule.distributions.transforms.vectors import (
    CorrCholeskyTransform as CorrCholeskyTransform,
)
from chainrule.distributions.transforms.vectors import (
    LowerCholeskyTransform as LowerCholeskyTransform,
)
from chainrule.distributions.transforms.vectors import (
    PositiveDefiniteTransform as PositiveDefiniteTransform,
)
from chainrule.distributions.transforms.vectors import SoftmaxTransform as SoftmaxTransform
from chainrule.distributions.transforms.vectors import (
    StickBreakingTransform as StickBreakingTransform,
)

__all__ = [
    "AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform",
    "CorrCholeskyTransform", "CumulativeDistributionTransform", "ExpTransform",
    "IndependentTransform", "LowerCholeskyTransform", "PositiveDefiniteTransform",
    "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform",
    "Transform", "identity_transform",
]  # fmt: skip
