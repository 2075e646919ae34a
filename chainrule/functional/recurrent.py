"""Recurrent layers: one step in time, and the walk through time with its derivative.

The products with the inputs are made for all time steps at once; what depends on the step
before is a short loop, a `scan`.

Notation: `x` what the inputs add to the gates, W_ih x + b, for all times (t, n, gates · d);
h the hidden state, c the cell of an LSTM; σ the logistic function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from chainrule.functional.linear import linear
from chainrule.functional.scan import scan
from chainrule.tensor.function import Function
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

State = tuple[Tensor, ...]


class Weights(NamedTuple):
    """What one direction of one layer learns."""

    input: Tensor  # (gates · d, features)
    hidden: Tensor  # (gates · d, d or projection)
    input_bias: Tensor | None = None  # (gates · d)
    hidden_bias: Tensor | None = None  # (gates · d)
    projection: Tensor | None = None  # (projection, d)


# -- one step ------------------------------------------------------------------------------


def tanh_step(x: Tensor, h: Tensor, w: Tensor) -> Tensor:
    """h' = tanh(x + W h), with W given as its transpose, as in all steps."""
    return (x + h @ w).tanh()


def relu_step(x: Tensor, h: Tensor, w: Tensor) -> Tensor:
    """h' = max(0, x + W h)"""
    return (x + h @ w).relu()


def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, w: Tensor, projection: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of an LSTM, with a = x + W h in four parts:

        i, f, g, o = σ(a₁), σ(a₂), tanh(a₃), σ(a₄)
        c' = f c + i g
        h' = o tanh(c'),  or  W_hr (o tanh(c'))

    Returns  h', c' and a.

    Source:  Hochreiter & Schmidhuber 1997, "Long short-term memory"; Gers et al. 2000
    """
    a = x + h @ w
    d = c.shape[1]
    i_f = a.narrow(1, 0, 2 * d).sigmoid()
    g = a.narrow(1, 2 * d, d).tanh()
    o = a.narrow(1, 3 * d, d).sigmoid()
    c = (i_f.narrow(1, d, d) * c).addcmul(i_f.narrow(1, 0, d), g)
    h = o * c.tanh()
    return h if projection is None else h @ projection.T, c, a


def gru_step(
    x: Tensor, h: Tensor, w: Tensor, bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One step of a GRU, with p = W h + b and x in three parts:

        r, z = σ(x₁ + p₁), σ(x₂ + p₂)
        n = tanh(x₃ + r p₃)
        h' = (1 - z) n + z h

    Returns  h' and p.

    Source:  Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder"
    """
    p = h @ w if bias is None else h @ w + bias
    d = h.shape[1]
    r_z = (x.narrow(1, 0, 2 * d) + p.narrow(1, 0, 2 * d)).sigmoid()
    r, z = r_z.narrow(1, 0, d), r_z.narrow(1, d, d)
    n = x.narrow(1, 2 * d, d).addcmul(r, p.narrow(1, 2 * d, d)).tanh()
    return n.lerp(h, z), p


# -- all steps -----------------------------------------------------------------------------


def _before(ys: Tensor, first: Tensor, reverse: bool) -> Tensor:
    """The state that every step started from: the one after the step before."""
    first, length = first.unsqueeze(0), ys.shape[0]
    if reverse:
        return cat([ys.narrow(0, 1, length - 1), first])
    return cat([first, ys.narrow(0, 0, length - 1)])


def _plus(x: Tensor, other: Tensor | None) -> Tensor:
    return x if other is None else x + other


def _weight_gradient(delta: Tensor, h: Tensor) -> Tensor:
    """∂L/∂W = Σₜ δₜᵀ hₜ of a = W h, as one product over all times."""
    return delta.flatten(0, 1).T @ h.flatten(0, 1)


class Walk(Function):
    """The family of loops: their derivatives go back through time by hand.

    With δ = ∂L/∂a of the gates a, the gradient of W_hh is one product after the loop, and
    whatever does not depend on the gradient is computed for all times before it. What the
    derivative needs of the forward loop is among the outputs, so that backward, which is made
    of tensor methods, can itself be differentiated.

    Source:  Werbos 1990, "Backpropagation through time"
    """


class SimpleWalk(Walk):
    """h of all times, for tanh_step and relu_step."""

    @staticmethod
    def forward(
        ctx: Any, step: Callable, reverse: bool, wt: Tensor, x: Tensor, h0: Tensor,
        w: Tensor,
    ) -> Any:  # fmt: skip
        def one(h: Tensor, x: Tensor) -> Any:
            y = step(x, h, wt)
            return y, (y,)

        _, (h,) = scan(one, h0, [x], reverse)
        ctx.step, ctx.reverse = step, reverse
        ctx.save_for_backward(h0, w, h)
        return h

    @staticmethod
    def backward(ctx: Any, gh: Tensor) -> Any:
        h0, w, h = ctx.saved_tensors
        slope = 1 - h * h if ctx.step is tanh_step else (h > 0).to(h.dtype)

        def one(dh: Tensor, g: Tensor, slope: Tensor) -> Any:
            delta = (dh + g) * slope
            return delta @ w, (delta,)

        dh, (delta,) = scan(one, h0.zeros_like(), [gh, slope], not ctx.reverse)
        dw = _weight_gradient(delta, _before(h, h0, ctx.reverse))
        return None, None, None, delta, dh, dw


class LSTMWalk(Walk):
    """h, c and the gates a of all times."""

    @staticmethod
    def forward(
        ctx: Any, reverse: bool, wt: Tensor, x: Tensor, h0: Tensor, c0: Tensor, w: Tensor,
        projection: Tensor | None,
    ) -> Any:  # fmt: skip
        def one(state: State, x: Tensor) -> Any:
            h, c = state
            h, c, a = lstm_step(x, h, c, wt, projection)
            return (h, c), (h, c, a)

        _, (h, c, a) = scan(one, (h0, c0), [x], reverse)
        ctx.reverse = reverse
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(h0, c0, w, projection, h, c, a)
        return h, c, a

    @staticmethod
    def backward(ctx: Any, gh: Tensor | None, gc: Tensor | None, ga: Tensor | None) -> Any:
        h0, c0, w, projection, h, c, a = ctx.saved_tensors
        size = c.shape[-1]
        i, f = (a.narrow(-1, k * size, size).sigmoid() for k in (0, 1))
        g = a.narrow(-1, 2 * size, size).tanh()
        o, y = a.narrow(-1, 3 * size, size).sigmoid(), c.tanh()
        through = o * (1 - y * y)  # ∂(o tanh c)/∂c
        slopes = cat(
            [
                g * i * (1 - i),
                _before(c, c0, ctx.reverse) * f * (1 - f),
                i * (1 - g * g),
                y * o * (1 - o),
            ],
            -1,
        )  # of c by the first three gates, of o tanh c by the last

        def one(
            state: State, gh: Any, gc: Any, ga: Any, slopes: Tensor, through: Tensor, f: Tensor
        ) -> Any:
            dh, dc = state
            dh = _plus(dh, gh)
            dy = dh if projection is None else dh @ projection
            dc = _plus(dc.addcmul(dy, through), gc)
            delta = _plus(cat([dc, dc, dc, dy], 1) * slopes, ga)
            return (delta @ w, dc * f), (delta, dh)

        start = h0.zeros_like(), c0.zeros_like()
        columns = [gh, gc, ga, slopes, through, f]
        (dh0, dc0), (delta, dh) = scan(one, start, columns, not ctx.reverse)
        dw = _weight_gradient(delta, _before(h, h0, ctx.reverse))
        dp = None if projection is None else _weight_gradient(dh, o * y)
        return None, None, delta, dh0, dc0, dw, dp


class GRUWalk(Walk):
    """h of all times, and what the hidden state adds to the gates, p."""

    @staticmethod
    def forward(
        ctx: Any, reverse: bool, wt: Tensor, x: Tensor, h0: Tensor, w: Tensor,
        bias: Tensor | None,
    ) -> Any:  # fmt: skip
        def one(h: Tensor, x: Tensor) -> Any:
            h, p = gru_step(x, h, wt, bias)
            return h, (h, p)

        _, (h, p) = scan(one, h0, [x], reverse)
        ctx.reverse = reverse
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, w, h, p)
        return h, p

    @staticmethod
    def backward(ctx: Any, gh: Tensor | None, gp: Tensor | None) -> Any:
        x, h0, w, h, p = ctx.saved_tensors
        before, size = _before(h, h0, ctx.reverse), h.shape[-1]
        r, z = ((x.narrow(-1, k, size) + p.narrow(-1, k, size)).sigmoid() for k in (0, size))
        pn = p.narrow(-1, 2 * size, size)
        n = x.narrow(-1, 2 * size, size).addcmul(r, pn).tanh()
        dn = (1 - z) * (1 - n * n)  # ∂h'/∂(x₃ + r p₃)
        slopes = cat([dn * pn * r * (1 - r), (before - n) * z * (1 - z), dn * r], -1)

        def one(dh: Tensor, gh: Any, gp: Any, slopes: Tensor, z: Tensor) -> Any:
            dh = _plus(dh, gh)
            delta = _plus(cat([dh, dh, dh], 1) * slopes, gp)
            return (delta @ w).addcmul(dh, z), (delta, dh)

        start = h0.zeros_like()
        dh0, (delta, dh) = scan(one, start, [gh, gp, slopes, z], not ctx.reverse)
        of_p = delta if gp is None else delta - gp  # what reaches the gates through the step
        dx = cat([of_p.narrow(-1, 0, 2 * size), dh * dn], -1)
        return None, None, dx, dh0, _weight_gradient(delta, before), delta.sum((0, 1))


# -- layers --------------------------------------------------------------------------------


def _simple(step: Callable) -> Callable[..., tuple[Tensor, State]]:
    def walk(x: Tensor, state: State, weights: Weights, wt: Tensor, reverse: bool) -> Any:
        h = SimpleWalk.apply(step, reverse, wt, x, *state, weights.hidden)
        return h, (h,)

    return walk


def _lstm(
    x: Tensor, state: State, weights: Weights, wt: Tensor, reverse: bool
) -> tuple[Tensor, State]:
    projection = weights.projection
    h, c, _ = LSTMWalk.apply(reverse, wt, x, *state, weights.hidden, projection)
    return h, (h, c)


def _gru(
    x: Tensor, state: State, weights: Weights, wt: Tensor, reverse: bool
) -> tuple[Tensor, State]:
    h, _ = GRUWalk.apply(reverse, wt, x, *state, weights.hidden, weights.hidden_bias)
    return h, (h,)


WALKS = {
    "RNN_TANH": _simple(tanh_step), "RNN_RELU": _simple(relu_step), "LSTM": _lstm, "GRU": _gru,
}  # fmt: skip


def recurrent(
    mode: str,
    input: Tensor,
    state: State,
    weights: Weights,
    sizes: Sequence[int] | None = None,
    reverse: bool = False,
) -> tuple[Tensor, State]:
    """One direction of one recurrent layer: the output of all times, and the last state.

    Shapes:  input (t, n, features), each of the state (n, d) → (t, n, d), (n, d); of packed
        sequences input (Σ sizes, features) → (Σ sizes, d)
    Args:
        mode: RNN_TANH, RNN_RELU, LSTM (whose state is h and c) or GRU
        sizes: how many of the packed sequences are still running at each time
        reverse: whether time runs backwards
    """
    bias = weights.input_bias
    if mode != "GRU" and bias is not None and weights.hidden_bias is not None:
        bias = bias + weights.hidden_bias
    x = linear(input, weights.input, bias)
    with no_grad():
        wt = weights.hidden.T.clone()  # rows for the loop: twice as fast as a transposed view

    def walk(x: Tensor, state: State) -> tuple[Tensor, State]:
        ys, states = WALKS[mode](x, state, weights, wt, reverse)
        return ys, tuple(s.select(0, 0 if reverse else -1) for s in states)

    return walk(x, state) if sizes is None else _packed(walk, x, state, sizes, reverse)


def _packed(
    walk: Callable, x: Tensor, state: State, sizes: Sequence[int], reverse: bool
) -> tuple[Tensor, State]:
    """The walk over stretches of time in which the number of running sequences is the same."""
    stretches = [(rows, len(list(same))) for rows, same in groupby(sizes)]
    pieces = list(x.split([rows * times for rows, times in stretches]))
    if reverse:
        stretches, pieces = stretches[::-1], pieces[::-1]
    now = tuple(s.narrow(0, 0, stretches[0][0]) for s in state)
    found, ended = [], []
    for (rows, times), piece in zip(stretches, pieces, strict=True):
        running = now[0].shape[0]
        if rows > running:  # backwards: these sequences begin here
            begin = (s.narrow(0, running, rows - running) for s in state)
            now = tuple(cat(pair) for pair in zip(now, begin, strict=True))
        elif rows < running:  # these have come to their end
            ended.append(tuple(s.narrow(0, rows, running - rows) for s in now))
            now = tuple(s.narrow(0, 0, rows) for s in now)
        ys, now = walk(piece.unflatten(0, (times, rows)), now)
        found.append(ys.flatten(0, 1))
    last = tuple(cat(parts) for parts in zip(now, *ended[::-1], strict=True))
    return cat(found[::-1] if reverse else found), last
