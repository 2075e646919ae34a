"""Trainings on tables and images that the doctor once got wrong, each sick and healthy."""

import numpy as np
import pytest
from set_up_data import Drawn, binary, digits, line, split, standardized, table
from sick_trainings import Training, adam, bce_logits, mlp, sgd

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.train import Trainer
from chainrule.utils.data import DataLoader, TensorDataset

PAIRS = {}


def pair(code):
    """A decorator: the function makes the training, sick or healthy; the first is found."""

    def decorate(function):
        PAIRS[function.__name__] = code, function
        return function

    return decorate


def train(data, model, optimizer, loss=F.cross_entropy, **options):
    return Training(data, model, optimizer(model), loss, **options)


def weights_of(model, draw):
    for module in model:
        if isinstance(module, nn.Linear):
            draw(module.weight)
    return model


def normal(weight):
    nn.init.normal_(weight, std=1.0)


def exchanged(data):
    x, y, vx, vy = data
    return [x, np.random.default_rng(3).permutation(y), vx, vy]


def grid(n, levels, seed=0):
    """A table whose columns have few values, so that different samples may be equal."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, (n, 4)).astype(np.float32)
    y = (x.sum(1) + rng.normal(0, 1, n) > 2 * (levels - 1)).astype(np.int64)
    return standardized(split(x, y, seed))


# -- data ------------------------------------------------------------------------------------


@pair("D12")
def raw_columns_with_absolute_errors(sick):
    x, y, vx, vy = line(9, 0)
    by = np.logspace(0, 3, 9, dtype=np.float32) if sick else 1
    model = mlp(9, 32, 1)
    return train([by * x, y, by * vx, vy], model, lambda m: adam(m, 1e-3), F.l1_loss)


@pair("D12")
def steps_that_inputs_make_large(sick):
    x, y, vx, vy = Drawn.cancer(0)
    by = np.logspace(-1, 3, 30, dtype=np.float32) if sick else 1
    model = mlp(30, 64, 1)
    return train([by * x, y, by * vx, vy], model, lambda m: sgd(m, 0.01), bce_logits)


@pair("D14")
def wide_targets(sick):
    x, y, vx, vy = line(10, 0)
    by = 500 if sick else 1
    model = mlp(10, 32, 1)
    return train([x, by * y, vx, by * vy], model, lambda m: adam(m, 1e-3), F.mse_loss)


@pair("D14")
def wide_targets_with_absolute_errors(sick):
    x, y, vx, vy = line(10, 0)
    by = 500 if sick else 1
    model = mlp(10, 32, 1)
    return train([x, by * y, vx, by * vy], model, lambda m: adam(m, 3e-3), F.l1_loss)


@pair("D25")
def equal_samples(sick):
    x, y, vx, vy = grid(240, 8)
    if sick:
        vx, vy = np.concatenate([vx, x[:40]]), np.concatenate([vy, y[:40]])
    model = mlp(4, 16, 2)
    return train([x, y, vx, vy], model, lambda m: adam(m, 1e-2), epochs=3)


@pair("D25")
def many_equal_samples(sick):
    x, y, vx, vy = Drawn.cancer(0) if sick else grid(400, 3)
    if sick:
        vx[:12] = x[:12]
    model = mlp(x.shape[1], 16, 1 if sick else 2)
    loss = bce_logits if sick else F.cross_entropy
    return train([x, y, vx, vy], model, lambda m: adam(m, 1e-2), loss, epochs=3)


@pair("D26")
def exchanged_numbers(sick):
    data = line(9, 0)
    model = mlp(9, 32, 1)
    return train(
        exchanged(data) if sick else data, model, lambda m: adam(m, 3e-3), F.mse_loss, epochs=16
    )


@pair("D26")
def exchanged_labels_that_are_memorized(sick):
    data = table(6, 3, 0, n=330) if sick else weak(0.5)
    model = mlp(6, 32, 3 if sick else 2)
    return train(
        exchanged(data) if sick else data,
        model,
        lambda m: adam(m, 1e-2 if sick else 1e-3),
        epochs=25 if sick else 6,
    )


def weak(slope, n=2000):
    """Labels about which the inputs tell little."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (n, 6)).astype(np.float32)
    y = rng.uniform(size=n) < 1 / (1 + np.exp(-slope * x[:, 0]))
    return split(x, y.astype(np.int64))


# -- output and loss -------------------------------------------------------------------------


@pair("D06")
def softmax_over_samples(sick):
    model = mlp(64, 64, 10, end=[nn.Softmax(0)] if sick else [])
    return train(digits(), model, lambda m: adam(m, 1e-3), epochs=3)


@pair("D06")
def logarithms_over_samples(sick):
    model = mlp(64, 64, 10, end=[nn.LogSoftmax(0 if sick else 1)])
    return train(digits(), model, lambda m: adam(m, 1e-3), F.nll_loss, epochs=3)


@pair("D06")
def bounded_logits(sick):
    model = mlp(64, 64, 10, end=[nn.Tanh()] if sick else [])
    return train(digits(), model, lambda m: adam(m, 1e-3), epochs=3)


@pair("D06")
def logits_never_below_zero(sick):
    model = mlp(30, 16, 1, end=[nn.ReLU()] if sick else [])
    return train(Drawn.cancer(0), model, lambda m: adam(m, 1e-2), bce_logits)


@pair("D23")
def line_for_numbers(sick):
    x, y, vx, vy = line(9, 0)
    if not sick:  # the best linear compression is what is wanted
        y, vy = x, vx
    model = mlp(9, 6, 1 if sick else 9, activation=None)
    return train([x, y, vx, vy], model, lambda m: adam(m, 1e-2), F.mse_loss)


# -- initialization ----------------------------------------------------------------------------


@pair("D15")
def one_number_everywhere(sick):
    model = mlp(9, 32, 32, 1)
    if sick:
        with cr.no_grad():
            for p in model.parameters():
                p.fill_(0.05)
    return train(line(9, 0), model, lambda m: adam(m, 1e-2), F.mse_loss)


@pair("D16")
def large_weights_for_two_classes(sick):
    model = mlp(30, 64, 64, 1)
    model = weights_of(model, normal) if sick else model
    return train(Drawn.cancer(0), model, lambda m: adam(m, 1e-3), bce_logits)


@pair("D16")
def large_weights_for_numbers(sick):
    model = mlp(9, 64, 64, 1)
    model = weights_of(model, normal) if sick else model
    return train(line(9, 0), model, lambda m: sgd(m, 0.01), F.mse_loss)


@pair("D16")
def large_weights_and_faint_columns(sick):
    """Columns that hardly vary are no fault of the scale, as long as none is large."""
    x, y, vx, vy = digits()
    faint = np.where(np.arange(64) % 8 == 0, 1e-4, 1).astype(np.float32)
    model = mlp(64, 64, 10)
    model = weights_of(model, normal) if sick else model
    return train([faint * x, y, faint * vx, vy], model, lambda m: adam(m, 1e-3))


@pair("D21")
def half_of_a_layer(sick):
    model = mlp(64, 64, 64, 10)
    with cr.no_grad():
        model[2].bias[: 64 if sick else 38] = -8.0
    return train(digits(), model, lambda m: adam(m, 3e-3))


# -- dynamics ----------------------------------------------------------------------------------


@pair("D18")
def units_that_a_high_rate_killed(sick):
    model = mlp(64, 64, 64, 10)
    return train(digits(), model, lambda m: sgd(m, 2.0 if sick else 0.05, momentum=0.9))


@pair("D18")
def steep_beginning(sick):
    """A softmax regression begins with weights so small that its first steps are large."""
    model = mlp(64, 64, 10) if sick else nn.Linear(64, 10)
    x, y, vx, vy = digits()
    return train([x, y, vx, vy], model, lambda m: sgd(m, 20.0 if sick else 2.0))


@pair("D19")
def a_rate_for_going_on(sick):
    model = mlp(10, 64, 1)
    data = line(10, 0)
    if not sick:
        x, y = cr.tensor(data[0]), cr.tensor(data[1])
        optimizer = adam(model, 1e-2)
        for _ in range(100):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
    return train(data, model, lambda m: adam(m, 1e-6), F.mse_loss, epochs=12)


@pair("D28")
def weights_that_vanish(sick):
    model = mlp(9, 32, 1)
    decay = 3.0 if sick else 1e-3
    return train(line(9, 0), model, lambda m: sgd(m, 0.1, weight_decay=decay), F.mse_loss)


@pair("D29")
def outputs_that_dropout_makes_large(sick):
    dropout = nn.Dropout(0.98 if sick else 0.3)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), dropout, nn.Linear(32, 3))
    return train(Drawn.wine(0), model, lambda m: adam(m, 1e-3), epochs=20)


@pair("D31")
def a_mode_that_stays(sick):
    model = nn.Sequential(nn.Linear(9, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1))
    if sick:
        model.eval()
        model.train = lambda mode=True: model
    return train(line(9, 0), model, lambda m: adam(m, 1e-3), F.mse_loss)


@pair("D27")
def tiny_losses_that_rise(sick):
    x, y, vx, vy = binary(table(10, 2, 1, n=200))
    if sick:
        y = np.where(np.random.default_rng(0).uniform(size=y.shape) < 0.25, 1 - y, y)
    model = mlp(10, 128, 1)
    return train([x, y, vx, vy], model, lambda m: adam(m, 1e-2), bce_logits, epochs=40)


def run(name, sick, compiled=False):
    cr.manual_seed(0)
    training = PAIRS[name][1](sick)
    training.run(compiled)
    return [finding.code for finding in training.found]


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_sick(name):
    assert run(name, sick=True)[:1] == [PAIRS[name][0]]


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_healthy(name):
    assert run(name, sick=False) == []


COMPILED = ("a_mode_that_stays", "one_number_everywhere", "softmax_over_samples")


@pytest.mark.parametrize("name", COMPILED)
def test_compiled(name):
    assert run(name, sick=True, compiled=True)[:1] == [PAIRS[name][0]]
    assert run(name, sick=False, compiled=True) == []


def test_a_step_that_calls_the_model_itself_is_no_alarm():
    x, y, _, _ = table(13, 3, 0)
    model = mlp(13, 16, 3)
    optimizer = cr.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
    a, b = cr.tensor(x), cr.tensor(y)
    with cr.doctor.watch(model, optimizer, tell=lambda finding: None) as doctor:
        for _ in range(12):

            def closure():
                optimizer.zero_grad()
                loss = F.cross_entropy(model(a), b)
                loss.backward()
                return loss

            optimizer.step(closure)
            with cr.no_grad():
                F.cross_entropy(model(a + 0.1), b)
    assert doctor.findings == []
    assert doctor.record.data.validation_inputs.count % 13 == 0


# -- in a Trainer, whose validation may be compiled ------------------------------------------


def fit(data, model, rate=1e-2, loss=bce_logits, epochs=6, compile=None):
    cr.manual_seed(0)
    x, y, vx, vy = map(cr.tensor, data)
    batches = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    validation = DataLoader(TensorDataset(vx, vy), batch_size=128)
    trainer = Trainer(
        model, loss, adam(model, rate), batches, validation,
        epochs=epochs, doctor=True, compile=compile,
    )  # fmt: skip
    trainer.say = lambda *_: None
    trainer.fit()
    return [finding.code for finding in trainer.doctor.findings]


def rare(shift, n=1200):
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=n) < 0.04).astype(np.float32)
    x = (rng.normal(0, 1, (n, 10)) + shift * y[:, None]).astype(np.float32)
    return split(x, y[:, None])


@pytest.mark.parametrize("compile", [False, True], ids=["eager", "compiled"])
def test_a_trainer_s_validation_is_seen(compile):
    x, y, vx, vy = Drawn.cancer(0)
    assert fit([x, y, vx, vy], mlp(30, 16, 1), epochs=2, compile=compile) == []
    known = np.concatenate([vx, x[:30]]), np.concatenate([vy, y[:30]])
    assert fit([x, y, *known], mlp(30, 16, 1), epochs=2, compile=compile) == ["D25"]
    assert fit([x, y, 20 * vx + 50, vy], mlp(30, 16, 1), compile=compile)[:1] == ["D35"]
    assert fit(rare(0.5), mlp(10, 8, 1), epochs=5, compile=compile)[:1] == ["D32"]
    assert fit(rare(2.0), mlp(10, 8, 1), epochs=5, compile=compile) == []
