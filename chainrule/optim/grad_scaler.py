"""GradScaler: losses made large, so that small gradients do not vanish in float16."""

from __future__ import annotations

import warnings
from typing import Any

from chainrule.dtypes import float32, float64
from chainrule.errors import ArgumentError
from chainrule.optim.hyperparameters import in_type, refuse_while_tracing
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.number import changing_number
from chainrule.tensor.tensor import Tensor


class GradScaler:
    """Multiplies the loss by a scale, divides the gradients by it, and adapts it.

        scale ← scale · growth_factor     after growth_interval good steps in a row
        scale ← scale · backoff_factor    and no step, where a gradient is infinite or NaN

    Args:
        device: "cpu" scales; for "cuda", of which there is none, it hands everything through,
            as PyTorch does on such a machine
        init_scale: the first scale
        growth_factor: above 1
        backoff_factor: between 0 and 1
        growth_interval: good steps in a row until the scale grows
        enabled: False hands everything through

    Raises: ArgumentError (CR902) for factors out of range.

    Notes: whether gradients are finite is asked in Python, so of a training step only the
        part up to backward() can be compiled.

    Source: Micikevicius et al. 2018, section 3.2, https://arxiv.org/abs/1710.03740

    Example:
        >>> import chainrule as cr
        >>> layer = cr.nn.Linear(2, 1)
        >>> optimizer = cr.optim.SGD(layer.parameters(), lr=0.1)
        >>> scaler = GradScaler("cpu")
        >>> scaler.scale(layer(cr.ones(3, 2)).sum()).backward()
        >>> scaler.step(optimizer)
        >>> scaler.update()
        >>> scaler.get_scale()
        65536.0
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device != "cpu":
            warnings.warn(
                f"GradScaler: there is no {device} device, so nothing is scaled", stacklevel=2
            )
        self._enabled = enabled and device == "cpu"
        if self._enabled and not (growth_factor > 1 > backoff_factor > 0):
            raise ArgumentError(
                "CR902",
                "GradScaler: growth_factor is above 1 and backoff_factor between 0 and 1, got "
                f"{growth_factor} and {backoff_factor}",
            )
        self._scale = init_scale
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._good_steps = 0
        self._finite: dict[int, bool] = {}  # of the optimizers whose gradients are unscaled
        self._stepped: set[int] = set()  # of these, those that have made their step

    def is_enabled(self) -> bool:
        """Whether it scales."""
        return self._enabled

    def get_scale(self) -> float:
        """The factor; 1 where it does not scale."""
        return self._scale if self._enabled else 1.0

    def scale(self, outputs: Any) -> Any:
        """The loss times the scale; of a list or tuple of losses each."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            wide = float64 if outputs.dtype is float64 else float32  # 65536 is inf in float16
            (factor,) = in_type(wide, changing_number(lambda: self._scale))
            return (outputs.to(wide) * factor).to(outputs.dtype)
        return type(outputs)(self.scale(y) for y in outputs)

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients by the scale, to clip them before the step.

        Raises: ArgumentError (CR640) a second time before update().
        """
        if not self._enabled:
            return
        if id(optimizer) in self._finite:
            raise ArgumentError(
                "CR640",
                "unscale_() was called on this optimizer already; call it once before each "
                "step(), and update() after",
            )
        finite = True
        with no_grad():
            for group in optimizer.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.grad = p.grad / self._scale
                        finite = finite and bool(p.grad.isfinite().all())
        self._finite[id(optimizer)] = finite

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """The optimizer's step with unscaled gradients, unless one is infinite or NaN.

        Raises: ArgumentError (CR640) a second time before update().
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if id(optimizer) in self._stepped:
            raise ArgumentError(
                "CR640",
                "step() was called with this optimizer already, so new gradients would not be "
                "unscaled; call update() after each round of steps",
            )
        if id(optimizer) not in self._finite:
            self.unscale_(optimizer)
        self._stepped.add(id(optimizer))
        return optimizer.step(*args, **kwargs) if self._finite[id(optimizer)] else None

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapt the scale to how the last steps went, or set it."""
        if not self._enabled:
            return
        refuse_while_tracing("GradScaler.update()")
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not all(self._finite.values()):
            self._scale *= self._backoff_factor
            self._good_steps = 0
        else:
            self._good_steps += 1
            if self._good_steps == self._growth_interval:
                self._scale *= self._growth_factor
                self._good_steps = 0
        self._finite.clear()
        self._stepped.clear()

    def state_dict(self) -> dict[str, Any]:
        """The scale and how it changes; empty where it does not scale."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._good_steps,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a state that state_dict() returned."""
        if not self._enabled:
            return
        self._scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._good_steps = state_dict["_growth_tracker"]
