"""Cases of the losses with margins, of distributions, of sequences, and of distances."""

from __future__ import annotations

import numpy as np

from layer_cases.making import Input, case, const, given, labels, unit, weights, x


def signs(*shape: int) -> Input:
    """1 and -1."""
    return Input(*shape, make=lambda u: np.where(u < 0, -1.0, 1.0), grad=False)


for _reduction in ("mean", "sum", "none"):
    case(
        f"MarginRankingLoss {_reduction}",
        lambda t, r=_reduction: t.nn.MarginRankingLoss(0.3, reduction=r),
        x(8),
        x(8),
        signs(8),
    )
    case(
        f"HingeEmbeddingLoss {_reduction}",
        lambda t, r=_reduction: t.nn.HingeEmbeddingLoss(reduction=r),
        x(3, 4),
        signs(3, 4),
    )
    case(
        f"CosineEmbeddingLoss {_reduction}",
        lambda t, r=_reduction: t.nn.CosineEmbeddingLoss(0.1, reduction=r),
        x(6, 4),
        x(6, 4),
        signs(6),
    )
    case(
        f"TripletMarginLoss {_reduction}",
        lambda t, r=_reduction: t.nn.TripletMarginLoss(reduction=r),
        x(6, 4),
        x(6, 4),
        x(6, 4),
    )
    case(
        f"TripletMarginWithDistanceLoss {_reduction}",
        lambda t, r=_reduction: t.nn.TripletMarginWithDistanceLoss(
            distance_function=lambda a, b: (a - b).abs().sum(-1), margin=2.0, reduction=r
        ),
        x(6, 4),
        x(6, 4),
        x(6, 4),
    )
    case(
        f"MultiMarginLoss {_reduction}",
        lambda t, r=_reduction: t.nn.MultiMarginLoss(
            2, 0.7, weights(t, 0.5, 1.0, 2.0), reduction=r
        ),
        x(5, 3),
        labels(3, 5),
    )
    case(
        f"MultiLabelMarginLoss {_reduction}",
        lambda t, r=_reduction: t.nn.MultiLabelMarginLoss(reduction=r),
        x(4, 4),
        given([[3, 0, -1, 1], [-1, 2, 0, 1], [0, 1, 2, 3], [2, 2, -1, -1]]),
    )
    case(
        f"SoftMarginLoss {_reduction}",
        lambda t, r=_reduction: t.nn.SoftMarginLoss(reduction=r),
        x(3, 4),
        signs(3, 4),
    )
    case(
        f"MultiLabelSoftMarginLoss {_reduction}",
        lambda t, r=_reduction: t.nn.MultiLabelSoftMarginLoss(
            weights(t, 0.5, 1.0, 2.0), reduction=r
        ),
        x(4, 3),
        unit(4, 3),
    )
    case(
        f"PoissonNLLLoss {_reduction}",
        lambda t, r=_reduction: t.nn.PoissonNLLLoss(full=True, reduction=r),
        x(3, 4),
        Input(3, 4, make=lambda u: np.floor(2 * u + 4), grad=False),
    )
    case(
        f"GaussianNLLLoss {_reduction}",
        lambda t, r=_reduction: t.nn.GaussianNLLLoss(reduction=r, full=True),
        x(3, 4),
        x(3, 4),
        unit(3, 4),
    )
    case(
        f"CTCLoss {_reduction}",
        lambda t, r=_reduction: (
            lambda a, b: t.nn.CTCLoss(reduction=r)(
                a.log_softmax(2), b + 1, (7, 5, 6), (3, 0, 2)
            )
        ),
        x(7, 3, 5),
        labels(4, 3, 3),
    )

case("MultiMarginLoss one sample", lambda t: t.nn.MultiMarginLoss(), x(4), labels(4))
case(
    "MultiLabelMarginLoss one sample",
    lambda t: lambda a, b: t.nn.MultiLabelMarginLoss()(a, b[0]),
    x(4),
    given([[3, 0, -1, 1]]),
)
case(
    "CosineEmbeddingLoss one sample", lambda t: t.nn.CosineEmbeddingLoss(), x(4), x(4), signs()
)
case(
    "TripletMarginLoss swap",
    lambda t: t.nn.TripletMarginLoss(2.0, 3.0, swap=True),
    x(6, 4),
    x(6, 4),
    x(6, 4),
)
case("TripletMarginLoss one sample", lambda t: t.nn.TripletMarginLoss(), x(4), x(4), x(4))
case(
    "TripletMarginWithDistanceLoss plain",
    lambda t: t.nn.TripletMarginWithDistanceLoss(swap=True),
    x(6, 4),
    x(6, 4),
    x(6, 4),
)
case(
    "MarginRankingLoss broadcast",
    lambda t: t.nn.MarginRankingLoss(),
    x(3, 4),
    x(3, 4),
    signs(3, 1),
)
case(
    "SoftMarginLoss large",
    lambda t: t.nn.SoftMarginLoss(),
    Input(5, make=lambda u: 300 * u),
    signs(5),
)
case("PoissonNLLLoss rates", lambda t: t.nn.PoissonNLLLoss(False), unit(3, 4), unit(3, 4))
case(
    "GaussianNLLLoss one variance",
    lambda t: t.nn.GaussianNLLLoss(),
    x(3, 4),
    x(3, 4),
    unit(3, 1),
)
case(
    "GaussianNLLLoss short variance",
    lambda t: t.nn.GaussianNLLLoss(),
    x(3, 4),
    x(3, 4),
    unit(3),
)
case(
    "GaussianNLLLoss small variance",
    lambda t: t.nn.GaussianNLLLoss(eps=0.5),
    x(3, 4),
    x(3, 4),
    unit(3, 4),
)
case(
    "GaussianNLLLoss number",
    lambda t: lambda a, b: t.nn.GaussianNLLLoss()(a, b, 0.3),
    x(3, 4),
    x(3, 4),
)
case(
    "CTCLoss one after the other",
    lambda t: (
        lambda a, b: t.nn.functional.ctc_loss(
            a.log_softmax(2), b, t.tensor([6, 6]), t.tensor([3, 2]), blank=4
        )
    ),
    x(6, 2, 5),
    labels(4, 5),
)
case(
    "CTCLoss repeated labels",
    lambda t: (
        lambda a: t.nn.functional.ctc_loss(
            a.log_softmax(2), t.tensor([[1, 1, 2], [2, 2, 2]]), (6, 6), (3, 3), reduction="none"
        )
    ),
    x(6, 2, 3),
)
case(
    "CTCLoss too short",
    lambda t: (
        lambda a: t.nn.functional.ctc_loss(
            a.log_softmax(2),
            t.tensor([[1, 1, 2], [2, 1, 2]]),
            (3, 3),
            (3, 3),
            zero_infinity=True,
        )
    ),
    x(3, 2, 3),
)
case(
    "CTCLoss one sequence",
    lambda t: (
        lambda a: t.nn.functional.ctc_loss(
            a.log_softmax(1), t.tensor([1, 2]), t.tensor(5), t.tensor(2)
        )
    ),
    x(5, 3),
)
case(
    "mse_loss weighted",
    lambda t: lambda a, b, w: t.nn.functional.mse_loss(a, b, weight=w),
    x(3, 4),
    x(3, 4),
    unit(3, 4, grad=False),
)
case(
    "l1_loss weighted",
    lambda t: lambda a, b, w: t.nn.functional.l1_loss(a, b, weight=w, reduction="sum"),
    x(3, 4),
    x(3, 4),
    unit(3, 4, grad=False),
)
case("pdist 0", lambda t: lambda a: t.nn.functional.pdist(a, 0.0), const(4, 3))
for _p in (1.0, 2.0, 3.0, float("inf")):
    case(f"pdist {_p}", lambda t, p=_p: lambda a: t.nn.functional.pdist(a, p), x(4, 3))
    case(f"PairwiseDistance {_p}", lambda t, p=_p: t.nn.PairwiseDistance(p), x(4, 3), x(4, 3))
case(
    "PairwiseDistance keepdim", lambda t: t.nn.PairwiseDistance(keepdim=True), x(4, 3), x(1, 3)
)
case("CosineSimilarity", lambda t: t.nn.CosineSimilarity(dim=0), x(4, 3), x(4, 3))
case("pdist of equal rows", lambda t: t.nn.functional.pdist, Input(3, 2, make=np.ones_like))
case(
    "functional triplet",
    lambda t: (
        lambda a, b, c: t.nn.functional.triplet_margin_loss(
            a, b, c, 1.5, 1.0, 1e-4, True, reduction="sum"
        )
    ),
    x(5, 4),
    x(5, 4),
    const(5, 4),
)
