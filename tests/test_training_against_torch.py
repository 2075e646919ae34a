"""Two hundred steps from the same weights: the losses follow PyTorch's."""

import numpy as np
import pytest

import chainrule
import chainrule.nn
import chainrule.optim

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two pools of threads on the same cores would wait for each other

pytestmark = pytest.mark.slow


def mlp(nn):
    layers = [nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(32, 10))


def cnn(nn):
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


OPTIMIZERS = {
    "sgd": lambda optim, p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-4),
    "adam": lambda optim, p: optim.Adam(p, lr=1e-3),
    "adamw": lambda optim, p: optim.AdamW(p, lr=1e-3, weight_decay=0.1),
}


def losses(lib, network, optimizer, weights, data, dtype, engine=None):
    model = network(lib.nn).to(getattr(lib, dtype))
    state = {k: lib.from_numpy(v.copy()) for k, v in weights.items()}
    model.load_state_dict({k: v if v.ndim == 0 else v.to(getattr(lib, dtype))
                           for k, v in state.items()})  # fmt: skip
    update = OPTIMIZERS[optimizer](lib.optim, model.parameters())
    criterion = lib.nn.CrossEntropyLoss()

    def step(x, y):
        update.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        update.step()
        return loss.detach()

    run = lib.compile(step, engine=engine) if engine else step
    batches = [(lib.from_numpy(x.astype(dtype)), lib.from_numpy(y)) for x, y in data]
    return np.array([run(*batches[i % len(batches)]).item() for i in range(200)])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("network", [mlp, cnn])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)])
def test_losses_follow(network, optimizer, dtype, tolerance):
    torch.manual_seed(0)
    weights = {k: v.numpy() for k, v in network(torch.nn).state_dict().items()}
    random = np.random.default_rng(0)
    data = [
        (random.standard_normal((16, 1, 8, 8)), random.integers(0, 10, 16)) for _ in range(8)
    ]
    theirs = losses(torch, network, optimizer, weights, data, dtype)
    ours = losses(chainrule, network, optimizer, weights, data, dtype)
    compiled = losses(chainrule, network, optimizer, weights, data, dtype, engine="reference")
    np.testing.assert_array_equal(ours, compiled)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance)
    native = losses(chainrule, network, optimizer, weights, data, dtype, engine="native")
    np.testing.assert_allclose(native, theirs, rtol=20 * tolerance)
