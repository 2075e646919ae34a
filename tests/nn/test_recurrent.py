"""Recurrent layers and cells: laws of their own, what they refuse, higher derivatives.

What they compute is compared with PyTorch in support/layer_cases/recurrent.py.
"""

from __future__ import annotations

import copy
import math

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError

KINDS = ("RNN", "LSTM", "GRU")


def spread(*shape):
    steps = (cr.arange(cr.Size(shape).numel()) * 7919 + 3) % 1009
    return (steps.double() / 1009 * 2 - 1).reshape(shape)


def made(kind, *args, **options):
    """A layer in float64 whose parameters are not symmetric."""
    layer = getattr(nn, kind)(*args, **options).double()
    with cr.no_grad():
        for p in layer.parameters():
            p.copy_(spread(*p.shape))
    return layer


def parts(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_its_cell_step_by_step(kind):
    layer, cell = made(kind, 3, 4), made(f"{kind}Cell", 3, 4)
    for p, q in zip(cell.parameters(), layer.parameters(), strict=True):
        assert p.equal(q)
    x, hidden, outputs = spread(5, 2, 3), None, []
    for step in x:
        hidden = cell(step, hidden)
        outputs.append(parts(hidden)[0])
    y, end = layer(x)
    assert cr.allclose(y, cr.stack(outputs), atol=1e-12)
    for ours, theirs in zip(parts(end), parts(hidden), strict=True):
        assert cr.allclose(ours[0], theirs, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_direction_reads_the_sequence_from_its_end(kind):
    layer = made(kind, 3, 4, bidirectional=True)
    twin = made(kind, 3, 4)
    with cr.no_grad():
        for name, p in twin.named_parameters():
            p.copy_(layer.get_parameter(f"{name}_reverse"))
    x = spread(5, 2, 3)
    y, _ = layer(x)
    backwards, _ = twin(x.flip(0))
    assert cr.allclose(y[:, :, 4:], backwards.flip(0), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_read_in_two_parts_ends_in_the_same_state(kind):
    layer, x = made(kind, 3, 4, num_layers=2), spread(6, 2, 3)
    y, end = layer(x)
    first, state = layer(x[:4])
    second, again = layer(x[4:], state)
    assert cr.allclose(y, cr.cat([first, second]), atol=1e-12)
    for ours, theirs in zip(parts(end), parts(again), strict=True):
        assert cr.allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("RNN", {}),
        ("RNN", {"nonlinearity": "relu"}),
        ("LSTM", {}),
        ("LSTM", {"proj_size": 1}),
        ("GRU", {}),
        ("GRU", {"bias": False, "bidirectional": True}),
    ],
)
def test_first_and_second_derivative(kind, options):
    layer = made(kind, 1, 2, **options)
    names = [name for name, _ in layer.named_parameters()]
    weights = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    rows = 2 if options.get("bidirectional") else 1
    h, c = spread(rows, 1, options.get("proj_size", 2)).flip(2), spread(rows, 1, 2) * 0.7
    start = (h, c) if kind == "LSTM" else (h,)

    def function(x, *rest):
        twin = copy.deepcopy(layer)
        for name, weight in zip(names, rest, strict=False):
            delattr(twin, name)
            setattr(twin, name, weight)
        state = rest[len(names) :]
        y, _ = twin(x, state if kind == "LSTM" else state[0])  # the last state is dropped
        return y

    inputs = [spread(2, 1, 1).requires_grad_(), *weights]
    inputs += [part.requires_grad_() for part in start]
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_every_output_carries_its_second_derivative(kind):
    layer = made(kind, 1, 2)

    def function(x):
        y, state = layer(x)
        return (y, *parts(state))

    assert gradgradcheck(function, [spread(2, 1, 1).requires_grad_()])


@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_training_step_is_the_eager_one(kind):
    layer = getattr(nn, kind)(3, 4, 2, bidirectional=True, dropout=0.3)
    twin, x, losses = copy.deepcopy(layer), cr.randn(4, 2, 3), []
    for module, compiled in ((layer, False), (twin, True)):
        optimizer = cr.optim.SGD(module.parameters(), lr=0.1)

        def step(x, module=module, optimizer=optimizer):
            optimizer.zero_grad()
            y, state = module(x)
            loss = y.square().mean() + sum(part.sum() for part in parts(state))
            loss.backward()
            optimizer.step()
            return loss.detach()

        cr.manual_seed(5)
        run = cr.compile(step) if compiled else step
        losses.append([run(x).item() for _ in range(3)])
    assert losses[0] == losses[1]


def test_dropout_acts_between_layers_and_in_training_only():
    layer = made("GRU", 3, 4, num_layers=2, dropout=0.5)
    x = spread(5, 2, 3)
    assert not all(layer(x)[0].equal(layer(x)[0]) for _ in range(4))
    _, h = layer(x)
    lower = made("GRU", 3, 4)
    assert cr.allclose(h[0], lower(x)[1][0], atol=1e-12)  # nothing is dropped below
    layer.eval()
    assert layer(x)[0].equal(layer(x)[0])


@pytest.mark.parametrize("kind", [*KINDS, *[f"{kind}Cell" for kind in KINDS]])
def test_parameters_start_evenly_spread(kind):
    cr.manual_seed(0)
    bound = 1 / math.sqrt(25)
    for p in getattr(nn, kind)(30, 25).parameters():
        assert p.abs().max() <= bound and p.max() > 0.8 * bound and p.min() < -0.8 * bound
        if p.numel() > 500:
            assert p.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.08)


def test_names_that_programs_use():
    lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True, proj_size=2)
    assert lstm.flatten_parameters() is None
    assert [len(group) for group in lstm.all_weights] == [5, 5, 5, 5]
    assert lstm.all_weights[1][0] is lstm.weight_ih_l0_reverse
    assert tuple(lstm.weight_ih_l1.shape) == (16, 4) and lstm.weight_hr_l0.shape == (2, 4)
    assert nn.RNN(3, 4, 2, "relu").mode == "RNN_RELU" and lstm.mode == "LSTM"
    assert nn.GRU(3, 4, dtype=cr.float64).weight_hh_l0.dtype is cr.float64


def test_a_state_may_be_detached_and_used_again():
    lstm, x = nn.LSTM(3, 4), cr.randn(5, 2, 3)
    hidden = cr.zeros(1, 2, 4), cr.zeros(1, 2, 4)
    for _ in range(3):
        hidden = tuple(part.detach() for part in hidden)
        y, hidden = lstm(x, hidden)
        y.sum().backward()
    assert lstm.weight_hh_l0.grad.shape == (16, 4)


BAD_OPTIONS = {
    "dropout 2": lambda: nn.LSTM(3, 4, 2, dropout=2),
    "dropout is a truth value": lambda: nn.LSTM(3, 4, 2, dropout=True),
    "no hidden units": lambda: nn.GRU(3, 0),
    "no layers": lambda: nn.GRU(3, 4, num_layers=0),
    "projection of a GRU": lambda: nn.GRU(3, 4, proj_size=2),
    "projection to more": lambda: nn.LSTM(3, 4, proj_size=4),
    "negative projection": lambda: nn.LSTM(3, 4, proj_size=-1),
    "nonlinearity": lambda: nn.RNN(3, 4, nonlinearity="gelu"),
    "nonlinearity of a cell": lambda: nn.RNNCell(3, 4, nonlinearity="gelu"),
    "mode": lambda: nn.RNNBase("LSTN", 3, 4),
}


@pytest.mark.parametrize("what", BAD_OPTIONS)
def test_options_that_do_not_fit(what):
    with pytest.raises(ArgumentError, match="CR590"):
        BAD_OPTIONS[what]()


def test_a_hidden_size_is_whole_and_lonely_dropout_is_noticed():
    with pytest.raises(ArgumentTypeError, match=r"CR590.*hidden_size.*float"):
        nn.LSTM(3, 4.0)
    with pytest.warns(UserWarning, match="num_layers=2"):
        nn.LSTM(3, 4, dropout=0.5)


BAD_INPUTS = {
    "CR591 vector": lambda: nn.LSTM(3, 4)(cr.zeros(3)),
    "CR591 no elements": lambda: nn.LSTM(3, 4)(cr.zeros(0, 2, 3)),
    "CR591 cell with time": lambda: nn.GRUCell(3, 4)(cr.zeros(5, 2, 3)),
    "CR101 features": lambda: nn.GRU(3, 4)(cr.zeros(5, 2, 7)),
    "CR101 features of a cell": lambda: nn.GRUCell(3, 4)(cr.zeros(5, 2)),
    "CR592 batch": lambda: nn.GRU(3, 4)(cr.zeros(5, 2, 3), cr.zeros(1, 3, 4)),
    "CR592 layers": lambda: nn.GRU(3, 4)(cr.zeros(5, 2, 3), cr.zeros(2, 2, 4)),
    "CR592 h alone": lambda: nn.LSTM(3, 4)(cr.zeros(5, 2, 3), cr.zeros(1, 2, 4)),
    "CR592 axes": lambda: nn.GRU(3, 4)(cr.zeros(5, 3), cr.zeros(1, 1, 4)),
    "CR592 cell": lambda: nn.GRUCell(3, 4)(cr.zeros(5, 3), cr.zeros(4, 4)),
    "CR592 pair": lambda: nn.LSTMCell(3, 4)(cr.zeros(5, 3), (cr.zeros(5, 4), cr.zeros(5, 3))),
}


@pytest.mark.parametrize("what", BAD_INPUTS)
def test_inputs_and_states_that_do_not_fit(what):
    with pytest.raises(ShapeError, match=what.split()[0]):
        BAD_INPUTS[what]()


def test_types_that_do_not_fit():
    with pytest.raises(DtypeError, match=r"CR204: GRU has weights.*float32.*float64"):
        nn.GRU(3, 4)(cr.zeros(5, 2, 3).double())
    for layer in (nn.GRU(3, 4), nn.GRUCell(3, 4)):
        with pytest.raises(ArgumentTypeError, match="CR209"):
            layer([[1.0, 2.0, 3.0]])
