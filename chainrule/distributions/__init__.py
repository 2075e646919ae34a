"""Probability distributions: to draw from, to score values with, to compare."""

from chainrule.distributions import constraints as constraints
from chainrule.distributions.bernoulli import Bernoulli as Bernoulli
from chainrule.distributions.beta import Beta as Beta
from chainrule.distributions.binomial import Binomial as Binomial
from chainrule.distributions.categorical import Categorical as Categorical
from chainrule.distributions.cauchy import Cauchy as Cauchy
from chainrule.distributions.chi2 import Chi2 as Chi2
from chainrule.distributions.constraint_registry import biject_to as biject_to
from chainrule.distributions.constraint_registry import transform_to as transform_to
from chainrule.distributions.continuous_bernoulli import (
    ContinuousBernoulli as ContinuousBernoulli,
)
from chainrule.distributions.dirichlet import Dirichlet as Dirichlet
from chainrule.distributions.distribution import Distribution as Distribution
from chainrule.distributions.exp_family import ExponentialFamily as ExponentialFamily
from chainrule.distributions.exponential import Exponential as Exponential
from chainrule.distributions.fishersnedecor import FisherSnedecor as FisherSnedecor
from chainrule.distributions.gamma import Gamma as Gamma
from chainrule.distributions.generalized_pareto import GeneralizedPareto as GeneralizedPareto
from chainrule.distributions.geometric import Geometric as Geometric
from chainrule.distributions.gumbel import Gumbel as Gumbel
from chainrule.distributions.half_cauchy import HalfCauchy as HalfCauchy
from chainrule.distributions.half_normal import HalfNormal as HalfNormal
from chainrule.distributions.independent import Independent as Independent
from chainrule.distributions.inverse_gamma import InverseGamma as InverseGamma
from chainrule.distributions.kl import kl_divergence as kl_divergence
from chainrule.distributions.kl import register_kl as register_kl
from chainrule.distributions.kumaraswamy import Kumaraswamy as Kumaraswamy
from chainrule.distributions.laplace import Laplace as Laplace
from chainrule.distributions.lkj_cholesky import LKJCholesky as LKJCholesky
from chainrule.distributions.log_normal import LogNormal as LogNormal
from chainrule.distributions.logistic_normal import LogisticNormal as LogisticNormal
from chainrule.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal as LowRankMultivariateNormal,
)
from chainrule.distributions.mixture_same_family import MixtureSameFamily as MixtureSameFamily
from chainrule.distributions.multinomial import Multinomial as Multinomial
from chainrule.distributions.multivariate_normal import MultivariateNormal as MultivariateNormal
from chainrule.distributions.negative_binomial import NegativeBinomial as NegativeBinomial
from chainrule.distributions.normal import Normal as Normal
from chainrule.distributions.one_hot_categorical import OneHotCategorical as OneHotCategorical
from chainrule.distributions.one_hot_categorical import (
    OneHotCategoricalStraightThrough as OneHotCategoricalStraightThrough,
)
from chainrule.distributions.pareto import Pareto as Pareto
from chainrule.distributions.poisson import Poisson as Poisson
from chainrule.distributions.relaxed_bernoulli import RelaxedBernoulli as RelaxedBernoulli
from chainrule.distributions.relaxed_categorical import (
    RelaxedOneHotCategorical as RelaxedOneHotCategorical,
)
from chainrule.distributions.studentT import StudentT as StudentT
from chainrule.distributions.transformed_distribution import (
    TransformedDistribution as TransformedDistribution,
)
from chainrule.distributions.transforms import AbsTransform as AbsTransform
from chainrule.distributions.transforms import AffineTransform as AffineTransform
from chainrule.distributions.transforms import CatTransform as CatTransform
from chainrule.distributions.transforms import ComposeTransform as ComposeTransform
from chainrule.distributions.transforms import CorrCholeskyTransform as CorrCholeskyTransform
from chainrule.distributions.transforms import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from chainrule.distributions.transforms import ExpTransform as ExpTransform
from chainrule.distributions.transforms import IndependentTransform as IndependentTransform
from chainrule.distributions.transforms import LowerCholeskyTransform as LowerCholeskyTransform
from chainrule.distributions.transforms import (
    PositiveDefiniteTransform as PositiveDefiniteTransform,
)
from chainrule.distributions.transforms import PowerTransform as PowerTransform
from chainrule.distributions.transforms import ReshapeTransform as ReshapeTransform
from chainrule.distributions.transforms import SigmoidTransform as SigmoidTransform
from chainrule.distributions.transforms import SoftmaxTransform as SoftmaxTransform
from chainrule.distributions.transforms import SoftplusTransform as SoftplusTransform
from chainrule.distributions.transforms import StackTransform as StackTransform
from chainrule.distributions.transforms import StickBreakingTransform as StickBreakingTransform
from chainrule.distributions.transforms import TanhTransform as TanhTransform
from chainrule.distributions.transforms import Transform as Transform
from chainrule.distributions.transforms import identity_transform as identity_transform
from chainrule.distributions.uniform import Uniform as Uniform
from chainrule.distributions.von_mises import VonMises as VonMises
from chainrule.distributions.weibull import Weibull as Weibull
from chainrule.distributions.wishart import Wishart as Wishart

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "CatTransform",
    "Categorical", "Cauchy", "Chi2", "ComposeTransform", "ContinuousBernoulli",
    "CorrCholeskyTransform", "CumulativeDistributionTransform", "Dirichlet", "Distribution",
    "ExpTransform", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma",
    "GeneralizedPareto", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent",
    "IndependentTransform", "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace",
    "LogNormal", "LogisticNormal", "LowRankMultivariateNormal", "LowerCholeskyTransform",
    "MixtureSameFamily", "Multinomial", "MultivariateNormal", "NegativeBinomial", "Normal",
    "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson",
    "PositiveDefiniteTransform", "PowerTransform", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "StudentT",
    "TanhTransform", "Transform", "TransformedDistribution", "Uniform", "VonMises",
    "Weibull", "Wishart", "biject_to", "identity_transform", "kl_divergence", "register_kl",
    "transform_to",
]  # fmt: skip
