"""L-BFGS: Newton's method with a curvature guessed from the last steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.errors import ArgumentError, ArgumentTypeError, TraceError
from chainrule.optim.hyperparameters import NONNEGATIVE, is_number, out_of_range
from chainrule.optim.line_search import Point, WolfeSearch
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.tensor import trace
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.symbol import user_line
from chainrule.tensor.tensor import Tensor

Closure = Callable[[], Any]


class LBFGS(Optimizer):
    """Limited-memory BFGS, for few parameters and gradients without noise.

        d = -H g                      H from the last differences of points and gradients
        x ← x + t d                   t = lr, or found by the line search

    One `step(closure)` makes up to `max_iter` such moves; the closure forgets the gradients,
    computes the loss, calls backward() on it and returns it.

    Args:
        lr: t ≥ 0 without line search, else where the search begins
        max_iter: moves in one step
        max_eval: calls of the closure in one step, 1.25 · max_iter by default; a line search
            that has begun may go beyond it by one
        tolerance_grad: stop where no element of the gradient is larger
        tolerance_change: stop where the loss or every parameter changes by less
        history_size: how many differences H is made of
        line_search_fn: None or "strong_wolfe"

    Raises: ArgumentError (CR604) for numbers out of range, ArgumentError (CR614) for more than
        one parameter group, TraceError (CR615) for a step in a compiled function.

    Notes: dot products are kept as Python floats.

    Source: Nocedal and Wright 2006, Numerical optimization, Algorithm 7.4

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([-1.0, 2.0], requires_grad=True)
        >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> for _ in range(2):
        ...     loss = optimizer.step(closure)
        >>> [round(x, 3) for x in w.tolist()]
        [1.0, 1.0]
    """

    ranges = {
        "lr": NONNEGATIVE, "max_iter": NONNEGATIVE, "max_eval": NONNEGATIVE,
        "tolerance_grad": NONNEGATIVE, "tolerance_change": NONNEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr, "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
            "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        if not is_number(group["history_size"], 1, float("inf")):
            raise out_of_range(
                "LBFGS", "history_size must be at least 1", group["history_size"]
            )
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise out_of_range(
                "LBFGS", "line_search_fn is None or 'strong_wolfe'", group["line_search_fn"]
            )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """The one group there is.

        Raises: ArgumentError (CR614) for a second one.
        """
        if self.param_groups:
            raise ArgumentError(
                "CR614",
                "LBFGS takes all parameters as one group, as their curvature is one matrix; "
                "give a single list, LBFGS(model.parameters())",
            )
        super().add_param_group(param_group)

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    # -- the step ----------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Any:
        """Up to `max_iter` moves; returns the loss before the first.

        Args: closure: forgets the gradients, computes the loss, calls backward() on it and
            returns it; it cannot be left out.
        Raises: ArgumentTypeError (CR903) without a closure; TraceError (CR615) in a compiled
            function.
        """
        if closure is None:
            raise ArgumentTypeError(
                "CR903",
                "LBFGS.step(closure) computes the loss at several points and needs a function "
                "that does so: it calls zero_grad(), computes the loss, calls backward() on it "
                "and returns it",
            )
        if trace.current.get() is not None:
            raise TraceError(
                "CR615",
                f"LBFGS.step() inside a compiled function{user_line()}: how often it computes "
                "the loss depends on the numbers found. Compile the closure instead, "
                "optimizer.step(chainrule.compile(closure))",
            )
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        with no_grad():
            loss, now = self._evaluate(closure)
            if _largest(now.gradient) > self.param_groups[0]["tolerance_grad"]:
                self._iterate(closure, now, state)
        return loss

    def _iterate(self, closure: Closure, now: Point, state: dict[str, Any]) -> None:
        """Move until one of the limits is reached."""
        group = self.param_groups[0]
        most, evaluations = group["max_eval"], 1
        for n in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            d = _direction(state, now.gradient, group["history_size"])
            before = now._replace(t=0.0, slope=_dot(now.gradient, d))
            state.update(d=d, prev_flat_grad=before.gradient, prev_loss=before.value)
            t = state["t"] = float(group["lr"]) * _first_length(state, before.gradient)
            if before.slope > -group["tolerance_change"]:
                return
            if group["line_search_fn"] is not None:
                now, used = self._searched(closure, before, t, most - evaluations)
                state["t"] = t = now.t
            else:
                self._move(t, d)
                used = int(n < group["max_iter"])  # after the last move nobody asks
                now = self._evaluate(closure)[1] if used else now
            evaluations += used
            if evaluations >= most or self._arrived(now, before, t):
                return

    def _arrived(self, now: Point, before: Point, t: float) -> bool:
        """Whether there is nothing left to gain."""
        group, d = self.param_groups[0], self.state[self._params[0]]["d"]
        return (
            _largest(now.gradient) <= group["tolerance_grad"]
            or _largest(d * t) <= group["tolerance_change"]
            or abs(now.value - before.value) < group["tolerance_change"]
        )

    def _searched(
        self, closure: Closure, start: Point, t: float, limit: int
    ) -> tuple[Point, int]:
        """Go to the point that the line search finds; also how many values that took."""
        group, d = self.param_groups[0], self.state[self._params[0]]["d"]
        there = [p.detach().clone() for p in self._params]

        def evaluate(t: float) -> Point:
            self._move(t, d)
            point = self._evaluate(closure)[1]
            for p, value in zip(self._params, there, strict=True):
                p.copy_(value)
            return point._replace(t=t, slope=_dot(point.gradient, d))

        search = WolfeSearch(evaluate, start, _largest(d), group["tolerance_change"], limit)
        found = search.run(t)
        self._move(found.t, d)
        return found, search.evaluations

    def _evaluate(self, closure: Closure) -> tuple[Any, Point]:
        """What the closure returns, and the point with its value and gradient."""
        with enable_grad():
            loss = closure()
        self.state[self._params[0]]["func_evals"] += 1
        parts = [
            (p.zeros_like() if p.grad is None else p.grad.detach()).reshape(-1)
            for p in self._params
        ]
        return loss, Point(0.0, float(loss), cat(parts), 0.0)

    def _move(self, t: float, d: Tensor) -> None:
        """x ← x + t d"""
        offset = 0
        for p in self._params:
            part = d[offset : offset + p.numel()].reshape(p.shape)
            p.add_(part, alpha=t)
            offset += p.numel()


# -- the direction ---------------------------------------------------------------------


def _direction(state: dict[str, Any], g: Tensor, history_size: int) -> Tensor:
    """d = -H g, after what the last move taught about H."""
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        return -g
    y, s = g - state["prev_flat_grad"], state["d"] * float(state["t"])
    ys = _dot(y, s)
    if ys > 1e-10:
        kept = state["old_dirs"], state["old_stps"], state["ro"]
        for values, new in zip(kept, (y, s, 1 / ys), strict=True):
            values.append(new)
            del values[:-history_size]
        state["H_diag"] = ys / _dot(y, y)
    return _times_inverse_hessian(state, -g)


def _times_inverse_hessian(state: dict[str, Any], q: Tensor) -> Tensor:
    """H q in two loops over the differences y of gradients and s of points."""
    pairs = list(zip(state["old_dirs"], state["old_stps"], map(float, state["ro"])))
    shares = []
    for y, s, ro in reversed(pairs):
        shares.append(_dot(s, q) * ro)
        q = q.add(y, alpha=-shares[-1])
    q = q * float(state["H_diag"])
    for (y, s, ro), share in zip(pairs, reversed(shares), strict=True):
        q = q.add(s, alpha=share - _dot(y, q) * ro)
    return q


def _first_length(state: dict[str, Any], g: Tensor) -> float:
    """At first nothing is known about the curvature: a move of size 1 at most."""
    if state["n_iter"] > 1:
        return 1.0
    size = g.abs().sum().item()
    return min(1.0, 1 / size) if size else 1.0


def _dot(a: Tensor, b: Tensor) -> float:
    return a.dot(b).item()


def _largest(x: Tensor) -> float:
    return x.abs().max().item() if x.numel() else 0.0
