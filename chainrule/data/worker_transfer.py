"""How a batch gets from a worker process to the program: through a pipe, copied once."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Sequence
from multiprocessing.connection import Connection
from types import FunctionType
from typing import Any

import numpy as np

from chainrule.errors import DataError
from chainrule.tensor.tensor import Tensor

Packed = tuple[bytes, list[memoryview]]


class BatchPickler(pickle.Pickler):
    """Takes tensors apart into their arrays, whose memory is sent as it is."""

    def reducer_override(self, thing: Any) -> Any:
        """How a tensor or an error is made again; everything else as always."""
        if type(thing) is Tensor:
            if not thing.is_leaf:
                raise DataError(
                    "CR723",
                    f"a worker cannot send a tensor of shape {tuple(thing.shape)} that "
                    "remembers how it was computed; detach() it in the dataset or collate_fn",
                )
            return _tensor, (thing._array("a batch"), thing.requires_grad)
        if isinstance(thing, Exception) and isinstance(type(thing).__init__, FunctionType):
            return _error, (type(thing), thing.args, vars(thing))
        return NotImplemented


def _error(kind: type[Exception], args: tuple, attributes: dict[str, Any]) -> Exception:
    """The error as it was, without its __init__, which may want other arguments."""
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(attributes)
    return error


def _tensor(array: np.ndarray, requires_grad: bool) -> Tensor:
    y = Tensor._of(array)
    return y.requires_grad_() if requires_grad else y


def pack(thing: Any) -> Packed:
    """A thing as bytes, and the memory of its arrays."""
    head, buffers = io.BytesIO(), []  # type: ignore[var-annotated]
    BatchPickler(head, protocol=5, buffer_callback=buffers.append).dump(thing)
    return head.getvalue(), [buffer.raw() for buffer in buffers]


def unpack(head: bytes, buffers: Sequence[Any]) -> Any:
    """The thing again, on the memory of `buffers`."""
    return pickle.loads(head, buffers=buffers)


def send(connection: Connection, packed: Packed) -> None:
    """Write a packed thing into the pipe; waits until the other side reads."""
    head, buffers = packed
    connection.send_bytes(np.array([view.nbytes for view in buffers], np.int64).tobytes())
    connection.send_bytes(head)
    for view in buffers:
        if os.name == "posix":
            while view.nbytes:
                view = view[os.write(connection.fileno(), view) :]
        else:
            connection.send_bytes(view)


def receive(connection: Connection) -> Any:
    """Read what `send` wrote.

    Raises: EOFError where the other side has gone.
    """
    sizes = np.frombuffer(connection.recv_bytes(), np.int64)
    head = connection.recv_bytes()
    buffers = [np.empty(size, np.uint8) for size in sizes]
    for buffer in buffers:
        _fill(connection, buffer.data)
    return unpack(head, buffers)


def _fill(connection: Connection, view: memoryview) -> None:
    """Read straight into the memory, without the detours of Connection.recv_bytes."""
    if os.name != "posix":
        connection.recv_bytes_into(view)
        return
    while view.nbytes:
        count = os.readv(connection.fileno(), [view])
        if not count:
            raise EOFError
        view = view[count:]
