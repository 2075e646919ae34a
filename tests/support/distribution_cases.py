"""Distributions that are compared with torch's: an expression, and values to score.

`d` is the package, `t(...)` a float64 parameter that gradients are taken of, `n(...)` numbers
without one. With `torch` in the place of chainrule the same text makes torch's.
"""

#: (name, distribution, value); quantities that torch lacks are left out
CASES = []


def case(family, expression, value):
    number = sum(name.split("-")[0] == family for name, *_ in CASES)
    CASES.append((f"{family}-{number}", expression, value))


REAL = "n([[-2.5, -0.3], [0.0, 0.7], [1.0, 4.2]])"
POSITIVE = "n([[0.02, 0.5], [1.0, 1.7], [3.0, 12.0]])"
UNIT = "n([[0.001, 0.2], [0.45, 0.5], [0.7, 0.98]])"
COUNTS = "n([[0.0, 1.0], [2.0, 5.0], [9.0, 3.0]])"
BITS = "n([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])"
SIMPLEX = "n([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05], [1 / 3, 1 / 3, 1 / 3]])"
TWO_OF_SIMPLEX = "n([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]])"

for two in (
    "t([0.3, -1.2]), t([0.5, 3.0])",
    "t(0.0), t(1.0)",
    "t([[0.1], [2.0], [-7.0]]), t(0.2)",
):
    for family in ("Normal", "Laplace", "Cauchy", "Gumbel"):
        case(family, f"d.{family}({two})", REAL)
    case("LogNormal", f"d.LogNormal({two})", POSITIVE)
    case("VonMises", f"d.VonMises({two})", REAL)
for two in ("t([0.4, 3.0]), t([1.0, 0.3])", "t(1.0), t(1.0)", "t([12.0, 0.05]), t([2.0, 6.5])"):
    for family in ("Gamma", "InverseGamma", "Weibull", "FisherSnedecor"):
        case(family, f"d.{family}({two})", POSITIVE)
    for family in ("Beta", "Kumaraswamy"):
        case(family, f"d.{family}({two})", UNIT)
for one in ("t([0.2, 4.0])", "t(1.0)"):
    for family in ("Exponential", "HalfNormal", "HalfCauchy", "Chi2"):
        case(family, f"d.{family}({one})", POSITIVE)
    case("Poisson", f"d.Poisson({one})", COUNTS)
for df in ("t([0.5, 1.5])", "t([2.0, 30.0])", "t(4.0), t(1.0), t([0.5, 2.0])"):
    case("StudentT", f"d.StudentT({df})", REAL)
case("Uniform", "d.Uniform(t([-3.0, -0.5]), t([5.0, 9.0]))", "n([[-2.0, -0.3], [4.9, 0.0]])")
case("Uniform", "d.Uniform(t(0.0), t(1.0))", UNIT)
case("Pareto", "d.Pareto(t([0.01, 0.4]), t([0.5, 3.5]))", "n([[0.02, 0.5], [1.0, 17.0]])")
case("Pareto", "d.Pareto(t(0.5), t([1.5, 2.5]))", "n([[0.52, 0.5], [1.0, 17.0]])")
case("GeneralizedPareto", "d.GeneralizedPareto(t([0.0, 1.0]), t([1.0, 2.0]), t([0.3, -0.2]))",
     "n([[0.2, 1.5], [3.0, 9.0]])")  # fmt: skip
case("GeneralizedPareto", "d.GeneralizedPareto(t(0.0), t(2.0), n(0.0))", POSITIVE)

for probability in ("probs=t([0.2, 0.9])", "logits=t([-3.0, 0.4])", "probs=t(0.5)"):
    case("Bernoulli", f"d.Bernoulli({probability})", BITS)
    case("Geometric", f"d.Geometric({probability})", COUNTS)
    case("Binomial", f"d.Binomial(9, {probability})", COUNTS)
    case("NegativeBinomial", f"d.NegativeBinomial(t(3.5), {probability})", COUNTS)
    case("ContinuousBernoulli", f"d.ContinuousBernoulli({probability})", UNIT)
    case("RelaxedBernoulli", f"d.RelaxedBernoulli(t(0.7), {probability})", UNIT)
case("Binomial", "d.Binomial(n([3.0, 10.0]), t([0.0, 1.0]))", "n([0.0, 10.0])")

for weights in ("probs=t([0.2, 0.7, 0.4])", "logits=t([[0.0, -1.0, 2.0], [1.0, 1.0, 1.0]])"):
    case("Categorical", f"d.Categorical({weights})", "n([[0.0, 2.0], [1.0, 1.0]])")
    case("OneHotCategorical", f"d.OneHotCategorical({weights})",
         "n([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])")  # fmt: skip
    case("Multinomial", f"d.Multinomial(5, {weights})", "n([[2.0, 0.0, 3.0], [1.0, 3.0, 1.0]])")
    case(
        "RelaxedOneHotCategorical",
        f"d.RelaxedOneHotCategorical(t(0.6), {weights})",
        TWO_OF_SIMPLEX,
    )
for concentration in (
    "t([0.5, 1.0, 4.0])",
    "t([[2.0, 3.0, 0.2], [1.0, 1.0, 1.0], [9.0, 8.0, 7.0]])",
):
    case("Dirichlet", f"d.Dirichlet({concentration})", SIMPLEX)

ROWS = "[[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.7]]"
MATRIX = f"t({ROWS})"
TRIANGLE = "t([[1.1, 0.0, 0.0], [0.3, 0.8, 0.0], [-0.4, 0.2, 1.5]])"
VECTORS = "n([[0.2, 0.3, 0.5], [0.9, -5.0, 0.05]])"
LOC = "t([[0.1, -0.4, 2.0], [1.0, 0.0, 0.0]])"
ORIGIN = "t([0.0, 1.0, 0.0])"
for matrix in (MATRIX, f"precision_matrix={MATRIX}", f"scale_tril={TRIANGLE}"):
    case("MultivariateNormal", f"d.MultivariateNormal({LOC}, {matrix})", VECTORS)
for matrix in (f"scale_tril={TRIANGLE}.expand(2, 3, 3)", f"{MATRIX}.expand(2, 1, 3, 3)"):
    case("MultivariateNormal", f"d.MultivariateNormal({ORIGIN}, {matrix})", VECTORS)
FACTOR = "t([[1.0], [0.5], [-2.0]]), t([0.5, 1.0, 2.0])"
case("LowRankMultivariateNormal", f"d.LowRankMultivariateNormal({LOC}, {FACTOR})", VECTORS)
case("Wishart", f"d.Wishart(t([4.5, 3.0]), {MATRIX})", f"n([{ROWS}])")
case(
    "LKJCholesky",
    "d.LKJCholesky(3, t([0.5, 2.0]))",
    "n([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])",
)
case("LogisticNormal", "d.LogisticNormal(t([0.3, -1.0]), t([1.0, 0.5]))", SIMPLEX)

NORMALS = "d.Normal(t([[0.0, 1.0], [2.0, -1.0]]), t([[1.0, 0.5], [0.3, 2.0]]))"
for axes in (1, 2):
    case("Independent", f"d.Independent({NORMALS}, {axes})", "n([[0.2, 0.3], [0.9, -5.0]])")
WEIGHTS = "d.Categorical(t([0.3, 0.7]))"
case("MixtureSameFamily", f"d.MixtureSameFamily({WEIGHTS}, {NORMALS})", "n([0.1, -2.0])")
PARTS = f"d.Independent(d.Normal({LOC}, t(0.5)), 1)"
case("MixtureSameFamily", f"d.MixtureSameFamily({WEIGHTS}, {PARTS})", VECTORS)

NORMAL = "d.Normal(t([0.3, -0.2]), t([1.0, 0.6]))"
AFTER = {
    "d.ExpTransform()": POSITIVE,
    "[d.AffineTransform(t(1.0), t([2.0, -0.5])), d.ExpTransform()]": POSITIVE,
    "[d.ExpTransform(), d.PowerTransform(n(0.5))]": POSITIVE,
    "[d.SoftplusTransform()]": POSITIVE,
    "d.TanhTransform()": UNIT,
    "[d.SigmoidTransform()]": UNIT,
    "[d.CumulativeDistributionTransform(d.Normal(n(0.0), n(1.0)))]": UNIT,
    "d.StickBreakingTransform()": SIMPLEX,
    "d.ReshapeTransform((2,), (2, 1))": "n([[0.5], [0.2]])",
    "d.CatTransform([d.ExpTransform(), d.AffineTransform(n(1.0), n(3.0))])": "n([0.5, 0.2])",
    "d.StackTransform([d.ExpTransform(), d.TanhTransform()])": "n([3.0, -0.9])",
}
for parts, value in AFTER.items():
    case("TransformedDistribution", f"d.TransformedDistribution({NORMAL}, {parts})", value)

POSITIVE_OR_REAL = "[d.constraints.positive, d.constraints.real]"
SQUARE = "n([[0.3, 0.0, 0.0], [-0.4, 1.0, 0.0], [0.7, 0.1, -1.0]])"

#: (transform, what it is applied to)
TRANSFORMS = [
    ("d.ExpTransform()", REAL),
    ("d.PowerTransform(t(-0.7))", POSITIVE),
    ("d.AffineTransform(t([1.0, 2.0]), t([-3.0, 0.5]))", REAL),
    ("d.AffineTransform(1.0, -2.5, event_dim=1)", REAL),
    ("d.AffineTransform(t(1.0), t([3.0, 0.5]), event_dim=1)", REAL),
    ("d.SigmoidTransform()", REAL),
    ("d.SoftplusTransform()", REAL),
    ("d.TanhTransform()", REAL),
    ("d.AbsTransform()", REAL),
    ("d.SoftmaxTransform()", REAL),
    ("d.StickBreakingTransform()", REAL),
    ("d.LowerCholeskyTransform()", "n([[0.3, 5.0, 1.0], [-0.4, 1.0, 2.0], [0.7, 0.1, -1.0]])"),
    ("d.PositiveDefiniteTransform()", SQUARE),
    ("d.CorrCholeskyTransform()", "n([[0.3, -0.5, 1.0], [0.1, 2.0, -0.7]])"),
    ("d.CumulativeDistributionTransform(d.Laplace(t(0.4), t(2.0)))", REAL),
    ("d.ReshapeTransform((2,), (1, 2))", REAL),
    ("d.IndependentTransform(d.ExpTransform(), 2)", REAL),
    ("d.ComposeTransform([d.TanhTransform(), d.AffineTransform(t(0.0), t(2.0))])", REAL),
    ("d.ComposeTransform([d.AffineTransform(t(1.), t(2.)), d.StickBreakingTransform()])", REAL),
    ("d.ComposeTransform([])", REAL),
    ("d.StackTransform([d.ExpTransform(), d.TanhTransform(), d.SigmoidTransform()])", REAL),
    ("d.CatTransform([d.ExpTransform(), d.TanhTransform()], 0, [1, 2])", REAL),
    ("d.SigmoidTransform().inv", UNIT),
    ("d.biject_to(d.constraints.simplex)", REAL),
    ("d.biject_to(d.constraints.corr_cholesky)", "n([[0.3], [0.1]])"),
    ("d.biject_to(d.constraints.independent(d.constraints.greater_than(3.0), 1))", REAL),
    ("d.biject_to(d.constraints.less_than(3.0))", REAL),
    ("d.transform_to(d.constraints.interval(-1.0, 3.0))", REAL),
    ("d.transform_to(d.constraints.positive)", REAL),
    ("d.transform_to(d.constraints.unit_interval)", REAL),
    ("d.transform_to(d.constraints.real_vector)", REAL),
    (f"d.transform_to(d.constraints.stack({POSITIVE_OR_REAL}, 1))", REAL),
    (f"d.transform_to(d.constraints.cat({POSITIVE_OR_REAL}, 1, [1, 1]))", REAL),
]  # fmt: skip

#: parameters of a p and of a q whose divergence is compared
ONE = {
    "Normal": ("t([0.3, -1.2]), t([0.5, 3.0])", "t([1.0, 0.0]), t([2.0, 0.7])"),
    "Laplace": ("t([0.3, -1.2]), t([0.5, 3.0])", "t([1.0, 0.0]), t([2.0, 0.7])"),
    "Gumbel": ("t([0.3, -1.2]), t([0.5, 3.0])", "t([1.0, 0.0]), t([2.0, 1.7])"),
    "Cauchy": ("t([0.3, -1.2]), t([0.5, 3.0])", "t([1.0, 0.0]), t([2.0, 0.7])"),
    "LogNormal": ("t([0.3, -1.2]), t([0.5, 3.0])", "t([1.0, 0.0]), t([2.0, 0.7])"),
    "Gamma": ("t([0.4, 3.0]), t([1.0, 0.3])", "t([2.0, 1.3]), t([0.7, 4.0])"),
    "Beta": ("t([0.4, 3.0]), t([1.0, 0.3])", "t([2.0, 1.3]), t([0.7, 4.0])"),
    "Exponential": ("t([0.2, 4.0])", "t([1.0, 0.3])"),
    "HalfNormal": ("t([0.2, 4.0])", "t([1.0, 0.3])"),
    "Chi2": ("t([3.0, 0.4])", "t([1.0, 2.4])"),
    "Pareto": ("t([0.6, 0.4]), t([0.5, 3.5])", "t([0.5, 0.9]), t([1.5, 2.5])"),
    "Uniform": ("t([0.2, 0.5]), t([0.6, 0.9])", "t([0.1, 0.6]), t([1.5, 2.5])"),
    "Poisson": ("t([0.2, 4.0])", "t([1.0, 0.3])"),
    "Bernoulli": ("t([0.2, 0.9])", "logits=t([0.3, -2.0])"),
    "Binomial": ("5, t([0.2, 0.9])", "5, t([0.3, 0.5])"),
    "Geometric": ("t([0.2, 0.9])", "t([0.3, 0.5])"),
    "ContinuousBernoulli": ("t([0.2, 0.9])", "t([0.3, 0.5])"),
    "Categorical": ("t([0.2, 0.7, 0.4])", "logits=t([0.2, -1.0, 0.4])"),
    "OneHotCategorical": ("t([0.2, 0.7, 0.0])", "t([0.2, 0.1, 0.0])"),
    "Dirichlet": ("t([0.5, 1.0, 4.0])", "t([2.0, 1.0, 0.4])"),
    "Independent": (f"{NORMALS}, 1", "d.Normal(t([[1.0, 0.0]]), t([1.0, 2.0])), 1"),
    "MultivariateNormal": (f"{LOC}, {MATRIX}", f"{ORIGIN}, scale_tril={TRIANGLE}"),
    "LowRankMultivariateNormal": (
        f"{LOC}, {FACTOR}",
        f"{ORIGIN}, t([[1.0, 0.0], [0.5, 2.0], [-2.0, 1.0]]), t([1.5, 0.3, 2.0])",
    ),
}

#: families that are compared with another one, or with more
ACROSS = {
    "Bernoulli": "Poisson",
    "Beta": "ContinuousBernoulli Exponential Gamma Normal Pareto",
    "ContinuousBernoulli": "Exponential Normal Pareto",
    "Exponential": "Beta Gamma Gumbel Normal Uniform",
    "Gamma": "Exponential Gumbel Normal Pareto",
    "Gumbel": "Normal Beta",
    "Laplace": "Normal Uniform",
    "LowRankMultivariateNormal": "MultivariateNormal",
    "MultivariateNormal": "LowRankMultivariateNormal",
    "Normal": "Gumbel Laplace Gamma",
    "Pareto": "Exponential Gamma Normal Uniform",
    "Poisson": "Bernoulli Binomial",
    "Uniform": "Beta ContinuousBernoulli Exponential Gamma Gumbel Normal Pareto",
}

#: name: the expressions of p and q
PAIRS = {name: (f"d.{name}({p})", f"d.{name}({q})") for name, (p, q) in ONE.items()}
for left, others in ACROSS.items():
    for right in others.split():
        PAIRS[f"{left}-{right}"] = PAIRS[left][0], PAIRS[right][1]
