"""Embeddings projected into the plane: principal components, or t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.pictures import canvas, given
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import scattered
from chainrule.printed import Printed

METHODS = ("pca", "tsne")
MOST_WORDS = 80  # that are written next to their points


@dataclass(frozen=True, repr=False)
class Projection(Printed):
    """Vectors in the plane; print() draws them in a terminal."""

    points: np.ndarray  # (n, 2)
    shares: np.ndarray | None  # of the variance, for each axis; None for t-SNE
    labels: np.ndarray  # (n,)

    def __str__(self) -> str:
        drawn = scattered(self.points, self.labels)
        if self.shares is None:
            return f"{drawn}\nt-SNE"
        kept = ", ".join(f"{100 * share:.1f} %" for share in self.shares)
        return f"{drawn}\nprincipal components with {kept} of the variance"


def components(x: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean, the first principal directions (count, d), and their shares of the variance.

        x - μ = U S Vᵀ,  directions: rows of Vᵀ,  shares: S² / Σ S²

    Notes: of the two signs a direction can have, the one that makes its largest element
        positive; directions that are missing, as there are fewer than count, are 0.
    Source: Goodfellow et al. 2016, "Deep Learning", §5.8.1
    """
    mean = x.mean(0)
    _, lengths, directions = np.linalg.svd(x - mean, full_matrices=False)
    found = np.zeros((count, x.shape[1]))
    shares = np.zeros(count)
    kept = min(count, len(lengths))
    found[:kept] = directions[:kept]
    shares[:kept] = (lengths**2 / (np.sum(lengths**2) or 1.0))[:kept]
    largest = np.take_along_axis(found, np.abs(found).argmax(1)[:, None], 1)
    return mean, found * np.where(largest < 0, -1, 1), shares


def projected(
    embeddings: Any, labels: Any = None, *, method: str = "pca", seed: int = 0
) -> Projection:
    """The numbers of embedding_projection; see there.

    Example:
        >>> print(projected([[0.0, 0.0, 1.0], [3.0, 0.0, 1.0], [6.0, 0.0, 1.0]]).shares)
        [1. 0.]
    """
    if method not in METHODS:
        raise ArgumentError(
            "CR848", f"embedding_projection: method is one of {METHODS}, got {method!r}"
        )
    table = (
        getattr(embeddings, "weight", None) if isinstance(embeddings, Module) else embeddings
    )
    if table is None:
        raise ArgumentError(
            "CR842",
            f"embedding_projection draws vectors or the weight of an nn.Embedding; "
            f"{type(embeddings).__name__} has no weight",
        )
    x = given.vectors(table, "embedding_projection")
    known = given.classes(labels, len(x), "embedding_projection")
    if method == "tsne":
        return Projection(_tsne(x, seed), None, known)
    mean, directions, shares = components(x)
    return Projection((x - mean) @ directions.T, shares, known)


def _tsne(x: np.ndarray, seed: int) -> np.ndarray:
    """t-SNE by scikit-learn, which is loaded here and nowhere else."""
    manifold = canvas.optional("sklearn.manifold", "scikit-learn", "scikit-learn")
    neighbours = min(30.0, (len(x) - 1) / 3)
    made = manifold.TSNE(2, perplexity=neighbours, init="pca", random_state=seed)
    return made.fit_transform(x.astype(np.float32)).astype(np.float64)


def embedding_projection(
    embeddings: Any,
    labels: Any = None,
    *,
    method: str = "pca",
    words: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    axes: Axes | None = None,
) -> Figure:
    """Vectors of many features in the plane, so that one sees which are alike.

    Shapes:  embeddings (n, d), or a module whose weight they are; labels (n,)
    Args:
        method: "pca", the plane in which the vectors spread most; or "tsne", which keeps
            neighbours together and needs scikit-learn.
        words: what each vector stands for, written next to the first 80.
        classes: names of the classes, for the legend.
        seed: of t-SNE.
        axes: where to draw; by default in a new figure.

    Raises: ShapeError (CR841) for the shapes; ArgumentError for a method (CR848), for
        scikit-learn or matplotlib that is missing (CR840).
    Notes:   in t-SNE, distances between groups and sizes of groups mean nothing.
    Source:  Pearson 1901; van der Maaten & Hinton 2008, "Visualizing Data using t-SNE"
    """
    found = projected(embeddings, labels, method=method, seed=seed)
    names = given.class_names(classes, found.labels)
    with canvas.drawing():
        made, axes = canvas.panel(axes, 6.2, 5.2)
        canvas.scatter_classes(axes, found.points, found.labels, names, size=22)
        for point, word in zip(found.points[:MOST_WORDS], words or ()):
            axes.annotate(
                str(word), point, xytext=(4, 3), textcoords="offset points", fontsize=8.5
            )
        _label(axes, found)
        if labels is not None:
            canvas.legend(axes)
    return made


def _label(axes: Axes, found: Projection) -> None:
    n = len(found.points)
    if found.shares is None:
        axes.set(title=f"{n} vectors by t-SNE", xlabel="t-SNE axis 1", ylabel="t-SNE axis 2")
        return
    first, second = (f"{100 * share:.1f} % of the variance" for share in found.shares)
    axes.set(
        title=f"{n} vectors on their principal components",
        xlabel=f"component 1: {first}",
        ylabel=f"component 2: {second}",
    )
    axes.grid(True)
