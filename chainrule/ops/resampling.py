"""Resampling: an axis made longer or shorter, its elements sums of their neighbours."""

from __future__ import annotations

from chainrule.ops import resampling_kernels as kernels
from chainrule.ops.primitive import Primitive
from chainrule.shapes import Shape


class Resample(Primitive):
    """y[i] = Σ_t w[i, t] x[p[i, t]] along an axis

    with positions p and weights w that follow from `how` alone.

    Shapes:  x (…, n, …) → y (…, m, …)
    """

    def forward(x, *, how, axis):
        return kernels.weighted_sums(x, kernels.table(how), axis)

    def shape(x, *, how, axis):
        return _resized(x, axis, how.output)

    def vjp_x(g, how, axis):
        return g._apply(ResampleTranspose, g, how=how, axis=axis)


class ResampleTranspose(Primitive):
    """x[p[i, t]] += w[i, t] dy[i] along an axis: the transpose of `Resample`.

    Shapes:  dy (…, m, …) → (…, n, …)
    """

    def forward(dy, *, how, axis):
        return kernels.weighted_sums(dy, kernels.transposed_table(how), axis)

    def shape(dy, *, how, axis):
        return _resized(dy, axis, how.size)

    def vjp_dy(g, how, axis):
        return g._apply(Resample, g, how=how, axis=axis)


def _resized(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])
