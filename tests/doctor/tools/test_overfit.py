"""overfit_one_batch: healthy models pass, sick ones fail with the right thing to look at."""

import pytest
from whole_state import whole_state

import chainrule as cr
from chainrule import nn, optim
from chainrule.data.digits import digits
from chainrule.doctor.tools import overfit_one_batch
from chainrule.doctor.tools.attainable import attainable_loss, constant_loss
from chainrule.errors import ArgumentError, DataError
from chainrule.utils.data import DataLoader

LOSS = nn.CrossEntropyLoss()


@pytest.fixture(scope="module")
def batch():
    cr.manual_seed(0)
    return next(iter(DataLoader(digits()[0], 24, shuffle=True)))


@pytest.fixture(autouse=True)
def _seed():
    cr.manual_seed(0)


def network(*end):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), *end)


def tried(model, batch, loss=LOSS, steps=150, **options):
    return overfit_one_batch(
        model, loss, optim.Adam(model.parameters(), **{"lr": 0.02, **options}), batch, steps
    )


def test_healthy_models_learn_the_batch(batch):
    normalized = network()
    normalized.insert(2, nn.BatchNorm1d(32))
    normalized.insert(4, nn.Dropout(0.5))
    for model in (network(), normalized, cr.compile(network())):
        found = tried(model, batch)
        assert found and found.passed and found.look_at == ()
        assert found.best <= found.goal < 0.2 < found.initial
        assert str(found) == found.verdict and "was learned" in found.verdict


@pytest.mark.parametrize(
    ("loss", "end", "target"),
    [
        (nn.CrossEntropyLoss(label_smoothing=0.1), (), None),
        (nn.BCEWithLogitsLoss(), (), "inputs"),
        (nn.BCELoss(), (nn.Sigmoid(),), "inputs"),
        (nn.MSELoss(), (nn.Sigmoid(),), "inputs"),
    ],
)
def test_losses_that_cannot_reach_zero_can_pass(batch, loss, end, target):
    x, y = batch
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), *end)
    found = tried(model, (x, y if target is None else x.flatten(1)), loss, 300)
    assert found.passed, str(found)
    assert (found.floor > 0.1) == (not isinstance(loss, nn.MSELoss))


def test_learning_the_mean_alone_does_not_pass(batch):
    x, _ = batch
    found = tried(network(nn.Linear(10, 1)), (x, 100 + cr.randn(24, 1)), nn.MSELoss(), 300)
    assert not found.passed and found.goal < 0.2
    assert any("standardise them" in each for each in found.look_at)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: (m, {"lr": 1e-6}), "hardly moved"),
        (lambda m: (nn.Sequential(*m, nn.Softmax(1)), {}), "applies the softmax itself"),
        (lambda m: (m, {"weight_decay": 5.0}), "pulls the weights to zero"),
    ],
)
def test_what_to_look_at(batch, change, expected):
    model, options = change(network())
    found = tried(model, batch, **options)
    assert not found and any(expected in each for each in found.look_at), str(found)
    assert "NOT learned" in str(found).splitlines()[0] and "│" in str(found)


def test_too_high_a_rate_is_named(batch):
    model = network()
    found = overfit_one_batch(model, LOSS, optim.SGD(model.parameters(), lr=50), batch)
    assert "a learning rate of 50 is too high" in found.look_at[0]


def test_parameters_that_do_not_move_are_named(batch):
    model = network()
    model[3].bias.requires_grad_(False)
    nn.init.constant_(model[1].bias, -100)
    optimizer = optim.SGD([model[1].weight, model[1].bias], lr=0.1)
    with pytest.raises(ArgumentError, match="CR834"):
        overfit_one_batch(model, LOSS, optim.SGD(network().parameters(), lr=0.1), batch)
    found = overfit_one_batch(model, LOSS, optimizer, batch, 20)
    text = str(found)
    assert "does not hold 3.weight" in text
    assert "did not move 1.weight, 1.bias" in text
    assert "3.bias are frozen" in text and "the same for all samples" in text


def test_equal_weights_are_named(batch):
    model = network()
    nn.init.constant_(model[1].weight, 0.01)
    nn.init.constant_(model[3].weight, 0.01)
    nn.init.zeros_(model[1].bias)
    found = tried(model, batch, steps=100)
    assert "all numbers of 1.weight, 3.weight are equal" in str(found)


def test_targets_outside_the_last_activation_are_named(batch):
    x, _ = batch
    model = network(nn.Linear(10, 1), nn.Sigmoid())
    found = tried(model, (x, 3 * cr.randn(24, 1)), nn.MSELoss(), 50)
    assert "make the last layer linear" in str(found)


def test_faults_of_data_and_loss_are_named_first(batch):
    x, y = batch
    raw = tried(network(), (1000 * x, y), steps=20, lr=1.0)
    assert "the inputs go up to 1000" in raw.look_at[0]
    one = network(nn.Linear(10, 1), nn.Softmax(1))
    found = tried(one, (x, (y > 4).float().unsqueeze(1)), nn.BCELoss(), 20)
    assert "a softmax over one unit" in found.look_at[0]
    square = lambda outputs, targets: (outputs - targets).square().mean()  # noqa: E731
    found = tried(network(nn.Linear(10, 1)), (x, cr.randn(24)), square, 100)
    assert "outputs have shape (24, 1), targets (24,)" in found.look_at[0]
    found = tried(network(), batch, lambda outputs, targets: -LOSS(outputs, targets), 50)
    assert not found and "no lowest value" in found.verdict and "negative" in found.look_at[0]


def test_nothing_is_changed(batch):
    model = network(nn.BatchNorm1d(10), nn.Dropout(0.5)).eval()
    optimizer = optim.AdamW(model.parameters())
    LOSS(model(batch[0]), batch[1]).backward()
    optimizer.step()
    before = whole_state(model, optimizer)
    overfit_one_batch(model, LOSS, optimizer, batch, 10)
    assert whole_state(model, optimizer) == before


def test_a_loss_that_is_not_finite(batch):
    x, y = batch
    found = tried(network(), (x * float("nan"), y), steps=5)
    assert not found.passed and "check_data" in found.look_at[0]
    assert found.as_dict()["initial"] == "nan"


def test_the_lowest_possible_loss():
    y = cr.arange(8) % 4
    assert attainable_loss(LOSS, cr.randn(8, 4), y, 1.4) == 0
    soft = cr.full((8, 1), 0.25)
    entropy = pytest.approx(0.5623, abs=1e-3)
    assert attainable_loss(nn.BCELoss(), cr.rand(8, 1), soft, 1.0) == entropy
    assert attainable_loss(None, cr.rand(8, 1), soft, 1.0) == 0
    big = 1000 + cr.randn(8, 1)
    assert attainable_loss(nn.MSELoss(), cr.zeros(8, 1), big, 1e6) == 0
    assert constant_loss(nn.MSELoss(), cr.zeros(8, 1), big) < 5


def test_wrong_use(batch):
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ArgumentError, match="CR835"):
        overfit_one_batch(model, LOSS, optimizer, batch, 0)
    with pytest.raises(DataError, match=r"CR831.*a dict of 1"):
        overfit_one_batch(model, LOSS, optimizer, {"x": 1})
