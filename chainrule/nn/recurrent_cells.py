"""Cells: one step of a recurrent layer, for loops that a program writes itself."""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.linear import linear
from chainrule.functional.recurrent import gru_step, lstm_step, relu_step, tanh_step
from chainrule.nn.recurrence import Recurrent
from chainrule.tensor.tensor import Tensor

STEPS = {"tanh": tanh_step, "relu": relu_step}


class RNNCellBase(Recurrent):
    """The family: an input and a state in, the next state out.

    Shapes:  input (n, input_size) or (input_size), each part of the state (n, hidden_size)
        or (hidden_size)
    Args:
        bias: whether there are biases
        num_chunks: how many gates there are

    Raises:  ShapeError (CR101, CR591, CR592).
    Notes:   all parameters start evenly spread over ±1/√hidden_size.
    """

    parts: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        shift = (rows,) if bias else None
        self._register_empty(
            {
                "weight_ih": (rows, input_size),
                "weight_hh": (rows, hidden_size),
                "bias_ih": shift,
                "bias_hh": shift,
            },
            device,
            dtype,
        )
        self.reset_parameters()

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        self._check_input(input)
        x = input if input.ndim == 2 else input.unsqueeze(0)
        state = self._step(x, *self._state(hx, x, input.ndim == 2))
        if input.ndim == 1:
            state = tuple(part.squeeze(0) for part in state)
        return state if len(self.parts) > 1 else state[0]

    def _step(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """The next state."""
        raise NotImplementedError

    def _gates(self, x: Tensor, both: bool = True) -> Tensor:
        """What the input adds to the gates, with both biases or with its own only."""
        y = linear(x, self.weight_ih, self.bias_ih)
        return y + self.bias_hh if both and self.bias else y

    def _check_input(self, input: Tensor) -> None:
        self._check_tensor(input)
        if input.ndim not in (1, 2):
            name = type(self).__name__
            raise ShapeError(
                "CR591",
                f"{name} takes one step (n, features) or (features), got {tuple(input.shape)}; "
                f"{name.removesuffix('Cell')} takes whole sequences",
            )
        self._check_features(input)

    def _state(self, hx: Any, x: Tensor, batched: bool) -> tuple[Tensor, ...]:
        """The state to start from, each part (n, hidden_size)."""
        n, count = x.shape[0], len(self.parts)
        if hx is None:
            return (x.new_zeros(n, self.hidden_size),) * count
        state = (hx,) if isinstance(hx, Tensor) else tuple(hx)
        wanted = (n, self.hidden_size) if batched else (self.hidden_size,)
        if [tuple(part.shape) for part in state] != [wanted] * count:
            got = ", ".join(str(tuple(part.shape)) for part in state)
            expected = ", ".join(f"{part} {wanted}" for part in self.parts)
            raise ShapeError(
                "CR592", f"{type(self).__name__} expects the state {expected}; got {got}"
            )
        return state if batched else tuple(part.unsqueeze(0) for part in state)

    def extra_repr(self) -> str:
        found = f"{self.input_size}, {self.hidden_size}"
        return found if self.bias else f"{found}, bias={self.bias}"


class RNNCell(RNNCellBase):
    """One step of an RNN  h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    Shapes:  (n, input_size), h (n, hidden_size) → (n, hidden_size)
    Args:    nonlinearity: "tanh" or "relu".
    Raises:  ArgumentError (CR590); ShapeError (CR101, CR591, CR592).

    Example:
        >>> import chainrule as cr
        >>> cell, h = RNNCell(8, 16), cr.zeros(3, 16)
        >>> for x in cr.zeros(5, 3, 8).unbind():
        ...     h = cell(x, h)
        >>> h.shape
        chainrule.Size([3, 16])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        if nonlinearity not in STEPS:
            raise ArgumentError(
                "CR590", f"RNNCell: nonlinearity={nonlinearity!r}; choose from tanh, relu"
            )
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def _step(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        step = STEPS[self.nonlinearity]
        return (step(self._gates(x), state[0], self.weight_hh.T),)

    def extra_repr(self) -> str:
        kind = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + kind


class LSTMCell(RNNCellBase):
    """One step of an LSTM; see LSTM.

    Shapes:  (n, input_size), (h, c) each (n, hidden_size) → (h', c')
    Raises:  ShapeError (CR101, CR591, CR592).

    Example:
        >>> import chainrule as cr
        >>> h, c = LSTMCell(8, 16)(cr.zeros(3, 8))
        >>> h.shape, c.shape
        (chainrule.Size([3, 16]), chainrule.Size([3, 16]))
    """

    parts = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def _step(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        h, c = state
        h, c, _ = lstm_step(self._gates(x), h, c, self.weight_hh.T)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a GRU; see GRU.

    Shapes:  (n, input_size), h (n, hidden_size) → (n, hidden_size)
    Raises:  ShapeError (CR101, CR591, CR592).

    Example:
        >>> import chainrule as cr
        >>> GRUCell(8, 16)(cr.zeros(3, 8)).shape
        chainrule.Size([3, 16])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def _step(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        x = self._gates(x, both=False)
        h, _ = gru_step(x, state[0], self.weight_hh.T, self.bias_hh)
        return (h,)
