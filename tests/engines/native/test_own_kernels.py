"""Operations with kernels of their own: the results of their primitives, whatever the layout,
the type and the number of threads; nothing is left to NumPy."""

import numpy as np
import pytest
from own_kernels import TYPES, calls, check, graph, numbers, places, with_specials

import chainrule as cr
from chainrule import nn, optim
from chainrule.engines.native.engine import NativeProgram
from chainrule.engines.native.running.target import host, named
from chainrule.errors import AxisError, ChainruleError
from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ops.creation import Full
from chainrule.ops.indexing import IndexAdd, IndexPut, Scatter, ScatterAdd
from chainrule.ops.random import RandomBits, RandomUniform
from chainrule.ops.scattering import ScatterAmax, ScatterAmin, ScatterMultiply

# -- random numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["", "haswell", "x86-64"])
@pytest.mark.parametrize("size", [1, 5, 63, 64, 65, 1000, 40_001])
def test_random_numbers_are_those_of_numpy(size, target, monkeypatch):
    if target:
        if host().architecture != "x86_64" or (
            named(target).vector_bytes > host().vector_bytes
        ):
            pytest.skip(f"this machine does not run code for {target}")
        monkeypatch.setenv("CHAINRULE_TARGET", target)
    key = np.array(-7), np.array(1 << 40)
    for dtype in (np.float32, np.float64):
        check(RandomUniform, *key, exact=True, shape=(size,), dtype=np.dtype(dtype))
    check(RandomBits, *key, shape=(size,))


def test_random_numbers_of_other_shapes():
    key = np.array(3), np.array(-1)
    for shape in [(), (1, 1), (3, 5, 7)]:
        check(RandomUniform, *key, exact=True, shape=shape, dtype=np.dtype(np.float32))


# -- scattering --------------------------------------------------------------------------------

#: x, v, the indices, the axes
PLACES = {
    "rows": ((10, 5), (7, 5), [(7,)], (0,)),
    "rows of vectors": ((10, 64), (3, 4, 64), [(3, 4)], (0,)),
    "one": ((1, 1), (1, 1), [(1,)], (0,)),
    "elements": ((6,), (9,), [(9,)], (0,)),
    "the middle axis": ((4, 6, 5), (4, 3, 5), [(3,)], (1,)),
    "all axes": ((4, 6, 5), (3,), [(3,), (3,), (3,)], (0, 1, 2)),
    "axes apart": ((4, 6, 5), (3, 6), [(3,), (3,)], (0, 2)),
    "indices that broadcast": ((4, 6, 33), (3, 2, 33), [(3, 1), (2,)], (0, 1)),
    "a number everywhere": ((4, 6), (), [(3,)], (1,)),
    "nothing": ((5, 4), (0, 4), [(0,)], (0,)),
}
#: x, the index, v, the axis
ALONG = {
    "one of each row": ((5, 7), (5, 1), (5, 1), 1),
    "fewer rows": ((5, 7), (3, 9), (4, 9), 1),
    "the first axis": ((7, 5), (9, 3), (9, 3), 0),
    "a vector": ((4,), (8,), (8,), 0),
    "three axes": ((3, 4, 5), (2, 6, 5), (2, 6, 7), 1),
    "nothing": ((3, 4, 5), (0, 6, 5), (2, 6, 7), 1),
    "one": ((1, 1), (1, 1), (1, 1), 0),
}


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("case", PLACES)
def test_whole_slices_at_places(case, name):
    x, v, indices, axes = PLACES[case]
    found = [places(s, x[a], least=-x[a], seed=a) for s, a in zip(indices, axes, strict=True)]
    if name != "bool":
        check(IndexAdd, numbers(x, name), numbers(v, name, 1), *found, axes=axes)
    check(IndexPut, numbers(x, name), numbers(v, name, 1), *found, exact=True, axes=axes)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("case", ALONG)
def test_elements_along_an_axis(case, name):
    x, index, v, axis = ALONG[case]
    given = numbers(x, name), places(index, x[axis]), numbers(v, name, 1)
    for primitive in (ScatterAdd, ScatterMultiply, ScatterAmax, ScatterAmin):
        check(primitive, *given, axis=axis)
    check(Scatter, *given, exact=True, axis=axis)


@pytest.mark.parametrize(
    ("x", "v", "index", "axis"),
    [
        ((700, 96), (900, 96), (900,), 0),  # ranges of places
        ((500, 300), (500, 2), (2,), 1),  # ranges of a free axis
        ((3, 50_000), (4, 50_000), (4,), 0),
    ],
)
def test_chunks_own_their_part_of_the_places(x, v, index, axis):
    given = numbers(x, "float32"), numbers(v, "float32", 1), places(index, x[axis])
    check(IndexAdd, *given, axes=(axis,))
    check(IndexPut, *given, exact=True, axes=(axis,))
    program = NativeProgram(graph(IndexAdd, given, {"axes": (axis,)}))
    assert program.plan.regions[0].functions[0].chunks > 1


def test_chunks_of_columns():
    x, v = numbers((30, 3000), "float32"), numbers((40, 3000), "float32", 1)
    for primitive in (ScatterAdd, ScatterAmax, Scatter):
        check(primitive, x, places((40, 2999), 30), v, axis=0)


@pytest.mark.parametrize("largest", [True, False])
def test_nan_is_the_extreme_of_its_place(largest):
    x = with_specials(numbers((4, 30), "float32"))
    v = with_specials(numbers((4, 50), "float32", 1))
    check(ScatterAmax if largest else ScatterAmin, x, places((4, 50), 30), v, axis=1)


def test_sums_onto_zeros_do_not_read_them():
    v, index = numbers((9, 5), "float32"), places((9,), 7)
    of_v, of_index = Variable(v.shape, v.dtype), Variable(index.shape, index.dtype)
    zeros, y = Variable((7, 5), v.dtype), Variable((7, 5), v.dtype)
    equations = [
        Equation(Full, (), {"value": 0.0, "shape": (7, 5), "dtype": v.dtype}, zeros),
        Equation(IndexAdd, (zeros, of_v, of_index), {"axes": (0,)}, y),
    ]
    program = NativeProgram(Graph([of_v, of_index], {}, equations, [y]))
    assert [k.kind for k in program.plan.kernels] == ["own"]
    wanted = IndexAdd.evaluate((np.zeros((7, 5), v.dtype), v, index), {"axes": (0,)})
    np.testing.assert_allclose(program.run([v, index])[0], wanted, rtol=1e-6)


# -- layouts and errors ------------------------------------------------------------------------

AFTER_A_CONVOLUTION = {
    "argmax over channels": lambda x: x.argmax(1),
    "argmax over rows": lambda x: x.argmax(2),
    "argmin over columns": lambda x: x.argmin(3, keepdim=True),
    "argmax over rows of many channels": lambda x: cr.cat(
        [x, -x, x * x, x + 1, x - 1], 1
    ).argmax(2),
    "cumsum over rows": lambda x: x.cumsum(2),
    "cummax over columns": lambda x: x.cummax(3)[0],
    "sort": lambda x: x.sort(1)[0],
    "topk": lambda x: x.topk(2, 1)[0],
    "index_add": lambda x: x.index_add(1, cr.tensor([2, 0]), x[:, :2]),
    "scatter_add": lambda x: x.scatter_add(3, (x > 0).long(), x),
    "dropout": lambda x: x * (cr.rand(*x.shape) < 0.5) + x.relu(),
    "two index tensors": lambda x: x[:, [0, 1, 2], [1, 2, 3]],
    "searchsorted": lambda x: cr.tensor([-1.0, 0, 1]).searchsorted(x),
    "unfold": lambda x: nn.functional.unfold(x, 2),
    "interpolate": lambda x: nn.functional.interpolate(x, scale_factor=2, mode="bilinear"),
}


@pytest.mark.parametrize("name", AFTER_A_CONVOLUTION)
def test_images_with_their_channels_last(name):
    images = cr.tensor(numbers((2, 3, 6, 6), "float32"))
    weight = cr.tensor(numbers((4, 3, 3, 3), "float32", 1))

    def step(x, w):
        y = nn.functional.conv2d(x, w, padding=1)
        return AFTER_A_CONVOLUTION[name](y + 1), y

    cr.manual_seed(0)
    wanted = step(images, weight)[0]
    cr.manual_seed(0)
    got = cr.compile(step)(images, weight)[0]
    np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-5)


WRONG = {
    "index_add": lambda x, i: x.index_add(0, i, x),
    "two index tensors": lambda x, i: x[i, i],
    "x[i] = v": lambda x, i: x.index_put((i,), x),
    "x[i, i] = v": lambda x, i: x.index_put((i, i), x[0]),
    "scatter": lambda x, i: x.scatter(0, i.reshape(1, 3), x),
    "scatter_add": lambda x, i: x.scatter_add(1, i.reshape(3, 1), x),
    "scatter_reduce": lambda x, i: x.scatter_reduce(1, i.reshape(3, 1), x, "amax"),
}


@pytest.mark.parametrize("wrong", [3, -4, 1 << 40])
@pytest.mark.parametrize("name", WRONG)
def test_places_out_of_range_are_refused_as_in_eager_mode(name, wrong):
    x, index = cr.ones(3, 3), cr.tensor([0, wrong, 1])
    with pytest.raises(ChainruleError) as eager:
        WRONG[name](x, index)
    with pytest.raises(AxisError) as compiled:
        cr.compile(WRONG[name])(x, index)
    if name != "index_add" or wrong > 0:  # there numbers below 0 become one too large
        assert str(compiled.value) == str(eager.value)


def test_no_place_exists_on_an_empty_axis():
    x, v, index = np.zeros((0, 3)), np.ones((2, 3)), np.array([0, 1])
    program = NativeProgram(graph(IndexAdd, [x, v, index], {"axes": (0,)}))
    with pytest.raises(AxisError):
        program.run([x, v, index])


# -- training ----------------------------------------------------------------------------------


class Net(nn.Module):
    """An embedding, something in the middle, and a linear layer."""

    def __init__(self, middle):
        super().__init__()
        self.embedding, self.dropout = nn.Embedding(20, 16), nn.Dropout(0.1)
        self.middle, self.head = middle, nn.Linear(16, 20)

    def forward(self, x):
        y = self.middle(self.dropout(self.embedding(x)))
        return self.head(y[0] if isinstance(y, tuple) else y)


MIDDLES = {
    "linear": lambda: nn.Linear(16, 16),
    "attention": lambda: nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
    "lstm": lambda: nn.LSTM(16, 16, batch_first=True),
}


@pytest.fixture
def programs(monkeypatch):
    """The native programs that are made."""
    made, start = [], NativeProgram.__init__

    def noted(self, *args, **kwargs):
        start(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(NativeProgram, "__init__", noted)
    return made


@pytest.mark.parametrize("name", MIDDLES)
def test_a_training_step_is_native_and_updates_in_place(name, programs):
    model = Net(MIDDLES[name]())
    optimizer, loss_of = optim.Adam(model.parameters()), nn.CrossEntropyLoss()

    def step(x, target):
        optimizer.zero_grad()
        loss = loss_of(model(x).reshape(-1, 20), target.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss

    step = cr.compile(step)
    x = cr.randint(0, 20, (4, 6))
    step(x, x)
    step(x, x)
    plan = programs[-1].plan
    assert not calls(programs[-1])
    rows = {id(n) for k in plan.kernels for n in k.nodes if n.shape == (20, 16)}
    kept = [i for i in plan.kept if id(plan.roots[i]) in rows]
    assert len(plan.taken) >= 6
    assert not kept  # of the embedding and of the head: weights and both moments
    before = [p.detach().numpy().copy() for p in model.parameters()]
    with pytest.raises(ChainruleError):
        step(x + 15, x)
    for p, old in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), old)


def test_what_cannot_fail_does_not_keep_states_from_being_updated_in_place(programs):
    rate = cr.ones(3, requires_grad=True)
    optimizer = optim.Adam([rate])

    def step(x):
        optimizer.zero_grad()
        (x * rate).lgamma().sum().backward()
        optimizer.step()

    step = cr.compile(step)
    step(cr.ones(3))
    assert calls(programs[-1]) == ["Digamma"]
    assert len(programs[-1].plan.taken) >= 3
