"""The homework by hand: every backward against finite differences, the whole against torch."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "convolutional_network_in_numpy.py"
spec = importlib.util.spec_from_file_location("convolutional_network_in_numpy", EXAMPLE)
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def assert_is_derivative(gradient, f, x, h=1e-6):
    """Compare ∂f/∂x, f a function from an array to a float, with central differences."""
    expected = np.empty_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        expected[i] = (f(x + step) - f(x - step)) / (2 * h)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (4, 3)])
def test_convolution_backward(size):
    x, w, b = random(2, 3, *size), random(4, 3, 3, 3, seed=1), random(4, seed=2)
    g = random(2, 4, *size, seed=3)
    g_x, g_w, g_b = example.convolution_backward(g, x, w)
    assert_is_derivative(g_x, lambda v: (g * example.convolution(v, w, b)).sum(), x)
    assert_is_derivative(g_w, lambda v: (g * example.convolution(x, v, b)).sum(), w)
    assert_is_derivative(g_b, lambda v: (g * example.convolution(x, w, v)).sum(), b)


def test_convolution_is_the_sum_in_its_docstring():
    x, weight, bias = random(1, 2, 3, 4), random(2, 2, 3, 3, seed=1), random(2, seed=2)
    y = example.convolution(x, weight, bias)
    expected = np.zeros((1, 2, 3, 4)) + bias[:, None, None]
    for o, c, h, w, p, q in np.ndindex(2, 2, 3, 4, 3, 3):
        if 0 <= h + p - 1 < 3 and 0 <= w + q - 1 < 4:
            expected[0, o, h, w] += weight[o, c, p, q] * x[0, c, h + p - 1, w + q - 1]
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_relu_backward():
    x, g = random(3, 4), random(3, 4, seed=1)
    gradient = example.relu_backward(g, example.relu(x))
    assert_is_derivative(gradient, lambda v: (g * example.relu(v)).sum(), x)


def test_max_pool_backward():
    x, g = random(2, 3, 4, 6), random(2, 3, 2, 3, seed=1)
    gradient = example.max_pool_backward(g, x)
    assert_is_derivative(gradient, lambda v: (g * example.max_pool(v)).sum(), x)


def test_of_equal_pixels_the_first_takes_the_gradient():
    gradient = example.max_pool_backward(np.full((1, 1, 1, 1), 7.0), np.ones((1, 1, 2, 2)))
    np.testing.assert_array_equal(gradient, [[[[7.0, 0.0], [0.0, 0.0]]]])


def test_dense_backward():
    x, w, b, g = random(4, 3), random(2, 3, seed=1), random(2, seed=2), random(4, 2, seed=3)
    g_x, g_w, g_b = example.dense_backward(g, x, w)
    assert_is_derivative(g_x, lambda v: (g * example.dense(v, w, b)).sum(), x)
    assert_is_derivative(g_w, lambda v: (g * example.dense(x, v, b)).sum(), w)
    assert_is_derivative(g_b, lambda v: (g * example.dense(x, w, v)).sum(), b)


def test_cross_entropy_backward():
    logits, labels = random(4, 3), np.array([0, 2, 1, 1])
    gradient = example.cross_entropy_backward(logits, labels)
    assert_is_derivative(gradient, lambda v: example.cross_entropy(v, labels), logits)


def test_cross_entropy_survives_logits_that_overflow_exp():
    logits = np.array([[1e4, 0.0], [-1e4, 0.0]])
    assert example.cross_entropy(logits, np.array([0, 1])) == 0.0
    assert example.cross_entropy(logits, np.array([1, 0])) == 1e4
    np.testing.assert_array_equal(example.softmax(logits), [[1.0, 0.0], [0.0, 1.0]])


@pytest.fixture
def network():
    return example.Network(seed=3, dtype=np.float64)


@pytest.fixture(scope="module")
def digits():
    return example.load_digits()


@pytest.fixture
def batch(digits):
    images, labels = digits
    return images[:6].astype(np.float64), labels[:6]


def test_network_gradients_along_random_directions(network):
    batch = random(3, 1, 8, 8, seed=1), np.array([4, 0, 9])  # noise stays off the kink of ReLU
    _, gradients = network.loss_and_gradients(*batch)
    assert gradients.keys() == network.parameters.keys()
    for name, p in network.parameters.items():
        direction, start, h = random(*p.shape), p.copy(), 1e-6
        p[...] = start + h * direction
        above, _ = network.loss_and_gradients(*batch)
        p[...] = start - h * direction
        below, _ = network.loss_and_gradients(*batch)
        p[...] = start
        slope = (gradients[name] * direction).sum()
        assert slope == pytest.approx((above - below) / (2 * h), rel=1e-6), name


def twin_in(library, network):
    """The same network in a library, chainrule or torch, with the same weights."""
    nn = library.nn
    layers = {
        "conv1": nn.Conv2d(1, 16, 3, padding=1),
        "relu1": nn.ReLU(),
        "pool": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(16, 32, 3, padding=1),
        "relu2": nn.ReLU(),
        "flat": nn.Flatten(),
        "dense": nn.Linear(512, 10),
    }
    twin = nn.Sequential()
    for name, layer in layers.items():
        twin.add_module(name, layer.double())
    twin.load_state_dict({n: library.tensor(p) for n, p in network.parameters.items()})
    return twin


def assert_trains_like(library, network, batch, tolerance):
    """Loss, gradients and updates of three steps agree with the library's."""
    twin = twin_in(library, network)
    ours = example.SGD(network.parameters, lr=0.1, momentum=0.9)
    theirs = library.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    x, labels = library.tensor(batch[0]), library.tensor(batch[1].astype(np.int64))
    for _ in range(3):
        loss, gradients = network.loss_and_gradients(*batch)
        theirs.zero_grad()
        twin_loss = library.nn.functional.cross_entropy(twin(x), labels)
        twin_loss.backward()
        assert loss == pytest.approx(twin_loss.item(), rel=tolerance)
        for name, p in twin.named_parameters():
            np.testing.assert_allclose(gradients[name], p.grad.numpy(), tolerance, tolerance)
        ours.step(gradients)
        theirs.step()
    for name, p in twin.named_parameters():
        found = network.parameters[name]
        np.testing.assert_allclose(found, p.detach().numpy(), tolerance, tolerance)


def test_loss_gradients_and_updates_equal_those_of_chainrule(network, batch):
    assert_trains_like(cr, network, batch, tolerance=1e-9)


def test_loss_gradients_and_updates_equal_those_of_torch(network, batch):
    assert_trains_like(pytest.importorskip("torch"), network, batch, tolerance=1e-9)


def test_digits_are_the_ones_that_their_page_describes(digits):
    images, labels = digits
    assert images.shape == (1797, 1, 8, 8)
    assert (images.min(), images.max()) == (0.0, 1.0)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(labels).tolist() == counts
    page = example.DIGITS.with_name("DIGITS.md").read_text(encoding="utf-8")
    assert hashlib.sha256(example.DIGITS.read_bytes()).hexdigest() in page
    assert ", ".join(map(str, counts)) in page


def test_batches_hold_every_image_once():
    x = np.arange(10)
    parts = list(example.batches(x, -x, 4, np.random.default_rng(0)))
    assert [len(part) for part, _ in parts] == [4, 4, 2]
    assert all((part == -labels).all() for part, labels in parts)
    assert sorted(np.concatenate([part for part, _ in parts])) == list(x)


def test_main_learns_to_read(capsys):
    accuracy = example.main(epochs=5)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert f"test accuracy {accuracy:.1%}" in lines[-1]
    assert accuracy >= 0.97
