"""Recurrent layers: networks that read a sequence step by step."""

from __future__ import annotations

import warnings
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from chainrule.functional.dropout import dropout
from chainrule.functional.recurrent import State, Weights, recurrent
from chainrule.nn.parameter import Parameter
from chainrule.nn.recurrence import Recurrent
from chainrule.nn.utils.rnn import PackedSequence
from chainrule.tensor.functions.joining import cat, stack
from chainrule.tensor.tensor import Tensor

#: how many gates each kind has
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class RNNBase(Recurrent):
    """The family: layers on top of each other, in one or both directions of time.

    The input is (t, n, features), with batch_first (n, t, features), one sequence
    (t, features), or a PackedSequence. So is the output, the top layer's hidden state h of
    all times; beside it comes the last state of every layer and direction
    (layers · directions, n, d), which may be given as `hx` to go on from (else it is zero).

    Args:
        mode: RNN_TANH, RNN_RELU, LSTM or GRU
        num_layers: how many layers, each reading the output of the one below
        bias: whether there are biases
        batch_first: whether the batch is the first axis of input and output
        dropout: with what probability outputs are left out between layers, in training
        bidirectional: whether a second direction reads the sequence from its end; the
            outputs of both are joined
        proj_size: for an LSTM the size that h is projected to; 0 does not project

    Raises:
        ArgumentError (CR590) for sizes and options; ShapeError (CR101, CR591, CR592)

    Notes:  all parameters start evenly spread over ±1/√hidden_size.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_options()
        for layer in range(num_layers):
            for direction in range(self._directions()):
                self._register_empty(self._shapes(layer, direction), device, dtype)
        self.reset_parameters()

    def _check_options(self) -> None:
        name = type(self).__name__
        for what in ("hidden_size", "num_layers"):
            value = getattr(self, what)
            if not isinstance(value, int):
                raise ArgumentTypeError(
                    "CR590", f"{name} takes a whole {what}, got {type(value).__name__}"
                )
            if value <= 0:
                raise ArgumentError("CR590", f"{name} needs {what} of at least 1, got {value}")
        if isinstance(self.dropout, bool) or not 0 <= self.dropout <= 1:
            raise ArgumentError(
                "CR590", f"{name} takes a probability from 0 to 1, got dropout={self.dropout}"
            )
        if self.mode not in GATES:
            known = ", ".join(GATES)
            raise ArgumentError("CR590", f"{name}: mode={self.mode!r}; choose from {known}")
        if not 0 <= self.proj_size < self.hidden_size or (
            self.proj_size and self.mode != "LSTM"
        ):
            raise ArgumentError(
                "CR590",
                f"{name}: proj_size={self.proj_size}; only an LSTM projects h, to a size below "
                f"its hidden_size={self.hidden_size}",
            )
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                f"{name}: dropout={self.dropout} acts between layers, and there is one only; "
                "num_layers=2 makes two",
                stacklevel=4,
            )

    # -- parameters --------------------------------------------------------------------

    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _output_size(self) -> int:
        """How many features the output of one direction has."""
        return self.proj_size or self.hidden_size

    def _shapes(self, layer: int, direction: int) -> dict[str, tuple[int, ...]]:
        """The names and shapes of the parameters of one direction of one layer."""
        rows, h = GATES[self.mode] * self.hidden_size, self._output_size()
        features = self.input_size if layer == 0 else h * self._directions()
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, features)}
        shapes["weight_hh"] = (rows, h)
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (h, self.hidden_size)
        end = f"_l{layer}" + "_reverse" * direction
        return {name + end: shape for name, shape in shapes.items()}

    def _weights(self, layer: int, direction: int) -> Weights:
        end = f"_l{layer}" + "_reverse" * direction
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        found: list[Any] = [getattr(self, kind + end, None) for kind in kinds]
        return Weights(*found)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each direction of each layer."""
        return [
            [getattr(self, name) for name in self._shapes(layer, direction)]
            for layer in range(self.num_layers)
            for direction in range(self._directions())
        ]

    def flatten_parameters(self) -> None:
        """Nothing to do: parameters need no common memory here."""

    # -- forward -----------------------------------------------------------------------

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        self._check_input(input)
        batched = input.ndim == 3
        x = input if batched else input.unsqueeze(1)
        x = x.transpose(0, 1) if self.batch_first and batched else x  # (t, n, features)
        if x.shape[0] == 0:
            raise ShapeError("CR591", f"{type(self).__name__} got a sequence of no elements")
        y, last = self._run(x, self._state(hx, x, x.shape[1], batched))
        if not batched:
            return y.squeeze(1), self._outer([s.squeeze(1) for s in last])
        return y.transpose(0, 1) if self.batch_first else y, self._outer(last)

    def _forward_packed(self, input: PackedSequence, hx: Any) -> tuple[Any, Any]:
        x, _, order, back = input
        self._check_features(x)
        sizes = input.sizes()
        state = self._state(hx, x, sizes[0], True)
        if hx is not None and order is not None:
            state = tuple(s.index_select(1, order) for s in state)
        y, last = self._run(x, state, sizes)
        if back is not None:
            last = [s.index_select(1, back) for s in last]
        return input.with_data(y), self._outer(last)

    def _run(
        self, x: Tensor, state: State, sizes: tuple[int, ...] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """The output of the top layer, and the last state of all."""
        last: list[State] = []
        for layer in range(self.num_layers):
            x = x if layer == 0 else dropout(x, self.dropout, self.training)
            outputs = []
            for direction in range(self._directions()):
                begin = tuple(s.select(0, len(last)) for s in state)
                weights = self._weights(layer, direction)
                y, end = recurrent(self.mode, x, begin, weights, sizes, direction == 1)
                outputs.append(y)
                last.append(end)
            x = cat(outputs, -1) if self.bidirectional else outputs[0]
        return x, [stack(parts) for parts in zip(*last, strict=True)]

    def _outer(self, state: list[Tensor]) -> Any:
        """The state as the user sees it: h, or of an LSTM (h, c)."""
        return tuple(state) if self.mode == "LSTM" else state[0]

    # -- checks ------------------------------------------------------------------------

    def _check_input(self, input: Tensor) -> None:
        self._check_tensor(input)
        if input.ndim not in (2, 3):
            axes = "(n, t, features)" if self.batch_first else "(t, n, features)"
            raise ShapeError(
                "CR591",
                f"{type(self).__name__} takes sequences {axes} or one sequence (t, features), "
                f"got {tuple(input.shape)}",
            )
        self._check_features(input)

    def _check_features(self, x: Tensor) -> None:
        super()._check_features(x)
        weight = self.weight_ih_l0
        if x.dtype is not weight.dtype:
            raise DtypeError(
                "CR204",
                f"{type(self).__name__} has weights of type {weight.dtype}, the input is "
                f"{x.dtype}; convert it, x.to({weight.dtype})",
            )

    def _state(self, hx: Any, x: Tensor, n: int, batched: bool) -> State:
        """The state to start from, each part (layers · directions, n, d)."""
        layers = self.num_layers * self._directions()
        names = {"h_0": self._output_size()}
        if self.mode == "LSTM":
            names["c_0"] = self.hidden_size
        if hx is None:
            return tuple(x.new_zeros(layers, n, size) for size in names.values())
        parts = tuple(hx) if self.mode == "LSTM" and not isinstance(hx, Tensor) else (hx,)
        wanted = [(layers, n, size) if batched else (layers, size) for size in names.values()]
        if [tuple(getattr(part, "shape", ())) for part in parts] != wanted:
            expected = ", ".join(f"{k} {shape}" for k, shape in zip(names, wanted))
            got = ", ".join(str(tuple(getattr(part, "shape", ()))) for part in parts)
            raise ShapeError(
                "CR592",
                f"{type(self).__name__} expects the state {expected}; got {got}. The axes are "
                f"(layers · directions{', batch' if batched else ''}, features)",
            )
        return parts if batched else tuple(part.unsqueeze(1) for part in parts)

    def extra_repr(self) -> str:
        found = f"{self.input_size}, {self.hidden_size}"
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False,
            "dropout": 0, "bidirectional": False,
        }  # fmt: skip
        for name, default in defaults.items():
            if (value := getattr(self, name)) != default:
                found += f", {name}={value}"
        return found


class RNN(RNNBase):
    """Simple recurrent network  hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh).

    Shapes:  (t, n, input_size), h_0 (layers · directions, n, hidden_size) →
        (t, n, directions · hidden_size), h_n as h_0; see RNNBase
    Args:    nonlinearity: "tanh" or "relu"; the others see RNNBase.
    Raises:  ArgumentError (CR590); ShapeError (CR101, CR591, CR592).
    Source:  Elman 1990, "Finding structure in time"

    Example:
        >>> import chainrule as cr
        >>> output, h = RNN(8, 16, num_layers=2)(cr.zeros(5, 3, 8))
        >>> output.shape, h.shape
        (chainrule.Size([5, 3, 16]), chainrule.Size([2, 3, 16]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        proj_size: int = 0,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(
                "CR590", f"RNN: nonlinearity={nonlinearity!r}; choose from tanh, relu"
            )
        mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(
            mode, input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, proj_size, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory: gates decide what a cell c forgets, takes in and shows.

        i, f, o = σ(…),  g = tanh(…)  of  W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh
        cₜ = f cₜ₋₁ + i g
        hₜ = o tanh(cₜ)

    Shapes:  (t, n, input_size), (h_0, c_0) each (layers · directions, n, hidden_size) →
        (t, n, directions · hidden_size), (h_n, c_n) as (h_0, c_0); see RNNBase
    Args:    see RNNBase.
    Raises:  ArgumentError (CR590); ShapeError (CR101, CR591, CR592).
    Source:  Hochreiter & Schmidhuber 1997, "Long short-term memory"; Gers et al. 2000

    Example:
        >>> import chainrule as cr
        >>> output, (h, c) = LSTM(8, 16, batch_first=True)(cr.zeros(3, 5, 8))
        >>> output.shape, c.shape
        (chainrule.Size([3, 5, 16]), chainrule.Size([1, 3, 16]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, proj_size, device, dtype,
        )  # fmt: skip


class GRU(RNNBase):
    """Gated recurrent unit: one gate resets the past, one decides how much of it stays.

        r, z = σ(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh)
        n = tanh(W_in xₜ + b_in + r (W_hn hₜ₋₁ + b_hn))
        hₜ = (1 - z) n + z hₜ₋₁

    Shapes:  (t, n, input_size), h_0 (layers · directions, n, hidden_size) →
        (t, n, directions · hidden_size), h_n as h_0; see RNNBase
    Args:    see RNNBase.
    Raises:  ArgumentError (CR590); ShapeError (CR101, CR591, CR592).
    Source:  Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder"

    Example:
        >>> import chainrule as cr
        >>> output, h = GRU(8, 16, bidirectional=True)(cr.zeros(5, 3, 8))
        >>> output.shape, h.shape
        (chainrule.Size([5, 3, 32]), chainrule.Size([2, 3, 16]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        proj_size: int = 0,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, proj_size, device, dtype,
        )  # fmt: skip
