"""Each fault of the doctor in a training of its own, and the same training without it."""

import numpy as np
import pytest
from set_up_data import digits, line, split, table
from sick_trainings import Training, adam, bce, bce_logits, broken, healthy, mlp, sgd

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.errors import GradientError

FAULTS = {}


def fault(code, *, note=False):
    """A decorator: the function makes the training, sick or healthy."""

    def decorate(function):
        FAULTS[code] = (function, note)
        return function

    return decorate


def pair(code, id, well):
    """One of the twenty set-ups, and one of the healthy ones."""
    fault(code)(lambda sick: broken(0)[id][1]() if sick else healthy(0)[well]())


for code, id, well in (
    ("D01", "G03", "accumulation"), ("D05", "G04", "mlp"), ("D06", "G14", "tanh"),
    ("D08", "G18", "regression"), ("D10", "G20", "mlp"), ("D11", "G13", "table"),
    ("D12", "G06", "table"), ("D14", "G15", "regression"), ("D15", "G09", "mlp"),
    ("D18", "G01", "logistic regression"), ("D19", "G02", "mlp"), ("D20", "G07", "tanh"),
    ("D21", "G08", "mlp"), ("D23", "G05", "logistic regression"), ("D24", "G11", "mlp"),
    ("D27", "G12", "label noise"), ("D28", "G19", "mlp"), ("D30", "G16", "batch norm, dropout"),
):  # fmt: skip
    pair(code, id, well)


@fault("D02")
def left_out(sick):
    model = mlp(64, 64, 64, 10)
    moved = list(model.parameters())[2:] if sick else model.parameters()
    return Training(digits(), model, cr.optim.SGD(moved, lr=0.1))


@fault("D03")
def frozen(sick):
    model = mlp(64, 64, 4, 10)
    for layer in model[:3] if sick else model[:1]:
        layer.requires_grad_(False)
    if sick:  # nothing of the input is left in what the last layer gets
        with cr.no_grad():
            model[2].bias.fill_(-1)
    return Training(digits(), model, adam(model, 1e-3 if sick else 1e-2))


class Encoder(nn.Module):
    def __init__(self, cut):
        super().__init__()
        self.encoder, self.head, self.cut = mlp(64, 32, 16), nn.Linear(16, 10), cut

    def forward(self, x):
        z = self.encoder(x)
        return self.head(z.detach() if self.cut else z)


@fault("D04")
def cut_off(sick):
    model = Encoder(sick)
    return Training(digits(), model, sgd(model, 0.1))


@fault("D07")
def range_of_targets(sick):
    x, y, vx, vy = table(10, 2, 0)
    y, vy = (z.astype(np.float32)[:, None] for z in (y, vy))
    if sick:
        y, vy = 2 * y - 1, 2 * vy - 1
    model = mlp(10, 16, 1, end=[nn.Sigmoid()])
    return Training([x, y, vx, vy], model, adam(model, 1e-2), bce if not sick else unchecked)


def unchecked(outputs, targets):
    return F.binary_cross_entropy_with_logits(outputs.logit(eps=1e-6), targets)


@fault("D09", note=True)
def squares_for_classes(sick):
    x, y, vx, vy = table(10, 4, 0)
    if sick:
        y, vy = (z.astype(np.float32)[:, None] for z in (y, vy))
    model = mlp(10, 32, 1 if sick else 4)
    return Training(
        [x, y, vx, vy], model, adam(model, 1e-2), F.mse_loss if sick else F.cross_entropy
    )


@fault("D13")
def divided_twice(sick):
    x, y, vx, vy = digits()
    by = 255 if sick else 1
    model = mlp(64, 64, 10)
    return Training([x / by, y, vx / by, vy], model, sgd(model, 0.1))


@fault("D16")
def large_weights(sick):
    model = mlp(64, 64, 10)
    if sick:
        for layer in (model[0], model[2]):
            nn.init.normal_(layer.weight, std=1.0)
    return Training(digits(), model, adam(model, 1e-3))


@fault("D17")
def outside_of_domain(sick):
    def loss(outputs, targets):
        p = outputs.softmax(1).gather(1, targets.unsqueeze(1))
        return -(p - 0.12 if sick else p.clamp(min=1e-8)).log().mean()

    model = mlp(64, 64, 10)
    return Training(digits(), model, sgd(model, 0.1), loss)


@fault("D22")
def saturated(sick):
    model = mlp(64, 64, 64, 10, activation=nn.Tanh)
    if sick:
        for layer in (model[0], model[2]):
            nn.init.normal_(layer.weight, std=3.0)
    return Training(digits(), model, sgd(model, 0.05))


@fault("D25")
def overlap(sick):
    x, y, vx, vy = digits()
    if sick:
        x, y = np.concatenate([x, vx[:40]]), np.concatenate([y, vy[:40]])
    model = mlp(64, 64, 10)
    return Training([x, y, vx, vy], model, sgd(model, 0.1))


@fault("D26")
def misaligned(sick):
    x, y, vx, vy = digits()
    if sick:
        y = np.random.default_rng(1).permutation(y)
    model = mlp(64, 64, 10)
    return Training([x, y, vx, vy], model, sgd(model, 0.1))


@fault("D29")
def too_much_dropout(sick):
    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.97 if sick else 0.3), nn.Linear(64, 10)
    )
    return Training(digits(), model, sgd(model, 0.05))


@fault("D31")
def stale_statistics(sick):
    norm = nn.BatchNorm1d(64, momentum=1e-4 if sick else 0.1)
    model = nn.Sequential(nn.Linear(64, 64), norm, nn.ReLU(), nn.Linear(64, 10))
    x, y, vx, vy = digits()
    return Training([5 * x, y, 5 * vx, vy], model, adam(model, 1e-2))


@fault("D32")
def imbalance(sick):
    if sick:
        return broken(0)["G17"][1]()
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=1600) < 0.05).astype(np.float32)
    x = (rng.normal(0, 1, (1600, 10)) + 2 * y[:, None]).astype(np.float32)
    model = mlp(10, 8, 1)
    return Training(split(x, y[:, None]), model, adam(model, 1e-2), bce_logits)


@fault("D33", note=True)
def plateau(sick):
    x, y, vx, vy = line(10, 0)
    model = mlp(10, 64, 1)
    rate, epochs = (0.08, 60) if sick else (0.01, 5)
    return Training([x, y, vx, vy], model, adam(model, rate), F.mse_loss, epochs=epochs)


@fault("D34", note=True)
def ended_early(sick):
    model = mlp(64, 64, 10)
    return Training(
        digits(), model, sgd(model, 0.05 if sick else 0.5), epochs=4 if sick else 60
    )


@fault("D35")
def shifted(sick):
    x, y, vx, vy = digits()
    model = mlp(64, 64, 10)
    return Training([(x - 0.3) / 0.37 if sick else x, y, vx, vy], model, sgd(model, 0.05))


@fault("D36", note=True)
def same_batches(sick):
    model = mlp(64, 64, 10)
    return Training(digits(), model, sgd(model, 0.1), shuffle=not sick)


@fault("D37", note=True)
def bias_before_batch_norm(sick):
    model = nn.Sequential(
        nn.Linear(64, 64, bias=sick), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)
    )
    return Training(digits(), model, adam(model, 1e-3))


def run(code, sick, compiled=False):
    """What is found, the first one first, and the notes."""
    cr.manual_seed(0)
    training = FAULTS[code][0](sick)
    doctor = training.run(compiled)
    doctor.record.ended = True
    doctor.diagnose()
    return [f.code for f in training.found], [f.code for f in doctor.notes]


def test_every_fault_has_its_training():
    assert sorted(FAULTS) == [f"D{i:02}" for i in range(1, 38)]


#: these take more than a second; test_set_ups.py has them too
SLOW_SICK, SLOW_HEALTHY = ("D10", "D20", "D27"), ("D27", "D34")


def marked(slow):
    """All codes, those that take long marked so."""
    return [
        pytest.param(code, marks=pytest.mark.slow if code in slow else ())
        for code in sorted(FAULTS)
    ]


@pytest.mark.parametrize("code", marked(SLOW_SICK))
def test_sick(code):
    found, notes = run(code, sick=True)
    assert (notes if FAULTS[code][1] else found[:1]).count(code) == 1, (found, notes)
    assert not (FAULTS[code][1] and found)


@pytest.mark.parametrize("code", marked(SLOW_HEALTHY))
def test_healthy(code):
    found, notes = run(code, sick=False)
    assert found == []
    assert code not in notes


@pytest.mark.parametrize("code", ["D02", "D04", "D13", "D16", "D22", "D29", "D37"])
def test_sick_and_compiled(code):
    found, notes = run(code, sick=True, compiled=True)
    assert code in (notes if FAULTS[code][1] else found[:1])


def test_a_loss_without_history_is_said_before_backward_refuses():
    model = mlp(64, 10)

    def numbers(outputs, targets):
        return F.cross_entropy(outputs.detach(), targets)

    training = Training(digits(), model, sgd(model, 0.1), numbers)
    with pytest.raises(GradientError, match="CR307"):
        training.run()
    assert [f.code for f in training.found] == ["D04"]
