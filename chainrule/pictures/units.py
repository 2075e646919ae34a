"""What a unit looks for: an input that excites it, found by gradient ascent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import optim
from chainrule.errors import ArgumentError, ShapeError
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.pictures import canvas, given
from chainrule.pictures.canvas import Figure
from chainrule.pictures.characters import number, shades
from chainrule.pictures.undisturbed import (
    Model,
    as_weights,
    called,
    module_named,
    network_of,
    undisturbed,
)
from chainrule.printed import Printed
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.gradient import grad
from chainrule.tensor.tensor import Tensor


@dataclass(frozen=True, repr=False)
class Preferred(Printed):
    """An input for each unit that excites it; print() draws them in a terminal."""

    layer: str  # "" for the output of the network
    units: tuple[int, ...]
    images: np.ndarray  # (units, c, h, w)
    before: np.ndarray  # (units,), how excited each was by noise
    after: np.ndarray  # (units,), and is by its image

    def __str__(self) -> str:
        return "\n".join(
            f"{shades(image.mean(0))}\nunit {unit}: {number(old)} → {number(new)}"
            for unit, image, old, new in zip(self.units, self.images, self.before, self.after)
        )


def preferred_inputs(
    model: Model,
    units: int | Sequence[int],
    like: Any,
    layer: str | Module | None = None,
    *,
    steps: int = 120,
    rate: float = 0.05,
    smoothness: float = 0.5,
    decay: float = 0.5,
    jitter: int | None = None,
    seed: int = 0,
) -> Preferred:
    """The numbers of feature_visualization; see there.

    Example:
        >>> from chainrule import models, rand
        >>> found = preferred_inputs(models.CNN(8), [3, 7], like=rand(4, 1, 8, 8), steps=3)
        >>> found.images.shape, bool((found.after > found.before).all())
        ((2, 1, 8, 8), True)
    """
    network = network_of(model, "feature_visualization")
    examples = given.array(given.images(like, "feature_visualization")).astype(np.float32)
    wanted = (units,) if isinstance(units, int) else tuple(units)
    if not wanted or steps < 1 or rate <= 0 or min(smoothness, decay, jitter or 0) < 0:
        raise ArgumentError(
            "CR848",
            "feature_visualization takes at least one unit and one step, a rate above 0, and "
            "smoothness, decay and jitter of at least 0",
        )
    jitter = max(1, min(examples.shape[2:]) // 16) if jitter is None else jitter
    low, high = float(examples.min()), float(examples.max())
    source = np.random.default_rng(seed)
    middle, spread = examples.mean(), (high - low) or 1.0
    noise = source.normal(0, 0.05, (len(wanted), *examples.shape[1:])) * spread
    with undisturbed(network), enable_grad():
        name, answer = _listen(network, layer, wanted)
        start = np.clip(middle + noise, low, high).astype(np.float32)
        image = Parameter(from_numpy(start.copy()))
        optimizer = optim.Adam([image], lr=rate * spread)
        for _ in range(steps):
            shift = tuple(source.integers(-jitter, jitter + 1, 2).tolist())
            rise = _slopes(answer(image.roll(shift, (-2, -1))), image)
            rest = (image - middle) / spread
            cost = smoothness * _roughness(rest) + decay * (rest**2).sum()
            image.grad = _slopes(cost, image) - _even(rise)
            optimizer.step()
            with no_grad():
                image.clamp_(low, high)
        with no_grad():
            before, after = (
                given.array(answer(x)) for x in (from_numpy(start), image.detach())
            )
            made = image.detach().numpy().copy()
    return Preferred(name, wanted, made, before.copy(), after.copy())


def _roughness(x: Tensor) -> Tensor:
    """The squares of the differences between neighbours."""
    return (x.diff(dim=-1) ** 2).sum() + (x.diff(dim=-2) ** 2).sum()


def _slopes(y: Tensor, image: Tensor) -> Tensor:
    slopes = grad(y.sum(), image, allow_unused=True)[0] if y.requires_grad else None
    if slopes is None:
        raise ArgumentError(
            "CR842", "feature_visualization: these units do not depend on the image"
        )
    return slopes


def _even(slopes: Tensor) -> Tensor:
    """Gradients of several images, each with a mean square of 1."""
    return slopes / (slopes**2).mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _listen(network: Module, layer: str | Module | None, units: tuple[int, ...]) -> Any:
    """The layer's name, and a function from a batch to how excited each one's unit is."""
    name, module = "", network
    if layer is not None:
        name, module = module_named(network, layer, "feature_visualization")

    def answer(x: Tensor) -> Tensor:
        y = called(network, as_weights(x, network))[1].of(module)
        if not isinstance(y, Tensor) or y.ndim < 2 or len(y) != len(units):
            seen = getattr(y, "shape", type(y).__name__)
            what = f"layer '{name}'" if name else "the network"
            raise ShapeError(
                "CR845",
                f"feature_visualization: {what} returns no row of units for each image, but "
                f"{seen}",
            )
        if wrong := [unit for unit in units if not 0 <= unit < y.shape[1]]:
            raise ArgumentError(
                "CR842",
                f"feature_visualization: there are units 0 to {y.shape[1] - 1}, not {wrong[0]}",
            )
        each = y.flatten(2).mean(2) if y.ndim > 2 else y  # a channel: the mean over its places
        rows = from_numpy(np.eye(y.shape[1], dtype=np.float32)[list(units)])
        return (each * rows.to(each.dtype)).sum(1)

    return name, answer


def feature_visualization(
    model: Model,
    units: int | Sequence[int],
    like: Any,
    layer: str | Module | None = None,
    *,
    steps: int = 120,
    rate: float = 0.05,
    smoothness: float = 0.5,
    decay: float = 0.5,
    jitter: int | None = None,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> Figure:
    """What units look for: images that excite them, found by gradient ascent on the input.

        x ← x + η (g - ∂/∂x (smoothness Σ (differences of neighbours)² + decay Σ x²))

    where g is the gradient of the activation at a mean square of 1.

    Args:
        units: classes, or with a layer its units or channels.
        like: images (n, c, h, w) of the kind the model knows: they give the size, the range
            and the middle that the ascent starts from.
        layer: a name or module; by default the output.
        steps: of the ascent, by Adam.
        rate: its learning rate, as a share of the range.
        smoothness: how much neighbours that differ cost.
        decay: how much it costs to be far from the middle.
        jitter: by how many pixels the image is moved about, at random, in each step;
            by default a sixteenth of its side.
        seed: of the noise at the start and of the jitter.
        names: of the units.

    Raises: ArgumentError (CR842) for a unit or layer that is not there; ShapeError (CR843,
        CR845) for the images or the layer's output.
    Source: Erhan et al. 2009; Olah et al. 2017, "Feature Visualization"
    """
    found = preferred_inputs(
        model, units, like, layer, steps=steps, rate=rate, smoothness=smoothness, decay=decay,
        jitter=jitter, seed=seed,
    )  # fmt: skip
    columns = min(5, len(found.units))
    with canvas.drawing():
        made, axes = canvas.panels(-(-len(found.units) // columns), columns, 1.75, 1.95)
        for place in list(axes.flat)[len(found.units) :]:
            place.set_visible(False)
        for i, (place, image) in enumerate(zip(axes.flat, found.images)):
            canvas.show_image(place, image)
            unit = f"unit {found.units[i]}" if names is None else str(names[i])
            rise = f"{number(found.before[i])} → {number(found.after[i])}"
            signs = rise.replace("-", "−")
            place.set_title(f"{unit}\n{signs}", fontsize=9, weight="normal")
        where = f"layer '{found.layer}'" if found.layer else "the output"
        made.suptitle(
            f"What units of {where} look for (activation before → after)", x=0.01, ha="left",
            weight="bold", fontsize=11,
        )  # fmt: skip
    return made
