"""Attention: which elements of a sequence each head looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.doctor.tools.observing import Onlooker, work_observed
from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.pictures import canvas
from chainrule.pictures.canvas import Figure
from chainrule.pictures.characters import shades
from chainrule.pictures.undisturbed import (
    Model,
    module_named,
    name_of,
    network_of,
    undisturbed,
)
from chainrule.printed import Printed
from chainrule.tensor.grad_mode import no_grad

MOST_TOKENS = 40  # that are written along an axis
NORMALIZING = ("Divide", "Multiply")  # the last primitive of a softmax, and of one with a mask
TOLERANCE = 1e-2  # of a sum of 1, for halves


@dataclass(frozen=True, repr=False)
class Attention(Printed):
    """The weights of attention by layer; print() draws the first head of each in a terminal."""

    layers: dict[str, np.ndarray]  # by name (heads, queries, keys), rows with a sum of 1

    def __str__(self) -> str:
        return "\n".join(
            f"{shades(heads[0], 2 * heads.shape[2])}\nlayer '{name}', head 0 of {len(heads)}"
            for name, heads in self.layers.items()
        )


class _Weights(Onlooker):
    """Takes the weights of attention as they are computed, and which module computes them."""

    def __init__(self) -> None:
        self.found: list[tuple[Module | None, np.ndarray]] = []
        self._inside: list[Module] = []
        self._last: np.ndarray | None = None  # found since the last module began

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        self._inside.append(module)
        self._last = None

    def module_ends(self, module: Module, output: Any) -> None:
        self._inside.pop()

    def computed(self, primitive: Any, inputs: tuple, params: Any, y: Any) -> None:
        """A softmax, or what a mask has left of one: (n, heads, queries, keys)."""
        if primitive.__name__ in NORMALIZING and y.ndim == 4 and _are_weights(y):
            module = self._inside[-1] if self._inside else None
            if self._last is None or not np.array_equal(self._last, y):
                self._last = np.array(y)
                self.found.append((module, self._last))


def _are_weights(y: np.ndarray) -> bool:
    """Whether each row has a sum of 1; or of 0, for a query that may not look at anything."""
    if y.dtype.kind != "f" or not (y >= 0).all():
        return False
    sums = y.astype(np.float64).sum(-1)
    ones = np.abs(sums - 1) < TOLERANCE
    return bool(ones.any() and (ones | (sums == 0)).all())


def attention_weights(
    model: Model, *inputs: Any, layers: Sequence[str | Module] | None = None, **named: Any
) -> Attention:
    """The numbers of attention_maps; see there.

    Example:
        >>> from chainrule import nn, rand
        >>> layer = nn.TransformerEncoderLayer(8, nhead=2)
        >>> found = attention_weights(nn.TransformerEncoder(layer, 2), rand(5, 1, 8))
        >>> {name: heads.shape for name, heads in found.layers.items()}
        {'layers.0.self_attn': (2, 5, 5), 'layers.1.self_attn': (2, 5, 5)}
    """
    network = network_of(model, "attention_maps")
    chosen = [module_named(network, each, "attention_maps")[1] for each in layers or ()]
    with undisturbed(network), no_grad():
        weights = _Weights()
        with work_observed(weights):
            network(*inputs, **named)
    found: dict[str, np.ndarray] = {}
    for module, heads in weights.found:
        if module is None or (chosen and not _within(module, chosen)):
            continue
        name = name_of(network, module)
        if again := sum(each.split(" (")[0] == name for each in found):  # it ran before
            name = f"{name} ({again + 1})"
        found[name] = heads[0].astype(np.float64)
    if not found:
        raise ArgumentError(
            "CR846",
            "attention_maps found no weights of attention: nothing in this network computes a "
            "softmax of shape (n, heads, queries, keys)"
            + (", in these layers" if chosen else ""),
        )
    return Attention(found)


def _within(module: Module, chosen: Sequence[Module]) -> bool:
    return any(module is part for each in chosen for part in each.modules())


def attention_maps(
    model: Model,
    *inputs: Any,
    tokens: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    layers: Sequence[str | Module] | None = None,
    **named: Any,
) -> Figure:
    """The weights of attention: a row for each layer, a column for each head.

    A row of a panel is a query, a column a key; the darker, the more that query takes from it.

    Args:
        inputs, named: what the model is called with; of a batch the first sequence is drawn.
        tokens: what the elements of the sequence are.
        keys: and those of the sequence looked at, if it is another one.
        layers: names or modules; by default all that attend.

    Raises: ArgumentError (CR846) where nothing attends; CR842 for a layer that is not there.
    Notes:   whatever computes a softmax (n, heads, queries, keys) attends: MultiheadAttention,
        scaled_dot_product_attention, or a formula of one's own.
    Source:  Vaswani et al. 2017, "Attention is all you need", figures 3 to 5
    """
    found = attention_weights(model, *inputs, layers=layers, **named)
    columns = max(map(len, found.layers.values()))
    with canvas.drawing():
        made, axes = canvas.panels(len(found.layers), columns, 2.6, 2.9)
        for row, (name, heads) in zip(axes, found.layers.items()):
            for head, place in enumerate(row):
                if head >= len(heads):
                    place.set_visible(False)
                    continue
                shown = place.imshow(heads[head], cmap="Blues", vmin=0, vmax=1)
                place.set_title(f"{name or 'attention'}, head {head}", fontsize=8.5)
                _ticks(place, tokens, keys or tokens)
            row[0].set_ylabel("query")
        for place in axes[-1]:
            place.set_xlabel("key")
        made.colorbar(shown, ax=axes, shrink=0.7, pad=0.02).set_label("weight of attention")
    return made


def _ticks(axes: Any, queries: Sequence[str] | None, keys: Sequence[str] | None) -> None:
    """The elements along the axes, where there are not too many."""
    if queries is not None and len(queries) <= MOST_TOKENS:
        axes.set_yticks(range(len(queries)), [str(t) for t in queries], fontsize=8)
    if keys is not None and len(keys) <= MOST_TOKENS:
        labels = [str(t) for t in keys]
        turned = 90 if max(map(len, labels), default=0) > 2 else 0
        axes.set_xticks(range(len(keys)), labels, fontsize=8, rotation=turned)
    for spine in axes.spines.values():
        spine.set_visible(True)
