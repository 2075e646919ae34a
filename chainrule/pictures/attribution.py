"""Where in an image a network looks: Grad-CAM, saliency, occlusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.interpolation import interpolate
from chainrule.nn.convolution import Convolution
from chainrule.nn.module import Module
from chainrule.pictures import canvas, given
from chainrule.pictures.canvas import Figure
from chainrule.pictures.characters import number, shades
from chainrule.pictures.undisturbed import (
    Calls,
    Model,
    as_weights,
    called,
    module_named,
    name_of,
    network_of,
    undisturbed,
)
from chainrule.printed import Printed
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.gradient import grad
from chainrule.tensor.tensor import Tensor

ROWS = 256  # images with something hidden that the network gets at once

Target = int | Sequence[int] | Tensor | None


@dataclass(frozen=True, repr=False)
class Attribution(Printed):
    """How much each place of some images matters; print() draws the maps in a terminal."""

    method: str
    images: np.ndarray  # (n, c, h, w)
    maps: np.ndarray  # (n, h, w)
    targets: tuple[int, ...]  # the class that was asked for, of each image
    scores: np.ndarray  # (n,), the output of that class
    layer: str = ""

    def __str__(self) -> str:
        return "\n".join(
            f"{shades(each)}\n{self.method} of class {target}, score {number(score)}"
            for each, target, score in zip(self.maps, self.targets, self.scores)
        )


def _score(y: Any, target: Target, picture: str) -> tuple[Tensor, list[int]]:
    """Of outputs (n, k) those of one class for each image (n,), and which classes these are.

    Raises: ShapeError (CR845) where the output is no row of scores; ArgumentError (CR848).
    """
    if isinstance(y, Tensor) and y.ndim == 1:
        y = y.unsqueeze(1)
    if not isinstance(y, Tensor) or y.ndim != 2:
        raise ShapeError(
            "CR845",
            f"{picture} needs a model whose output is a row of scores for each image, got "
            f"{tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__}",
        )
    classes = _classes(target, y, picture)
    chosen = np.zeros(tuple(y.shape), np.float32)
    chosen[np.arange(len(y)), classes] = 1
    return (y * from_numpy(chosen).to(y.dtype)).sum(1), classes


def _classes(target: Target, y: Tensor, picture: str) -> list[int]:
    n, k = y.shape
    if target is None:
        return [int(each) for each in y.detach().argmax(1).tolist()]
    asked = given.array(target).reshape(-1).astype(int).tolist()
    asked = asked * n if len(asked) == 1 else asked
    if len(asked) != n or not all(0 <= each < k for each in asked):
        raise ArgumentError(
            "CR848",
            f"{picture}: target is a class from 0 to {k - 1}, or one for each of {n} images, "
            f"got {target!r}",
        )
    return asked


def grad_cam_map(
    model: Model, image: Any, target: Target = None, layer: str | Module | None = None
) -> Attribution:
    """The numbers of grad_cam; see there.

    Example:
        >>> from chainrule import models, rand
        >>> found = grad_cam_map(models.CNN(8), rand(1, 8, 8), target=3)
        >>> found.layer, found.maps.shape
        ('features.1.2', (1, 8, 8))
    """
    network = network_of(model, "grad_cam")
    x = as_weights(given.images(image, "grad_cam"), network)
    with undisturbed(network), enable_grad():
        y, calls = called(network, x.requires_grad_())
        score, classes = _score(y, target, "grad_cam")
        if layer is None:
            name, maps = last_convolution(network, calls)
        else:
            name, module = module_named(network, layer, "grad_cam")
            maps = _spatial(name, calls.of(module))
        slopes = grad(score.sum(), maps, allow_unused=True)[0]
        if slopes is None:
            raise ArgumentError(
                "CR842", f"grad_cam: the score does not depend on layer '{name}'"
            )
        weights = slopes.mean((2, 3), keepdim=True)  # α: (n, channels, 1, 1)
        found = (weights * maps).sum(1, keepdim=True).relu()
        size = tuple(x.shape[2:])
        found = interpolate(found, size=size, mode="bilinear")[:, 0]
    return Attribution(
        "Grad-CAM", given.array(x), given.array(found).astype(np.float64), tuple(classes),
        given.array(score), name,
    )  # fmt: skip


def last_convolution(network: Module, calls: Calls) -> tuple[str, Tensor]:
    """The last convolution that still has places, or what follows it at the same shape.

    So it is the last activation or block before pooling, not the bare convolution in it.

    Raises: ArgumentError (CR842) for a network without convolutions.
    """
    last = None
    for position, (module, y) in enumerate(calls.outputs):
        if isinstance(module, Convolution) and _has_places(y):
            last = position
    if last is None:
        raise ArgumentError(
            "CR842",
            "grad_cam needs a convolution whose output (n, channels, h, w) has more than one "
            "place, and this network has none; saliency and occlusion need no convolution",
        )
    shape = calls.outputs[last][1].shape
    while last + 1 < len(calls.outputs):
        y = calls.outputs[last + 1][1]
        if not isinstance(y, Tensor) or y.shape != shape:
            break
        last += 1
    module, y = calls.outputs[last]
    return name_of(network, module), y


def _has_places(y: Any) -> bool:
    return isinstance(y, Tensor) and y.ndim == 4 and y.shape[2] * y.shape[3] > 1


def _spatial(name: str, y: Any) -> Tensor:
    if not _has_places(y):
        seen = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ArgumentError(
            "CR842",
            f"grad_cam: layer '{name}' returns {seen}; take one that returns "
            "(n, channels, h, w) with more than one place, such as the last convolution",
        )
    return y


def saliency_map(
    model: Model,
    image: Any,
    target: Target = None,
    *,
    samples: int = 0,
    noise: float = 0.1,
    seed: int = 0,
) -> Attribution:
    """The numbers of saliency; see there.

    Example:
        >>> from chainrule import ones
        >>> saliency_map(lambda x: (3 * x).sum((1, 2, 3)), ones(1, 2, 2)).maps.tolist()
        [[[3.0, 3.0], [3.0, 3.0]]]
    """
    x = as_weights(given.images(image, "saliency"), model)
    if samples < 0 or noise < 0:
        raise ArgumentError("CR848", "saliency: samples and noise are at least 0")
    source = np.random.default_rng(seed)
    deviation = noise * float(x.max().item() - x.min().item())
    with undisturbed(model) as network:
        with no_grad():
            score, classes = _score(network(x), target, "saliency")
        total = np.zeros(tuple(x.shape))
        for _ in range(max(1, samples)):
            shift = source.normal(0, deviation, total.shape) if samples else np.zeros(())
            moved = (x + from_numpy(np.asarray(shift)).to(x.dtype)).requires_grad_()
            with enable_grad():
                sloped = _score(network(moved), classes, "saliency")[0].sum()
                total += given.array(grad(sloped, moved)[0])
    maps = np.abs(total / max(1, samples)).max(1)
    name = "Saliency" if not samples else f"Saliency, mean of {samples}"
    return Attribution(name, given.array(x), maps, tuple(classes), given.array(score))


def occlusion_map(
    model: Model,
    image: Any,
    target: Target = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: float | None = None,
) -> Attribution:
    """The numbers of occlusion; see there.

    Example:
        >>> from chainrule import ones
        >>> def corner(x):
        ...     return x[:, 0, 0, 0]
        >>> occlusion_map(corner, ones(1, 2, 2), patch=1, fill=0.0).maps.tolist()
        [[[1.0, 0.0], [0.0, 0.0]]]
    """
    x = as_weights(given.images(image, "occlusion"), model)
    height, width = x.shape[2:]
    patch = max(1, min(height, width) // 4) if patch is None else patch
    stride = max(1, patch // 2) if stride is None else stride
    if not (1 <= patch <= min(height, width) and 1 <= stride <= patch):
        raise ArgumentError(
            "CR848",
            f"occlusion: patch is from 1 to {min(height, width)}, the side of the image, and "
            f"stride from 1 to patch, got {patch} and {stride}",
        )
    corners = [
        (r, c) for r in _starts(height, patch, stride) for c in _starts(width, patch, stride)
    ]
    with undisturbed(model) as network, no_grad():
        score, classes = _score(network(x), target, "occlusion")
        pixels = given.array(x)
        maps = np.stack([
            _drops(network, each, c, corners, patch, fill, base)
            for each, c, base in zip(pixels, classes, given.array(score))
        ])  # fmt: skip
    return Attribution("Occlusion", pixels, maps, tuple(classes), given.array(score))


def _starts(size: int, patch: int, stride: int) -> list[int]:
    """Where patches begin, so that they cover everything."""
    return [*range(0, size - patch, stride), size - patch]


def _drops(
    network: Any,
    image: np.ndarray,
    target: int,
    corners: list[tuple[int, int]],
    patch: int,
    fill: float | None,
    base: float,
) -> np.ndarray:
    """For each pixel, by how much the score drops if it is hidden: a mean over the patches."""
    colour = image.mean((1, 2), keepdims=True) if fill is None else fill
    total, times = np.zeros(image.shape[1:]), np.zeros(image.shape[1:])
    for first in range(0, len(corners), ROWS):
        some = corners[first : first + ROWS]
        hidden = np.repeat(image[None], len(some), 0)
        for each, (r, c) in zip(hidden, some):
            each[:, r : r + patch, c : c + patch] = colour
        scores = _score(network(as_weights(from_numpy(hidden), network)), target, "occlusion")[
            0
        ]
        for (r, c), drop in zip(some, base - given.array(scores)):
            total[r : r + patch, c : c + patch] += drop
            times[r : r + patch, c : c + patch] += 1
    return total / times


def grad_cam(
    model: Model,
    image: Any,
    target: Target = None,
    layer: str | Module | None = None,
    *,
    classes: Sequence[str] | None = None,
) -> Figure:
    """Grad-CAM: which places of an image speak for a class.

        αₖ = mean over places of ∂y/∂Aₖ,   map = relu(Σₖ αₖ Aₖ)

    Shapes:  image (c, h, w), or several (n, c, h, w)
    Args:
        target: the class, or one for each image; by default what the model sees.
        layer: a name or module, whose maps A are used; by default the last convolution that has
            more than one place, with what follows it at the same shape.
        classes: names of the classes.

    Raises: ArgumentError (CR842) for a network without convolutions, or another layer; CR848
        for a class that is not there; ShapeError (CR843, CR845).
    Source: Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks"
    """
    found = grad_cam_map(model, image, target, layer)
    return _draw(
        found, classes, f"Grad-CAM at layer '{found.layer}'", "evidence for the class", False
    )


def saliency(
    model: Model,
    image: Any,
    target: Target = None,
    *,
    samples: int = 0,
    noise: float = 0.1,
    seed: int = 0,
    classes: Sequence[str] | None = None,
) -> Figure:
    """Saliency: how much the score of a class changes with each pixel,  max over c of |∂y/∂x|.

    Args:
        image, target, classes: as for grad_cam.
        samples: with more than 0, the gradients of so many noisy copies are averaged, which
            makes the map smoother.
        noise: standard deviation of that noise, as a share of the image's range.
        seed: of the noise.

    Raises: ArgumentError (CR848); ShapeError (CR843, CR845).
    Source: Simonyan et al. 2014; Smilkov et al. 2017, "SmoothGrad"
    """
    found = saliency_map(model, image, target, samples=samples, noise=noise, seed=seed)
    return _draw(found, classes, found.method, "|∂ score / ∂ pixel|", False)


def occlusion(
    model: Model,
    image: Any,
    target: Target = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: float | None = None,
    classes: Sequence[str] | None = None,
) -> Figure:
    """Occlusion: by how much the score of a class drops if a place is hidden.

    Args:
        image, target, classes: as for grad_cam.
        patch: side of the square that hides, in pixels; by default a quarter of the image.
        stride: how far it is moved each time; by default half of it.
        fill: what it is filled with; by default the mean of each channel.

    Raises: ArgumentError (CR848) for the patch or class; ShapeError (CR843, CR845).
    Source: Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks"
    """
    found = occlusion_map(model, image, target, patch=patch, stride=stride, fill=fill)
    return _draw(found, classes, found.method, "drop of the score", True)


def _draw(
    found: Attribution, classes: Sequence[str] | None, title: str, what: str, signed: bool
) -> Figure:
    """Each image, and its map over it."""
    with canvas.drawing():
        made, axes = canvas.panels(len(found.images), 2, 2.9, 2.7)
        for row, image, map_, target, score in zip(
            axes, found.images, found.maps, found.targets, found.scores
        ):
            name = f"class {target}" if classes is None else str(classes[target])
            canvas.show_image(row[0], image)
            row[0].set_title(f"{name}, score {number(score)}", fontsize=9.5, weight="normal")
            size = float(np.abs(map_).max()) or 1.0
            colours, low = (canvas.DIVERGING, -size) if signed else (canvas.HEAT, 0.0)
            shown = canvas.show_over(row[1], image, map_, low, size, colours)
            if not map_.any():
                row[1].set_title(f"no {what}", fontsize=9.5, weight="normal")
            canvas.scale_of(row[1], shown, what, shrink=0.85, pad=0.02)
        made.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    return made
