"""The parts of a plan by themselves: places, functions, groups of kernels, orders of axes."""

import numpy as np
import pytest
from recorded import plan_of

import chainrule as cr
from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.code.functions import KERNEL, Functions
from chainrule.engines.native.code.places import Places, strides_of
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.graph.nodes import CONSTANT, Node
from chainrule.engines.native.planning.fusion import CALL, NEST, Kernel
from chainrule.engines.native.planning.regions import concurrent

FLOAT = np.dtype(np.float32)


def node(*shape):
    return Node(CONSTANT, (), shape, FLOAT)


@pytest.mark.parametrize(("order", "expected"), [
    (None, (12, 4, 1)), ((0, 1, 2), (12, 4, 1)),
    ((0, 2, 1), (12, 1, 3)), ((2, 1, 0), (1, 2, 6)),
])  # fmt: skip
def test_strides_follow_the_order_of_the_axes(order, expected):
    assert strides_of(node(2, 3, 4), order) == expected


def test_parameters_are_named_in_the_order_in_which_their_buffers_are_met():
    x, y, view = node(3), node(2, 4), node(6)
    first, second = Buffer("input", 12), Buffer("arena", 32)
    buffers = {id(x): first, id(y): second, id(view): first}
    places = Places({id(x), id(y), id(view)}, {id(y)}, {id(y): (1, 0)}, buffers)
    assert [places.of(n).name for n in (y, x, view, y)] == ["p0", "p1", "p1", "p0"]
    assert places.arguments() == {"p0": second, "p1": first}
    assert places.of(x).row_major and not places.of(y).row_major
    assert places.of(y).strides == (1, 2)
    assert places.is_local(y) and not places.is_local(x)
    assert not places.is_stored(node(3))


def copying(kind):
    e = Emitter(KERNEL, [], 4)
    e.store(e.load(e.pointer("source"), kind), e.pointer("target"))
    return e


class Noted:
    """In place of LLVM: the names of the functions that it gets."""

    def __init__(self):
        self.names = []

    def add(self, name, text, emitter):
        assert f"@{name}(" in text and f"@{KERNEL}" not in text
        self.names.append(name)


def test_equal_functions_are_one():
    compilation = Noted()
    functions = Functions(compilation)
    names = [functions.add(copying(kind)) for kind in ("float", "double", "float")]
    assert names[0] == names[2] != names[1]
    assert list(functions.texts) == compilation.names == names[:2]


def test_what_was_written_before_a_new_start_is_known_but_belongs_to_nothing():
    functions, written = Functions(None), []

    def write():
        written.append(copying("float"))
        return written[-1], 1

    first = functions.add(functions.once(("key",), write)[0])
    functions.restart()
    assert not functions.texts
    assert functions.add(functions.once(("key",), write)[0]) == first
    assert list(functions.texts) == [first] and len(written) == 1
    functions.forget()
    functions.once(("key",), write)
    assert len(written) == 2


def kernels(*described):
    """(kind, the places of the kernels whose results it reads) of each, in their order."""
    made = []
    for place, (kind, read) in enumerate(described):
        reads = {id(made[i].nodes[0]): made[i].nodes[0] for i in read}
        made.append(Kernel(kind, [node(2)], reads=reads, place=place))
    return made


@pytest.mark.parametrize(("described", "expected"), [
    ([(NEST, []), (NEST, []), (NEST, [])], [[0, 1, 2]]),
    ([(NEST, []), (NEST, [0]), (NEST, [])], [[0], [1, 2]]),
    ([(NEST, []), (NEST, []), (NEST, [0]), (NEST, [1])], [[0, 1], [2, 3]]),
    ([(NEST, []), (CALL, []), (NEST, [])], [[0], [1], [2]]),
    ([("loop", []), (NEST, []), ("loop", [])], [[0], [1], [2]]),
    ([], []),
])  # fmt: skip
def test_kernels_of_a_group_need_not_wait_for_each_other(described, expected):
    assert [[k.place for k in group] for group in concurrent(kernels(*described))] == expected


def test_images_have_their_channels_last_and_results_do_not():
    model = cr.nn.Sequential(cr.nn.Conv2d(3, 4, 3), cr.nn.ReLU(), cr.nn.Conv2d(4, 5, 3))
    plan = plan_of(lambda x: model(x).sin(), cr.randn(2, 3, 8, 8))
    inside = [n for n in plan.order if len(n.shape) == 4 and id(n) in plan.orders]
    assert inside and {plan.orders[id(n)] for n in inside} == {(0, 2, 3, 1)}
    assert id(plan.roots[0]) not in plan.orders
