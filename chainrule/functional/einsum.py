"""Sums of products in Einstein's notation, made of permute, reshape, matmul and sum."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.tensor import Tensor

#: one for each axis: a letter, or "...0", "...1" for those of an ellipsis
Labels = tuple[str, ...]


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Multiply the operands along equal letters and sum over the letters not asked for.

    "ij,jk->ik" is the matrix product, "ii" the trace, "bij,bkj->bik" a product of stacks;
    "..." stands for any further axes, which broadcast. Without "->" the letters that occur
    once are kept, in alphabetical order.

    Raises: ArgumentError (CR905) for an equation that does not fit the operands.
    Notes: operands are contracted from left to right.

    Example:
        >>> import chainrule as cr
        >>> cr.einsum("i,j->ij", cr.tensor([1., 2.]), cr.tensor([3., 4.]))
        tensor([[3., 4.],
                [6., 8.]])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    inputs, output = _parse(equation, operands)
    sizes = _sizes(equation, inputs, operands)
    result, labels = _single(operands[0], inputs[0], sizes)
    for i, (operand, theirs) in enumerate(zip(operands[1:], inputs[1:], strict=True), 1):
        other, theirs = _single(operand, theirs, sizes)
        needed = set(output).union(*inputs[i + 1 :])
        result, labels = _product(result, labels, other, theirs, needed, sizes)
    return _arranged(result, labels, output)


def _parse(equation: str, operands: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """The labels of every operand and of the result."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise _wrong(equation, f"it names {len(terms)} operands, {len(operands)} were given")
    free = [x.ndim - len(t.replace("...", "")) for t, x in zip(terms, operands, strict=True)]
    for i, (term, rest) in enumerate(zip(terms, free, strict=True)):
        if rest < 0 or (rest > 0 and "..." not in term):
            shape = tuple(operands[i].shape)
            raise _wrong(equation, f"'{term}' does not name the axes of shape {shape}")
    widest = max([n for t, n in zip(terms, free, strict=True) if "..." in t], default=0)
    inputs = [_labels(equation, t, n, widest) for t, n in zip(terms, free, strict=True)]
    if arrow:
        output = _labels(equation, right, widest, widest)
    else:
        counts = Counter(label for labels in inputs for label in labels)
        letters = sorted(k for k, n in counts.items() if n == 1 and not k.startswith("."))
        output = (*_dots(widest, widest), *letters)
    if set(output) - set().union(*inputs) or len(set(output)) < len(output):
        raise _wrong(
            equation, f"the result '{right}' must name axes of the operands, each once"
        )
    return inputs, output


def _labels(equation: str, term: str, free: int, widest: int) -> Labels:
    before, dots, after = term.partition("...")
    if before + after and not (before + after).isalpha():
        raise _wrong(equation, f"'{term}' may hold letters and one '...'")
    return (*before, *(_dots(free, widest) if dots else ()), *after)


def _dots(free: int, widest: int) -> Labels:
    """Labels for the axes of an ellipsis, matched from the right."""
    return tuple(f"...{i}" for i in range(widest - free, widest))


def _sizes(equation: str, inputs: list[Labels], operands: Sequence[Tensor]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for labels, operand in zip(inputs, operands, strict=True):
        for label, size in zip(labels, operand.shape, strict=True):
            held = sizes.setdefault(label, size)
            if held != size and 1 not in (held, size):
                raise ShapeError(
                    "CR102",
                    f"einsum '{equation}': '{label}' stands for axes of size {held} and {size}",
                )
            sizes[label] = size if held == 1 else held
    return sizes


def _single(x: Tensor, labels: Labels, sizes: dict[str, int]) -> tuple[Tensor, Labels]:
    """One operand with every letter once (repeated ones give a diagonal), in full size."""
    x = x.expand([sizes[label] for label in labels])
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first, second = [i for i, other in enumerate(labels) if other == label][:2]
            x = x.diagonal(0, first, second)
            rest = [other for i, other in enumerate(labels) if i not in (first, second)]
            labels = (*rest, label)
    return x, labels


def _product(
    a: Tensor, ours: Labels, b: Tensor, theirs: Labels, needed: set[str], sizes: dict[str, int]
) -> tuple[Tensor, Labels]:
    """Two operands multiplied, summed over what nobody needs any more, as one matmul."""
    a, ours = _summed(a, ours, needed | set(theirs))
    b, theirs = _summed(b, theirs, needed | set(ours))
    batch = tuple(x for x in ours if x in theirs and x in needed)
    inner = tuple(x for x in ours if x in theirs and x not in needed)
    rows = tuple(x for x in ours if x not in theirs)
    columns = tuple(x for x in theirs if x not in ours)

    def shape_of(labels: Labels) -> list[int]:
        return [sizes[label] for label in labels]

    def grouped(x: Tensor, labels: Labels, first: Labels, second: Labels) -> Tensor:
        x = _arranged(x, labels, batch + first + second)
        joined = [math.prod(shape_of(group)) for group in (first, second)]
        return x.reshape([*shape_of(batch), *joined])

    left = grouped(a, ours, rows, inner)  # (batch…, rows, inner)
    right = grouped(b, theirs, inner, columns)  # (batch…, inner, columns)
    labels = batch + rows + columns
    return (left @ right if inner else left * right).reshape(shape_of(labels)), labels


def _summed(x: Tensor, labels: Labels, needed: set[str]) -> tuple[Tensor, Labels]:
    over = [i for i, label in enumerate(labels) if label not in needed]
    if not over:
        return x, labels
    return x.sum(over, dtype=x.dtype), tuple(label for label in labels if label in needed)


def _arranged(x: Tensor, labels: Labels, wanted: Labels) -> Tensor:
    """The axes in the order of `wanted`, others summed over."""
    x, labels = _summed(x, labels, set(wanted))
    return x if labels == wanted else x.permute([labels.index(label) for label in wanted])


def _wrong(equation: str, why: str) -> ArgumentError:
    return ArgumentError("CR905", f"einsum '{equation}': {why}")
