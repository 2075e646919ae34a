"""gradient_flow: how large the gradient is in each layer, and whether it gets there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chainrule.doctor.tools.drawing import bar, finite_or_text, table
from chainrule.doctor.tools.stepping import checked_loss, module_of
from chainrule.errors import GradientError
from chainrule.nn.module import Module
from chainrule.printed import Printed
from chainrule.tensor.gradient import grad
from chainrule.tensor.tensor import Tensor

TOOL = "gradient_flow"
VANISHING, EXPLODING = 1e-3, 1e3  # first over last layer
TOO_LARGE = 100.0  # times the norm of the weights


@dataclass(frozen=True)
class LayerGradient:
    """The gradient of the parameters that a module holds itself.

    Args:
        gradient_norm: None where no gradient arrived.
        per_element: the root mean square of the gradient.
        missing: names of parameters without a gradient.
    """

    name: str
    type: str
    parameters: int
    is_matrix: bool
    gradient_norm: float | None
    weight_norm: float
    per_element: float | None
    missing: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class GradientFlow(Printed):
    """The gradients of a model's layers: `print` it, or take `as_dict()`.

    Args:
        state: "healthy", "vanishing", "exploding", "zero" or "non-finite".
        verdict: the same in words, with numbers.
        ratio: of the gradient's norm in the first weight layer to that in the last.
        layers: in the order in which the model has them.
    """

    state: str
    verdict: str
    ratio: float | None
    layers: tuple[LayerGradient, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and plots."""
        layers = [
            {k: finite_or_text(v) for k, v in asdict(layer).items()} for layer in self.layers
        ]
        ratio = finite_or_text(self.ratio)
        return {"state": self.state, "verdict": self.verdict, "ratio": ratio, "layers": layers}

    def __str__(self) -> str:
        return "\n".join([self.verdict, "", *self._drawn()])

    def _drawn(self) -> list[str]:
        """A table with bars on a logarithmic scale."""
        norms = [layer.gradient_norm for layer in self.layers]
        usable = [math.log10(n) for n in norms if n and math.isfinite(n)]
        top, low = max(usable, default=0.0), min(usable, default=0.0)
        scale = max(top - low, 1.0) + 0.2  # the smallest one still shows
        rows = []
        for layer, norm in zip(self.layers, norms):
            if norm is None:
                shown, share = "none", 0.0
            else:
                finite = norm > 0 and math.isfinite(norm)
                share = 1 - (top - math.log10(norm)) / scale if finite else 0.0
                shown = f"{norm:.3g}"
            relative = norm / layer.weight_norm if norm and layer.weight_norm else None
            rows.append((f"{layer.name}: {layer.type}", bar(share), shown,
                         "–" if relative is None else f"{relative:.2g}"))  # fmt: skip
        return table(("layer", "gradient (logarithmic)", "norm", "of weights"), rows, left=2)


def gradient_flow(model: Module, loss: Tensor | None = None) -> GradientFlow:
    """The norm of the gradient in every layer, and whether it vanishes or explodes.

    Args:
        model: may be compiled.
        loss: a number that was computed with the model; its gradients are computed without
            touching any `.grad`, and backward() can still be called. Without it the
            gradients of the last backward() are looked at.

    Raises: GradientError (CR838) where no parameter has a gradient; ArgumentTypeError (CR832)
        or GradientError (CR833) for a loss that backward cannot start from; ArgumentTypeError
        (CR836) for what is no module.

    Notes: it vanishes or explodes if first and last weight layer differ by a factor of a
        thousand, in norm and per element alike; or is a hundred times the weights. Layers are
        in the order in which they were registered.

    Example:
        >>> import chainrule as cr
        >>> deep = [part for _ in range(8) for part in (cr.nn.Linear(16, 16), cr.nn.Sigmoid())]
        >>> net = cr.nn.Sequential(*deep, cr.nn.Linear(16, 1))
        >>> gradient_flow(net, net(cr.randn(4, 16)).square().mean()).state
        'vanishing'
    """
    module = module_of(TOOL, model)
    parameters = [p for p in module.parameters() if p.requires_grad]
    if loss is None:
        gradients = [p.grad for p in parameters]
    else:
        checked_loss(TOOL, loss)
        gradients = list(grad(loss, parameters, retain_graph=True, allow_unused=True))
    if all(g is None for g in gradients):
        raise GradientError("CR838", _nothing(len(parameters), loss))
    by_id = {id(p): g for p, g in zip(parameters, gradients)}
    layers = tuple(_layers(module, by_id))
    state, ratio, verdict = _judged(layers)
    return GradientFlow(state, verdict, ratio, layers)


def _nothing(count: int, loss: Tensor | None) -> str:
    if loss is None:
        return (
            f"{TOOL}: none of the {count} parameters that learn has a gradient; call "
            "loss.backward() before and zero_grad() after, or hand over the loss"
        )
    return (
        f"{TOOL}: the loss depends on none of the {count} parameters that learn. Was it "
        "computed with another model, or does detach() stand in between?"
    )


def _layers(module: Module, gradients: dict[int, Tensor | None]) -> Iterator[LayerGradient]:
    """The modules that hold parameters which learn; a shared parameter at its first place."""
    seen: set[int] = set()
    for path, part in module.named_modules():
        own = {
            name: p for name, p in part.named_parameters(recurse=False)
            if id(p) in gradients and id(p) not in seen
        }  # fmt: skip
        seen |= {id(p) for p in own.values()}
        if own:
            yield _layer(path or type(part).__name__, type(part).__name__, own, gradients)


def _layer(
    path: str, kind: str, own: dict[str, Any], gradients: dict[int, Tensor | None]
) -> LayerGradient:
    found = [g for p in own.values() if (g := gradients[id(p)]) is not None]
    norm = _norm(found) if found else None
    size = sum(g.numel() for g in found)
    return LayerGradient(
        path, kind, sum(p.numel() for p in own.values()),
        any(p.ndim > 1 for p in own.values()), norm, _norm(list(own.values())),
        None if norm is None else norm / math.sqrt(size or 1),
        tuple(name for name, p in own.items() if gradients[id(p)] is None),
    )  # fmt: skip


def _norm(tensors: list[Any]) -> float:
    """√Σ x², in float64."""
    arrays = [x.detach().double().numpy() for x in tensors]
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(sum(float(np.vdot(x, x)) for x in arrays))


def _judged(layers: tuple[LayerGradient, ...]) -> tuple[str, float | None, str]:
    """State, ratio and verdict."""
    known = [layer for layer in layers if layer.gradient_norm is not None]
    norms = {layer.name: layer.gradient_norm or 0.0 for layer in known}
    bad = [name for name, norm in norms.items() if not math.isfinite(norm)]
    if bad:
        return "non-finite", None, (
            f"the gradient is not finite in {len(bad)} of {len(known)} layers; it comes from "
            f"the loss through {bad[-1]}, where to look first. Is the loss finite itself?"
        )  # fmt: skip
    if not any(norms.values()):
        return "zero", None, (
            "the gradient is zero in all layers: units that are all dead or saturated, or a "
            "loss that does not depend on the outputs here"
        )  # fmt: skip
    weights = [layer for layer in known if layer.is_matrix] or known
    first, last = weights[0], weights[-1]
    ratio = _ratio(first.gradient_norm, last.gradient_norm)
    each = _ratio(first.per_element, last.per_element)
    state = _state(ratio, each, known)
    return state, ratio, _verdict(state, ratio, first, last, known) + _gaps(layers)


def _ratio(a: float | None, b: float | None) -> float:
    return (a or 0.0) / b if b else math.inf


def _state(ratio: float, each: float, known: list[LayerGradient]) -> str:
    if ratio < VANISHING and each < VANISHING:
        return "vanishing"
    grows = ratio > EXPLODING and each > EXPLODING
    return "exploding" if grows or _largest(known)[0] > TOO_LARGE else "healthy"


def _largest(known: list[LayerGradient]) -> tuple[float, str]:
    """The largest gradient in terms of its weights; biases, which start at 0, left out."""
    shares = [
        ((layer.gradient_norm or 0.0) / layer.weight_norm, layer.name)
        for layer in known if layer.weight_norm and layer.is_matrix
    ]  # fmt: skip
    return max(shares, default=(0.0, ""))


def _verdict(
    state: str, ratio: float, first: LayerGradient, last: LayerGradient,
    known: list[LayerGradient],
) -> str:  # fmt: skip
    sizes = (
        f"its norm is {first.gradient_norm:.2g} in {first.name} and {last.gradient_norm:.2g} "
        f"in {last.name}, a ratio of {ratio:.2g}"
    )
    if state == "vanishing":
        return (
            f"the gradient vanishes on its way to the first layers: {sizes} (healthy: above "
            f"{VANISHING:g}). Use ReLU with He's initialization, normalization layers or "
            "residual connections"
        )
    if state == "healthy":
        return f"the gradient arrives: {sizes}"
    share, where = _largest(known)
    if share > TOO_LARGE:
        sizes = f"in {where} its norm is {share:.3g} times that of the weights"
    return (
        f"the gradient explodes: {sizes}. Clip it with clip_grad_norm_, scale inputs and "
        "targets, or start with smaller weights"
    )


def _gaps(layers: tuple[LayerGradient, ...]) -> str:
    """Layers that the gradient does not reach."""
    absent = [layer.name for layer in layers if layer.gradient_norm is None]
    zero = [layer.name for layer in layers if layer.gradient_norm == 0]
    text = f"; no gradient reaches {', '.join(absent[:4])}" if absent else ""
    return text + (f"; it is exactly zero in {', '.join(zero[:4])}" if zero else "")
