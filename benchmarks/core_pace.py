"""Whether the cores are what they were: apart from each other, and near.

A virtual machine's cores may be the two threads of one physical core for a while: then both
compute half as fast as one of them alone. Or they may have no cache in common: then what one
hands to the other takes four times as long. Both last from tenths of a second to minutes, and
no load shows them.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection

import numpy as np
from processes import answer, process

from chainrule.engines.native.running.llvm import compile_object, load
from chainrule.engines.native.running.target import host

SIZE = 384  # of the matrices that are multiplied: in the second cache
MOMENT = 0.02  # seconds of products
TRIPS = 4000  # of a cache line
EVEN = 0.7  # of the best pace, from which on cores are what they were
PATIENCE = 20.0  # seconds that are waited for it

#: two threads that give each other the turn, by numbers that they write to one place
GAME = """
define void @play(ptr %place, i64 %mine, i64 %turns) {
entry:
  br label %turn
turn:
  %number = phi i64 [ %mine, %entry ], [ %later, %give ]
  br label %wait
wait:
  %now = load atomic i64, ptr %place acquire, align 8
  %come = icmp eq i64 %now, %number
  br i1 %come, label %give, label %wait
give:
  %next = add i64 %number, 1
  store atomic i64 %next, ptr %place release, align 8
  %later = add i64 %number, 2
  %over = icmp sge i64 %later, %turns
  br i1 %over, label %leave, label %turn
leave:
  ret void
}
"""


class CorePace:
    """Products on all cores at once, and trips of a cache line between two of them."""

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections
        self._library = load(compile_object(GAME, host()))
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self._play = kind(self._library.address("play"))
        self._place = np.zeros(64, np.int64)
        self._most_products = self._most_trips = 0.0
        for _ in range(10):
            self.now()

    def _products(self) -> float:
        """Per second, of all cores together."""
        for connection in self._connections:
            connection.send(MOMENT)
        return sum(answer(connection)["rate"] for connection in self._connections)

    def _trips(self) -> float:
        """Per second; 0 where there is one core only."""
        if len(self._connections) < 2:
            return 0.0
        place = self._place[32:].ctypes.data
        self._place[32] = 2  # nobody's turn yet
        other = threading.Thread(target=self._play, args=(place, 1, 2 * TRIPS))
        other.start()
        begin = time.perf_counter()
        self._place[32] = 0
        self._play(place, 0, 2 * TRIPS)
        passed = time.perf_counter() - begin
        other.join()
        return TRIPS / passed

    def now(self) -> float:
        """The part of the best pace so far that the cores keep, the lower one of both kinds."""
        products, trips = self._products(), max(self._trips() for _ in range(3))
        self._most_products = max(self._most_products, products)
        if products >= EVEN * self._most_products:  # the threads of one core are very near
            self._most_trips = max(self._most_trips, trips)
        parts = products / self._most_products, trips / (self._most_trips or 1.0)
        return min(parts) if trips else parts[0]

    def settle(self) -> float:
        """The same, after waiting for a while where it is low."""
        end = time.monotonic() + PATIENCE
        while (pace := self.now()) < EVEN and time.monotonic() < end:
            time.sleep(MOMENT)
        return pace


@contextmanager
def core_pace(threads: int) -> Iterator[CorePace]:
    """As many processes as threads are measured with; they sleep in between."""
    with ExitStack() as stack:
        children = [process(multiply, threads=1) for _ in range(threads)]
        yield CorePace([stack.enter_context(child) for child in children])


def multiply(connection: Connection, threads: int) -> None:
    """The processes: products for so many seconds, as often as they are asked."""
    a = np.random.default_rng(0).random((SIZE, SIZE), np.float32)
    for seconds in iter(connection.recv, None):
        count, begin = 0, time.perf_counter()
        while (passed := time.perf_counter() - begin) < seconds:
            a @ a
            count += 1
        connection.send({"rate": count / passed})
