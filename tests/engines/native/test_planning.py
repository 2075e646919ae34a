"""The parts of a plan by themselves: places, functions, groups of kernels, orders of axes."""

import numpy as np
import pytest
from recorded import plan_of

import chainrule as cr
from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.code.functions import KERNEL, Functions
from chainrule.engines.native.code.nest_loops import NestLoops
from chainrule.engines.native.code.places import Places, strides_of
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.graph.nodes import CONSTANT, INPUT, WINDOW_SPREAD, Node
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


def test_places_are_no_single_loop_where_a_view_parts_them_from_the_examples():
    layer = cr.nn.Conv2d(8, 6, 1)  # its result has the channels last

    def boxes(x):
        return layer(x).unflatten(1, (2, 3)).permute(0, 3, 4, 1, 2)[..., 1:2]

    x = cr.randn(2, 8, 2, 2)
    with cr.no_grad():
        np.testing.assert_allclose(
            cr.compile(boxes, engine="native")(x).numpy(), boxes(x).numpy(), rtol=1e-5
        )


def orders_by_shape(plan, size):
    """The orders of what lies in memory with so many elements, by shape."""
    found = {}
    for n in plan.order:
        if id(n) in plan.stored and n.size == size and n.op not in (INPUT, CONSTANT):
            found.setdefault(n.shape, set()).add(plan.orders.get(id(n)))
    return found


def test_images_that_are_seen_with_their_axes_moved_have_their_channels_last():
    before, norm, after = cr.nn.Conv2d(3, 8, 3), cr.nn.LayerNorm(8), cr.nn.Conv2d(8, 8, 3)

    def loss(x):
        y = cr.nn.functional.gelu(norm(before(x).permute(0, 2, 3, 1)))  # (n, h, w, c)
        return after(y.permute(0, 3, 1, 2)).square().sum()

    plan = plan_of(lambda x: cr.autograd.grad(loss(x), norm.weight), cr.randn(2, 3, 8, 8))
    found = orders_by_shape(plan, 2 * 8 * 6 * 6)
    assert found == {(2, 8, 6, 6): {(0, 2, 3, 1)}, (2, 6, 6, 8): {None}}


def test_groups_of_channels_are_normalized_as_images():
    layers = [cr.nn.Conv1d(3, 12, 3), cr.nn.GroupNorm(4, 12), cr.nn.Conv1d(12, 5, 3)]
    model = cr.nn.Sequential(*layers)
    plan = plan_of(
        lambda x: cr.autograd.grad(model(x).square().sum(), layers[0].weight),
        cr.randn(2, 3, 9),
    )
    assert orders_by_shape(plan, 2 * 12 * 7) == {(2, 12, 7): {(0, 2, 1)}}


def test_lanes_run_along_the_channels_of_a_pooled_image():
    layer, weight = cr.nn.Conv2d(3, 32, 3), cr.randn(288, 4)

    def loss(x):
        pooled = cr.nn.functional.max_pool2d(cr.relu(layer(x)), 3, 2)
        return (pooled.flatten(1) @ weight).square().sum()

    plan = plan_of(lambda x: cr.autograd.grad(loss(x), layer.weight), cr.randn(2, 3, 9, 9))
    (kernel,) = [
        k for k in plan.kernels if k.nest and WINDOW_SPREAD in {n.op for n in needed(k, plan)}
    ]
    loops = NestLoops(kernel.nest, plan.places(), plan.lanes)
    assert loops.vector.name.startswith("i1")


def needed(kernel, plan):
    """What a kernel computes without putting it into memory."""
    found, stack = [], list(kernel.nodes)
    while stack:
        new = [x for x in stack.pop().inputs if id(x) not in plan.stored]
        found, stack = found + new, stack + new
    return found
