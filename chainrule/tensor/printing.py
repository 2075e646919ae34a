"""How a tensor is written as text: character for character as PyTorch 2.13 writes it.

The values that will be seen are picked first (all of them, or the edges of a large tensor).
They share one notation and become texts of one width, the brackets are laid out around the
texts, and last comes what else there is to say: size, dtype, gradient.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass
class PrintOptions:
    """The settings of :func:`set_printoptions`; ``sci_mode=None`` decides from the values."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()

PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed. What is None stays as it is, except ``sci_mode``.

    Args:
        precision: digits after the decimal point.
        threshold: a tensor of more elements than this is shown by its edges.
        edgeitems: how many elements at each end of an axis are an edge.
        linewidth: columns of a line.
        profile: 'default', 'short' or 'full', set before the other arguments.
        sci_mode: scientific notation always (True), never (False), or whenever the values
            are far apart, very large or very small (None). Every call sets it anew.

    Raises:
        ValueError: the profile is not one of the three.

    Example:
        >>> set_printoptions(precision=2)
        >>> print(format_tensor(np.array([0.12345]), dtype_suffix=None))
        tensor([0.12])
        >>> set_printoptions(profile="default")
    """
    if profile is not None and profile not in PROFILES:
        known = ", ".join(map(repr, PROFILES))
        raise ValueError(f"set_printoptions: unknown profile {profile!r}; choose from {known}.")
    start = options if profile is None else PROFILES[profile]
    options.precision = start.precision if precision is None else precision
    options.threshold = start.threshold if threshold is None else threshold
    options.edgeitems = start.edgeitems if edgeitems is None else edgeitems
    options.linewidth = start.linewidth if linewidth is None else linewidth
    options.sci_mode = sci_mode


def format_tensor(
    values: np.ndarray,
    *,
    dtype_suffix: str | None,
    requires_grad: bool = False,
    grad_fn: str | None = None,
    prefix: str = "tensor(",
) -> str:
    """Write a tensor as text.

    Args:
        values: the numbers, any shape; those of a bfloat16 tensor come as float32.
        dtype_suffix: the name after ``dtype=``; None for a dtype that goes without saying.
        requires_grad: said only where there is no ``grad_fn``.
        grad_fn: name of the operation that made the tensor, such as ``'MulBackward0'``.
        prefix: what opens the text; later lines are indented by its width.

    Notes:
        An empty tensor shows no element to tell its dtype by, so that integers and bools
        name theirs even where ``dtype_suffix`` is None.

    Example:
        >>> print(format_tensor(np.eye(2), dtype_suffix="chainrule.float64", grad_fn="F"))
        tensor([[1., 0.],
                [0., 1.]], dtype=chainrule.float64, grad_fn=<F>)
    """
    indent = len(prefix)
    suffixes = _suffixes(values, dtype_suffix, requires_grad, grad_fn)
    return _append(prefix + _contents(values, indent), suffixes, indent) + ")"


def _suffixes(
    values: np.ndarray, dtype_suffix: str | None, requires_grad: bool, grad_fn: str | None
) -> list[str]:
    """What the numbers do not say: size (where they are hidden), dtype, gradient."""
    suffixes = []
    empty = values.size == 0
    if (empty and values.ndim != 1) or (not empty and options.edgeitems == 0):
        suffixes.append(f"size={values.shape}")
    if dtype_suffix is None and empty and values.dtype.kind != "f":
        dtype_suffix = f"chainrule.{values.dtype}"
    if dtype_suffix is not None:
        suffixes.append(f"dtype={dtype_suffix}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return suffixes


def _append(text: str, suffixes: list[str], indent: int) -> str:
    """Add the suffixes, each on a new line if the last line is too full for it.

    Notes:
        PyTorch takes the line that closes the brackets for two columns wider than it is, and
        its own name in ``dtype=`` is shorter; both are counted so, and lines break alike.
    """
    column = len(text) - (text.rfind("\n") + 1) + 2
    for suffix in suffixes:
        width = len(suffix.replace("chainrule.", "torch."))
        if column + 2 + width > options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + width
        else:
            text += ", " + suffix
            column += 2 + width
    return text


def _contents(values: np.ndarray, indent: int) -> str:
    """The brackets and what is in them."""
    if values.size == 0:
        return "[]"
    shown = _edges(values) if values.size > options.threshold else values
    if shown.size == 0:
        return "[...]"
    texts, width = _texts(shown.ravel())
    cells = np.array(texts, dtype=object).reshape(shown.shape)
    shortened = tuple(n != m for n, m in zip(values.shape, shown.shape))
    return _layout(cells, shortened, width, indent)


def _edges(values: np.ndarray) -> np.ndarray:
    """The first and last ``edgeitems`` along every axis that is longer than both together."""
    edge = options.edgeitems
    for axis, n in enumerate(values.shape):
        if n > 2 * edge:
            values = values.take([*range(edge), *range(n - edge, n)], axis=axis)
    return values


def _texts(values: np.ndarray) -> tuple[list[str], int]:
    """Each value as text, right-aligned, and the width of the column.

    Notes:
        Zeros, infinities and nan do not widen a column of floats, in PyTorch as here.
    """
    numbers = values.tolist()
    if values.dtype.kind == "f":
        notation = _notation(values)
        texts = [format(x, notation) for x in numbers]
        widths = [len(text) for x, text in zip(numbers, texts) if x and math.isfinite(x)]
    else:
        texts = [str(x) for x in numbers]
        widths = [len(text) for text in texts]
    width = max(widths, default=1)
    return [text.rjust(width) for text in texts], width


def _notation(values: np.ndarray) -> str:
    """The format in which all of these floats are written: '1.', '1.5000' or '1.5000e+00'."""
    magnitudes = np.abs(values[np.isfinite(values) & (values != 0)])
    if magnitudes.size == 0:
        return "#.0f"
    scientific = options.sci_mode
    if scientific is None:
        low, high = float(magnitudes.min()), float(magnitudes.max())
        scientific = high / low > 1e3 or high > 1e8 or low < 1e-4
    if scientific:
        return f".{options.precision}e"
    if np.array_equal(magnitudes, np.floor(magnitudes)):
        return "#.0f"
    return f".{options.precision}f"


def _layout(cells: np.ndarray, shortened: tuple[bool, ...], width: int, indent: int) -> str:
    """Brackets around the texts: a row is wrapped, rows stack, matrices get blank lines."""
    if cells.ndim == 0:
        return str(cells.item())
    if cells.ndim == 1:
        return f"[{_row(cells.tolist(), shortened[0], width, indent + 1)}]"
    parts = [_layout(part, shortened[1:], width, indent + 1) for part in cells]
    if shortened[0]:
        parts.insert(len(parts) // 2, "...")
    return f"[{_lines(parts, indent + 1, cells.ndim - 1)}]"


def _row(texts: list[str], shortened: bool, width: int, indent: int) -> str:
    """One row, broken into lines that fit."""
    if shortened:
        texts.insert(len(texts) // 2, " ...")
    per_line = max(1, (options.linewidth - indent + 1) // (width + 2))
    lines = [texts[i : i + per_line] for i in range(0, len(texts), per_line)]
    return _lines([", ".join(line) for line in lines], indent, 1)


def _lines(parts: list[str], indent: int, newlines: int) -> str:
    return ("," + "\n" * newlines + " " * indent).join(parts)
