"""Cases of recurrent layers, their cells and packed sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layer_cases.joining import joined, leaves
from layer_cases.making import Input, case, given, x


def sequence(name: str, kind: str, *inputs: Input, **options: Any) -> None:
    """A case of a layer called with an input, and perhaps the state to start from."""

    def call(layer: Any, a: Any, *state: Any) -> Any:
        hx = state if kind.startswith("LSTM") else state[0] if state else None
        return layer(a, hx or None) if isinstance(hx, tuple) else layer(a, hx)

    case(
        name,
        lambda t: joined(t, getattr(t.nn, kind)(3, 4, **options), call),
        *inputs,
    )


for _kind in ("RNN", "LSTM", "GRU"):
    _states = [x(2, 2, 4)] * (2 if _kind == "LSTM" else 1)
    _single = [x(1, 2, 4)] * len(_states)
    sequence(_kind, _kind, x(5, 2, 3))
    sequence(f"{_kind} from a state", _kind, x(5, 2, 3), *_single)
    sequence(f"{_kind} batch first", _kind, x(2, 5, 3), *_single, batch_first=True)
    sequence(f"{_kind} one sequence", _kind, x(5, 3))
    sequence(f"{_kind} one from a state", _kind, x(5, 3), *[x(1, 4)] * len(_states))
    sequence(f"{_kind} both ways", _kind, x(5, 2, 3), *_states, bidirectional=True)
    sequence(f"{_kind} 2 layers", _kind, x(5, 2, 3), *_states, num_layers=2)
    sequence(f"{_kind} without bias", _kind, x(5, 2, 3), bias=False)
    sequence(f"{_kind} one step", _kind, x(1, 2, 3))
    sequence(f"{_kind} empty batch", _kind, x(4, 0, 3))
    sequence(
        f"{_kind} 2 layers both ways", _kind, x(2, 5, 3),
        num_layers=2, bidirectional=True, batch_first=True,
    )  # fmt: skip
    sequence(f"{_kind} dropout 1", _kind, x(4, 2, 3), num_layers=2, dropout=1.0)
    sequence(f"{_kind}Cell", f"{_kind}Cell", x(2, 3))
    sequence(f"{_kind}Cell from a state", f"{_kind}Cell", x(2, 3), *[x(2, 4)] * len(_states))
    sequence(f"{_kind}Cell one step", f"{_kind}Cell", x(3), *[x(4)] * len(_states))
    sequence(f"{_kind}Cell without bias", f"{_kind}Cell", x(2, 3), bias=False)
sequence("RNN relu", "RNN", x(5, 2, 3), nonlinearity="relu")
sequence("RNN relu both ways", "RNN", x(4, 2, 3), nonlinearity="relu", bidirectional=True)
sequence("RNNCell relu", "RNNCell", x(2, 3), nonlinearity="relu")
sequence("LSTM projected", "LSTM", x(5, 2, 3), proj_size=2)
sequence(
    "LSTM projected both ways", "LSTM", x(5, 2, 3), x(4, 2, 2), x(4, 2, 4),
    proj_size=2, bidirectional=True, num_layers=2,
)  # fmt: skip


def packed(name: str, kind: str, lengths: list[int], *state: Input, **options: Any) -> None:
    """A case of a layer that reads packed sequences; all is padded again at the end."""

    def make(t: Any) -> Any:
        rnn = t.nn.utils.rnn

        def call(layer: Any, a: Any, *hx: Any) -> Any:
            ordered = lengths == sorted(lengths, reverse=True)
            sequences = rnn.pack_padded_sequence(a, lengths, enforce_sorted=ordered)
            start = hx if kind == "LSTM" else hx[0] if hx else None
            y, end = layer(sequences, start or None) if not hx else layer(sequences, start)
            return (*rnn.pad_packed_sequence(y, total_length=6), end, y.data)

        return joined(t, getattr(t.nn, kind)(3, 4, **options), call)

    case(name, make, x(5, len(lengths), 3), *state)


for _kind in ("RNN", "LSTM", "GRU"):
    _pair = 2 if _kind == "LSTM" else 1
    packed(f"packed {_kind}", _kind, [5, 3, 3, 1])
    packed(f"packed {_kind} from a state", _kind, [5, 2, 1], *[x(1, 3, 4)] * _pair)
    packed(f"packed {_kind} equal", _kind, [4, 4])
    packed(f"packed {_kind} unsorted", _kind, [2, 5, 1], *[x(1, 3, 4)] * _pair)
    packed(
        f"packed {_kind} both ways", _kind, [3, 5, 3, 1], *[x(4, 4, 4)] * _pair,
        bidirectional=True, num_layers=2,
    )  # fmt: skip
packed("packed LSTM projected", "LSTM", [4, 3, 1], proj_size=2, bidirectional=True)


def rnn_case(name: str, function: Callable[[Any, Any], Any], *inputs: Input) -> None:
    """A case of a function of nn.utils.rnn and tensors."""
    case(
        name, lambda t: lambda *xs: tuple(leaves(function(t.nn.utils.rnn, *xs))), *inputs
    )  # fmt: skip


rnn_case("pad_sequence", lambda r, a, b: r.pad_sequence([a, b]), x(3, 2), x(5, 2))
rnn_case(
    "pad_sequence left",
    lambda r, a, b: r.pad_sequence([a, b], True, -1.0, padding_side="left"),
    x(3), x(5),
)  # fmt: skip
rnn_case("pad_sequence of a tensor", lambda r, a: r.pad_sequence(a), x(3, 2))
rnn_case("pack_sequence", lambda r, a, b: r.pack_sequence([a, b])[:2], x(5, 2), x(3, 2))
rnn_case("pack unsorted", lambda r, a, b: r.pack_sequence([a, b], False), x(3, 2), x(5, 2))
rnn_case(
    "pad_packed_sequence",
    lambda r, a, b: r.pad_packed_sequence(
        r.pack_sequence([a, b], False), batch_first=True, padding_value=7.0, total_length=6
    )[0],
    x(3, 2), x(5, 2),
)  # fmt: skip
rnn_case(
    "unpad_sequence", lambda r, a, n: r.unpad_sequence(a * 2, n)[1], x(4, 2, 3),
    given([4, 2]),
)  # fmt: skip
rnn_case(
    "unpack_sequence", lambda r, a, b: r.unpack_sequence(r.pack_sequence([a, b]))[1], x(5), x(3)
)
