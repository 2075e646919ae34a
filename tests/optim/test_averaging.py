"""Averages of weights: closed forms, PyTorch's numbers, compiled updates, batch statistics."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError
from chainrule.optim import swa_utils
from chainrule.optim.swa_utils import AveragedModel, update_bn

STEPS = 20


def linear(library, weights):
    model = library.nn.Linear(3, 2)
    with library.no_grad():
        model.weight.copy_(library.tensor(weights[0], dtype=library.float32))
    return model


def noisy(seed=0, steps=STEPS):
    return np.random.default_rng(seed).normal(size=(steps, 2, 3))


def averaged(library, weights, **options):
    """The averaged weight after every change of the model's."""
    model = linear(library, weights)
    average = library.optim.swa_utils.AveragedModel(model, **options)
    found = []
    for w in weights:
        with library.no_grad():
            model.weight.copy_(library.tensor(w, dtype=library.float32))
        average.update_parameters(model)
        found.append(average.module.weight.detach().numpy().copy())
    return np.stack(found)


def kinds(library):
    s = library.optim.swa_utils
    return {
        "default": {},
        "swa": {"avg_fn": s.get_swa_avg_fn()},
        "swa of lists": {"multi_avg_fn": s.get_swa_multi_avg_fn()},
        "ema": {"avg_fn": s.get_ema_avg_fn(0.9)},
        "ema of lists": {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
        "own": {"avg_fn": lambda mean, now, n: 0.3 * mean + 0.7 * now},
        "buffers": {"use_buffers": True},
    }


@pytest.mark.parametrize("kind", ["default", "swa", "swa of lists", "buffers"])
def test_the_plain_average(kind):
    weights = noisy()
    expected = np.cumsum(weights, 0) / np.arange(1, STEPS + 1)[:, None, None]
    found = averaged(cr, weights, **kinds(cr)[kind])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["ema", "ema of lists"])
def test_the_exponential_average(kind):
    weights = noisy()
    expected = [weights[0]]
    for w in weights[1:]:
        expected.append(0.9 * expected[-1] + 0.1 * w)
    np.testing.assert_allclose(
        averaged(cr, weights, **kinds(cr)[kind]), expected, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("kind", kinds(cr))
def test_averages_of_torch(kind):
    torch = pytest.importorskip("torch")
    ours, theirs = (
        averaged(library, noisy(), **kinds(library)[kind]) for library in (cr, torch)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def network():
    cr.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))


@pytest.mark.parametrize("kind", kinds(cr))
def test_an_update_in_a_compiled_step(kind):
    found = []
    for compiled in (False, True):
        model = network()
        average = AveragedModel(model, **kinds(cr)[kind])
        optimizer = cr.optim.SGD(model.parameters(), lr=0.1)

        def step(x, model=model, average=average, optimizer=optimizer):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
            return loss.detach()

        run = cr.compile(step) if compiled else step
        rng = np.random.default_rng(1)
        for _ in range(6):
            run(cr.tensor(rng.normal(size=(8, 3)), dtype=cr.float32))
        found.append([x.numpy().tobytes() for x in average.state_dict().values()])
    assert found[0] == found[1]
    assert len(run.explain().recordings) == 1


def test_buffers_are_copied_unless_they_are_averaged():
    models = network(), network()
    plain = AveragedModel(models[0])
    whole = AveragedModel(models[1], use_buffers=True)
    for model, average in zip(models, (plain, whole), strict=True):
        for value in (1.0, 3.0):
            model[1].running_mean.fill_(value)
            model[1].num_batches_tracked.fill_(int(10 * value))
            average.update_parameters(model)
    assert plain.module[1].running_mean.tolist() == [3.0] * 4
    assert whole.module[1].running_mean.tolist() == [2.0] * 4
    assert whole.module[1].num_batches_tracked.item() == 20
    assert plain.n_averaged.dtype is cr.int64 and plain.n_averaged.item() == 2


def test_the_average_is_a_module_and_goes_on_from_its_state_dict():
    weights = noisy()
    whole = averaged(cr, weights)
    model = linear(cr, weights)
    first = AveragedModel(model)
    for w in weights[:7]:
        model.weight.data.copy_(cr.tensor(w, dtype=cr.float32))
        first.update_parameters(model)
    assert list(first.state_dict()) == ["n_averaged", "module.weight", "module.bias"]
    second = AveragedModel(linear(cr, noisy(1)))
    second.load_state_dict(first.state_dict())
    for w in weights[7:]:
        model.weight.data.copy_(cr.tensor(w, dtype=cr.float32))
        second.update_parameters(model)
    assert second.module.weight.detach().numpy().tobytes() == whole[-1].tobytes()


def test_the_average_is_a_copy():
    model = linear(cr, noisy())
    average = AveragedModel(model)
    average.module.weight.data.zero_()
    assert model.weight.detach().abs().sum().item() > 0
    x = cr.ones(1, 3)
    average.update_parameters(model)
    assert average(x).tolist() == model(x).tolist()


@pytest.mark.parametrize(("make", "says"), [
    (lambda m: AveragedModel(m, avg_fn=min, multi_avg_fn=max), "got both"),
    (lambda m: swa_utils.get_ema_avg_fn(1.5), "from 0 to 1, got 1.5"),
    (lambda m: swa_utils.get_ema_multi_avg_fn(-0.1), "from 0 to 1, got -0.1"),
])  # fmt: skip
def test_averages_that_cannot_be_formed(make, says):
    with pytest.raises(ArgumentError, match=says) as caught:
        make(nn.Linear(1, 1))
    assert caught.value.code == "CR616"


# -- batch normalization ---------------------------------------------------------------


def batches(library, paired=False):
    rng = np.random.default_rng(3)
    for _ in range(3):
        x = library.tensor(rng.normal(1, 2, size=(8, 3)), dtype=library.float32)
        yield (x, library.zeros(8)) if paired else x


@pytest.mark.parametrize("paired", [False, True])
def test_statistics_are_the_average_over_the_batches(paired):
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)).eval()
    model[0].running_mean.fill_(100.0)
    update_bn(batches(cr, paired), model)
    arrays = [x.numpy() for x in batches(cr)]
    np.testing.assert_allclose(
        model[0].running_mean.numpy(), np.mean([x.mean(0) for x in arrays], 0), rtol=1e-5
    )
    np.testing.assert_allclose(
        model[0].running_var.numpy(), np.mean([x.var(0, ddof=1) for x in arrays], 0), rtol=1e-5
    )
    assert model[0].momentum == 0.1 and not model.training
    assert model[0].num_batches_tracked.item() == 3


def test_statistics_of_torch():
    torch = pytest.importorskip("torch")
    found = []
    for library in (cr, torch):
        model = library.nn.BatchNorm1d(3)
        library.optim.swa_utils.update_bn(batches(library), model)
        found.append([model.running_mean.numpy(), model.running_var.numpy()])
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_without_batch_normalization_nothing_is_read():
    update_bn(iter([None]), nn.Linear(1, 1))


def test_a_loader_that_fails_leaves_the_momentum():
    model = nn.BatchNorm1d(3).eval()
    with pytest.raises(ZeroDivisionError):
        update_bn((1 / 0 for _ in range(1)), model)
    assert model.momentum == 0.1 and not model.training
