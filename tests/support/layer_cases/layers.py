"""Cases of norms, embeddings, lazy layers, and layers that few networks use."""

from __future__ import annotations

from typing import Any

from layer_cases.making import case, const, given, labels, unit, x

case("group_norm", lambda t: t.nn.GroupNorm(2, 4), x(2, 4, 3, 2))
case("group_norm vectors", lambda t: t.nn.GroupNorm(3, 6, 0.1), x(4, 6))
case("group_norm plain", lambda t: t.nn.GroupNorm(1, 4, affine=False), x(2, 4, 3))
case("group_norm scale only", lambda t: t.nn.GroupNorm(4, 4, bias=False), x(2, 4, 3))
case("instance_norm1d", lambda t: t.nn.InstanceNorm1d(3), x(2, 3, 4))
case("instance_norm1d unbatched", lambda t: t.nn.InstanceNorm1d(3, affine=True), x(3, 4))
case("instance_norm2d", lambda t: t.nn.InstanceNorm2d(3, affine=True), x(2, 3, 2, 3))
case(
    "instance_norm2d tracked",
    lambda t: t.nn.InstanceNorm2d(3, 1e-3, 0.3, True, True),
    x(2, 3, 2, 3),
)
case(
    "instance_norm2d tracked eval",
    lambda t: t.nn.InstanceNorm2d(3, track_running_stats=True).eval(),
    x(2, 3, 2, 3),
)
case("instance_norm3d", lambda t: t.nn.InstanceNorm3d(2, affine=True), x(2, 2, 2, 3, 2))
case("rms_norm", lambda t: t.nn.RMSNorm(5), x(2, 3, 5))
case("rms_norm eps", lambda t: t.nn.RMSNorm((3, 5), 0.1), x(2, 3, 5))
case("rms_norm plain", lambda t: t.nn.RMSNorm(5, elementwise_affine=False), x(4, 5))
for _size in (1, 2, 3, 5):
    case(
        f"local_response_norm {_size}",
        lambda t, n=_size: t.nn.LocalResponseNorm(n, 0.5, 0.7, 1.3),
        x(2, 6, 3, 2),
    )
case("local_response_norm signals", lambda t: t.nn.LocalResponseNorm(2), x(2, 4, 5))
case(
    "functional group_norm",
    lambda t: lambda a, w, b: t.nn.functional.group_norm(a, 2, w, b, 1e-3),
    x(2, 4, 3),
    x(4),
    x(4),
)
case(
    "functional instance_norm",
    lambda t: lambda a, m, v, w: t.nn.functional.instance_norm(a, m, v, w, momentum=0.5),
    x(3, 2, 4),
    const(2),
    unit(2, grad=False),
    x(2),
)
case(
    "functional instance_norm running",
    lambda t: lambda a, m, v: t.nn.functional.instance_norm(a, m, v, use_input_stats=False),
    x(3, 2, 4),
    const(2),
    unit(2, grad=False),
)
case(
    "functional rms_norm",
    lambda t: lambda a, w: t.nn.functional.rms_norm(a, (4,), w),
    x(3, 4),
    x(4),
)

case("rrelu eval", lambda t: t.nn.RReLU(0.1, 0.5).eval(), x(3, 4))
case("rrelu one slope", lambda t: t.nn.RReLU(0.25, 0.25), x(3, 4))
case("alpha_dropout eval", lambda t: t.nn.AlphaDropout(0.3).eval(), x(3, 4))
case("alpha_dropout 0", lambda t: t.nn.AlphaDropout(0.0), x(3, 4))
case("alpha_dropout 1", lambda t: t.nn.AlphaDropout(1.0), x(3, 4))
case("feature_alpha_dropout eval", lambda t: t.nn.FeatureAlphaDropout(0.3).eval(), x(2, 3, 4))
for _name in ("relu_", "elu_", "leaky_relu_", "selu_", "celu_", "hardtanh_"):
    case(
        f"functional {_name}",
        lambda t, name=_name: lambda a: getattr(t.nn.functional, name)(a * 2),
        x(3, 4),
    )
case(
    "functional threshold_",
    lambda t: lambda a: t.nn.functional.threshold_(a * 2, 0.1, 7),
    x(3, 4),
)
case("gumbel_softmax of one class", lambda t: t.nn.functional.gumbel_softmax, x(3, 1))

case(
    "embedding by frequency",
    lambda t: t.nn.Embedding(4, 3, scale_grad_by_freq=True),
    labels(4, 9),
)
case("embedding max_norm", lambda t: t.nn.Embedding(4, 3, max_norm=1.0), labels(4, 2, 3))
case(
    "embedding max_norm 1",
    lambda t: t.nn.Embedding(5, 3, 2, 1.5, 1.0, True),
    labels(5, 7),
)
for _mode in ("sum", "mean", "max"):
    case(
        f"embedding_bag {_mode}",
        lambda t, m=_mode: t.nn.EmbeddingBag(7, 3, mode=m),
        labels(7, 4, 5),
    )
    case(
        f"embedding_bag {_mode} offsets",
        lambda t, m=_mode: t.nn.EmbeddingBag(7, 3, mode=m, padding_idx=2),
        labels(7, 12),
        given([0, 3, 3, 4, 12]),
    )
    case(
        f"embedding_bag {_mode} last offset",
        lambda t, m=_mode: t.nn.EmbeddingBag(7, 3, mode=m, include_last_offset=True),
        labels(7, 6),
        given([0, 2, 6]),
    )
case(
    "embedding_bag weighted",
    lambda t: (
        lambda i, w, o, s: t.nn.functional.embedding_bag(
            i, w, o, mode="sum", per_sample_weights=s
        )
    ),
    labels(7, 6),
    x(7, 3),
    given([0, 2, 2]),
    x(6),
)
case(
    "embedding_bag weighted rows",
    lambda t: (
        lambda i, w, s: t.nn.functional.embedding_bag(
            i, w, mode="sum", per_sample_weights=s, padding_idx=1
        )
    ),
    labels(7, 2, 3),
    x(7, 3),
    x(2, 3),
)
case(
    "embedding_bag max_norm",
    lambda t: t.nn.EmbeddingBag(4, 3, 1.2, 3.0, mode="sum"),
    labels(4, 3, 4),
)

case("bilinear", lambda t: t.nn.Bilinear(3, 4, 2), x(5, 3), x(5, 4))
case(
    "bilinear without bias",
    lambda t: t.nn.Bilinear(3, 4, 2, bias=False),
    x(2, 5, 3),
    x(2, 5, 4),
)
case("bilinear of vectors", lambda t: t.nn.Bilinear(3, 4, 2), x(3), x(4))


def with_loss(t: Any, *args: Any, **kwargs: Any) -> Any:
    """An adaptive softmax that returns one tensor."""

    class WithLoss(t.nn.AdaptiveLogSoftmaxWithLoss):
        def forward(self, input: Any, target: Any) -> Any:
            output, loss = super().forward(input, target)
            return output + 2 * loss

    return WithLoss(*args, **kwargs)


case(
    "adaptive softmax",
    lambda t: with_loss(t, 8, 12, [3, 7], 2.0),
    x(6, 8),
    given([0, 5, 11, 2, 3, 7]),
)
case(
    "adaptive softmax one sample",
    lambda t: with_loss(t, 4, 6, [2], head_bias=True),
    x(4),
    given(4),
)


def of_all_classes(t: Any, *args: Any) -> Any:
    """An adaptive softmax that returns the log-probabilities of all classes."""

    class OfAllClasses(t.nn.AdaptiveLogSoftmaxWithLoss):
        def forward(self, input: Any) -> Any:
            return self.log_prob(input)

    return OfAllClasses(*args)


case("adaptive softmax log_prob", lambda t: of_all_classes(t, 4, 6, [2, 3], 2), x(3, 4))
case("data parallel", lambda t: t.nn.DataParallel(t.nn.Linear(3, 2), [0, 1]), x(4, 3))


def scaled(t: Any) -> Any:
    """A module with buffers of both kinds."""

    class Scaled(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = t.nn.Buffer(t.tensor([2.0, 3.0]))
            self.shift = t.nn.Buffer(t.tensor(1.0), persistent=False)

        def forward(self, a: Any) -> Any:
            return a * self.factor + self.shift

    return Scaled()


case("buffers", scaled, x(3, 2))


def after_a_call(make: Any, *shape: int) -> Any:
    """A lazy layer, which has seen an input."""

    def made(t: Any) -> Any:
        layer = make(t)
        with t.no_grad():
            layer(t.ones(shape) * t.arange(shape[-1]))
        return layer

    return made


LAZY = {
    "linear": (lambda t: t.nn.LazyLinear(3), (4, 5)),
    "linear without bias": (lambda t: t.nn.LazyLinear(3, bias=False), (2, 4, 5)),
    "conv1d": (lambda t: t.nn.LazyConv1d(4, 3, padding=1), (2, 3, 5)),
    "conv2d": (lambda t: t.nn.LazyConv2d(4, 3, 2, 1, 1, 2), (2, 6, 5, 5)),
    "conv2d without bias": (lambda t: t.nn.LazyConv2d(4, (3, 2), bias=False), (2, 3, 4, 4)),
    "conv3d": (lambda t: t.nn.LazyConv3d(2, 2), (1, 3, 3, 3, 3)),
    "conv_transpose1d": (lambda t: t.nn.LazyConvTranspose1d(2, 3, 2), (2, 3, 4)),
    "conv_transpose2d": (
        lambda t: t.nn.LazyConvTranspose2d(4, 3, 2, 1, 1, 2, False),
        (1, 2, 3, 3),
    ),
    "conv_transpose3d": (lambda t: t.nn.LazyConvTranspose3d(2, 2), (1, 2, 2, 3, 2)),
    "batch_norm1d": (lambda t: t.nn.LazyBatchNorm1d(), (4, 3)),
    "batch_norm2d": (lambda t: t.nn.LazyBatchNorm2d(momentum=0.3), (2, 3, 2, 3)),
    "batch_norm2d plain": (lambda t: t.nn.LazyBatchNorm2d(affine=False), (2, 3, 2, 3)),
    "batch_norm3d": (
        lambda t: t.nn.LazyBatchNorm3d(track_running_stats=False),
        (2, 3, 2, 2, 2),
    ),
    "instance_norm1d": (lambda t: t.nn.LazyInstanceNorm1d(), (2, 3, 4)),
    "instance_norm2d": (lambda t: t.nn.LazyInstanceNorm2d(affine=False), (2, 3, 2, 3)),
    "instance_norm3d": (lambda t: t.nn.LazyInstanceNorm3d(bias=False), (2, 3, 2, 2, 2)),
}
for _name, (_make, _shape) in LAZY.items():
    case(f"lazy {_name}", after_a_call(_make, *_shape), x(*_shape))
