"""Filters of a convolutional network, and what they find in an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.nn.convolution import Convolution
from chainrule.nn.module import Module
from chainrule.pictures import canvas, given
from chainrule.pictures.canvas import Figure
from chainrule.pictures.characters import shades
from chainrule.pictures.undisturbed import (
    Model,
    as_weights,
    called,
    module_named,
    name_of,
    network_of,
    undisturbed,
)
from chainrule.printed import Printed
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

MOST_ROWS = 12  # of filters with many input channels
COLUMNS = 8


@dataclass(frozen=True, repr=False)
class Filters(Printed):
    """The weights of a convolution; print() draws the first ones in a terminal."""

    layer: str
    weights: np.ndarray  # (filters, channels, h, w)

    def __str__(self) -> str:
        drawn = "\n".join(shades(w.mean(0)) for w in self.weights[:4])
        return f"{drawn}\nlayer '{self.layer}', the first of {len(self.weights)} filters"


@dataclass(frozen=True, repr=False)
class Maps(Printed):
    """What layers make of an image; print() draws the strongest map of each in a terminal."""

    image: np.ndarray  # (c, h, w)
    layers: dict[str, np.ndarray]  # by name (channels, h, w), in the order in which they ran

    def __str__(self) -> str:
        return "\n".join(
            f"{shades(maps[strongest(maps, 1)[0]])}\nlayer '{name}', channel "
            f"{strongest(maps, 1)[0]}"
            for name, maps in self.layers.items()
        )


def filter_weights(model: Model, layer: str | Module | None = None) -> Filters:
    """The numbers of filters; see there.

    Example:
        >>> from chainrule import nn
        >>> filter_weights(nn.Conv2d(3, 16, kernel_size=5)).weights.shape
        (16, 3, 5, 5)
    """
    network = network_of(model, "filters")
    if layer is None:
        layer = next((m for m in network.modules() if _has_filters(m)), None)
    if layer is None:
        raise ArgumentError(
            "CR842",
            "filters draws the weights of a two-dimensional convolution, and this network has "
            "none",
        )
    name, module = module_named(network, layer, "filters")
    weight = module._parameters.get("weight")
    if weight is None or weight.ndim != 4:
        raise ArgumentError(
            "CR842",
            f"filters: layer '{name}' is a {type(module).__name__}, which has no filters "
            "(channels, h, w)",
        )
    return Filters(name, given.array(weight).astype(np.float64))


def _has_filters(module: Module) -> bool:
    return isinstance(module, Convolution) and module.weight.ndim == 4


def filters(model: Model, layer: str | Module | None = None, *, most: int = 64) -> Figure:
    """The filters of a convolution: what each one looks for in the layer below.

    Filters of one channel are drawn with their signs, all in one scale; those of three as
    colours; of more channels a row for each filter and a column for each channel.

    Args:
        layer: a name or module; by default the first convolution.
        most: how many filters are drawn.

    Raises: ArgumentError (CR842) where there is no convolution.
    Source: the lecture on convolutional networks; Krizhevsky et al. 2012, §6.1
    """
    found = filter_weights(model, layer)
    if most < 1:
        raise ArgumentError("CR848", f"filters: most is at least 1, got {most}")
    w = found.weights[:most]
    channels = w.shape[1]
    if channels not in (1, 3):
        w = w[:MOST_ROWS, :MOST_ROWS]
    image, columns = (
        tiled(w) if channels == 3 else tiled(w.reshape(-1, 1, *w.shape[2:]), len(w[0]))
    )
    with canvas.drawing():
        cells, size = max(columns, 4), 0.72 if channels in (1, 3) else 0.45
        made, axes = canvas.panel(
            None, 1.4 + size * cells, 0.8 + size * cells * image.shape[1] / image.shape[2]
        )
        if channels == 3:
            axes.imshow(image.transpose(1, 2, 0))
        else:
            _draw_signed(made, axes, image[0])
            _frame_each(axes, w.shape[2:], image.shape[1:])
        _name_filters(axes, found, w, channels)
    return made


def tiled(filters: np.ndarray, columns: int = 1) -> tuple[np.ndarray, int]:
    """Filters (n, c, h, w) side by side, as one image (c, …), and how many there are in a row.

    Between them is NaN, or white where there are three channels, each filter from 0 to 1.
    """
    n, c, h, w = filters.shape
    columns = columns if columns > 1 else min(COLUMNS, n)
    rows = -(-n // columns)
    if c == 3:
        low, high = (f(filters, (1, 2, 3), keepdims=True) for f in (np.min, np.max))
        filters = (filters - low) / np.where(high > low, high - low, 1)
    image = np.full((c, rows * (h + 1) - 1, columns * (w + 1) - 1), 1.0 if c == 3 else np.nan)
    for i, each in enumerate(filters):
        y, x = i // columns * (h + 1), i % columns * (w + 1)
        image[:, y : y + h, x : x + w] = each
    return image, columns


def _draw_signed(made: Figure, axes: Any, image: np.ndarray) -> None:
    size = float(np.nanmax(np.abs(image))) or 1.0
    shown = axes.imshow(image, cmap=canvas.DIVERGING, vmin=-size, vmax=size)
    made.colorbar(shown, ax=axes, shrink=0.8, pad=0.03).set_label("weight")


def _frame_each(axes: Any, kernel: tuple[int, ...], whole: tuple[int, ...]) -> None:
    """A line around each filter: a weight of 0 is as white as what lies between them."""
    rectangle = canvas.matplotlib("patches").Rectangle
    height, width = kernel
    for top in range(0, whole[0], height + 1):
        for left in range(0, whole[1], width + 1):
            corner = (left - 0.5, top - 0.5)
            frame = rectangle(corner, width, height, fill=False, edgecolor="#777777", lw=0.7)
            axes.add_patch(frame).set_clip_on(False)


def _name_filters(axes: Any, found: Filters, w: np.ndarray, channels: int) -> None:
    kernel = " × ".join(map(str, w.shape[2:]))
    axes.set_title(f"Layer '{found.layer}': {len(found.weights)} filters, {kernel}")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if channels not in (1, 3):
        axes.set_xlabel(f"input channel, {w.shape[1]} of {channels}")
        axes.set_ylabel(f"filter, {len(w)} of {len(found.weights)}")


def activation_maps(
    model: Model, image: Any, layers: Sequence[str | Module] | None = None
) -> Maps:
    """The numbers of feature_maps; see there.

    Example:
        >>> from chainrule import models, rand
        >>> maps = activation_maps(models.CNN(8), rand(1, 8, 8))
        >>> {name: each.shape for name, each in maps.layers.items()}
        {'features.0.0': (32, 8, 8), 'features.1.0': (64, 4, 4)}
    """
    network = network_of(model, "feature_maps")
    x = given.images(image, "feature_maps")[:1]
    wanted = None
    if layers is not None:
        wanted = dict(module_named(network, each, "feature_maps") for each in layers)
    with undisturbed(network), no_grad():
        _, calls = called(network, as_weights(x, network))
    found = {
        name: given.array(y)[0].astype(np.float64)
        for module, y in calls.outputs
        if (name := _wanted(network, module, wanted)) is not None
        and isinstance(y, Tensor) and y.ndim == 4
    }  # fmt: skip
    if not found:
        raise ArgumentError(
            "CR842",
            "feature_maps draws outputs (n, channels, h, w) of layers; "
            + ("this network has no convolution" if wanted is None else "these have none"),
        )
    return Maps(given.array(x)[0], found)


def _wanted(network: Module, module: Module, wanted: dict[str, Module] | None) -> str | None:
    """The name of a module whose map is to be shown: one asked for, or a convolution."""
    if wanted is not None:
        return next((name for name, each in wanted.items() if each is module), None)
    if not isinstance(module, Convolution):
        return None
    return name_of(network, module)


def strongest(maps: np.ndarray, count: int) -> list[int]:
    """The channels that answer most, by the mean of their squares, in their own order."""
    strength = (maps**2).mean((1, 2))
    return sorted(np.argsort(-strength, kind="stable")[:count].tolist())


def feature_maps(
    model: Model,
    image: Any,
    layers: Sequence[str | Module] | None = None,
    *,
    most: int = 8,
) -> Figure:
    """What the layers of a convolutional network find in an image, from the first to the last.

    Shapes:  image (c, h, w) or (1, c, h, w)
    Args:
        layers: names or modules whose outputs are (n, channels, h, w); by default all
            convolutions.
        most: how many channels of each layer are drawn: those that answer most.

    Raises: ArgumentError (CR842) where there is no such layer; ShapeError (CR843).
    Source: the lecture on convolutional networks; Zeiler & Fergus 2014
    """
    if most < 1:
        raise ArgumentError("CR848", f"feature_maps: most is at least 1, got {most}")
    found = activation_maps(model, image, layers)
    count = min(most, max(map(len, found.layers.values())))
    with canvas.drawing():
        made, axes = canvas.panels(len(found.layers), count + 1, 1.15, 1.3)
        for row, (name, maps) in zip(axes, found.layers.items()):
            canvas.show_image(row[0], found.image)
            row[0].set_title("image", fontsize=9, weight="normal")
            size = " × ".join(map(str, maps.shape[1:]))
            row[0].set_ylabel(f"layer '{name}'\n{len(maps)} maps, {size}", fontsize=8.5)
            scale = float(np.abs(maps).max()) or 1.0
            for place, channel in zip(row[1:], strongest(maps, count)):
                shown = place.imshow(
                    maps[channel], cmap=canvas.DIVERGING, vmin=-scale, vmax=scale
                )
                place.set_title(f"channel {channel}", fontsize=8.5, weight="normal")
            for place in row[1:]:
                canvas.bare(place)
            for place in row[1 + min(count, len(maps)) :]:
                place.set_visible(False)
            made.colorbar(shown, ax=list(row), shrink=0.85, pad=0.01).set_label("activation")
        made.suptitle(
            "Feature maps: the channels that answer most", x=0.01, ha="left", weight="bold",
            fontsize=11,
        )  # fmt: skip
    return made
