"""The first page: what chainrule does, in twenty tests and two seconds."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim
from chainrule.nn import functional as F
from chainrule.utils.data import DataLoader, TensorDataset

POINTS = cr.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = cr.tensor([[0.0], [1.0], [1.0], [0.0]])


@pytest.fixture(autouse=True)
def seed():
    cr.manual_seed(0)


def network():
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))


def test_a_tensor_is_an_array_with_a_shape_and_a_type():
    x = cr.tensor([[1, 2, 3], [4, 5, 6]])
    assert (x.shape, x.dtype, x.sum().item()) == ((2, 3), cr.int64, 21)
    assert (x / 2).dtype == cr.float32
    assert x[:, 1].tolist() == [2, 5]
    np.testing.assert_array_equal((x @ x.T).numpy(), x.numpy() @ x.numpy().T)


def test_backward_is_the_chain_rule():
    x = cr.tensor(0.5, requires_grad=True)
    y = (x * x).sin().exp()
    y.backward()
    assert x.grad.item() == pytest.approx(math.exp(math.sin(0.25)) * math.cos(0.25) * 2 * 0.5)


def test_broadcasting_sends_a_sum_back():
    x, row = cr.ones(4, 3, requires_grad=True), cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x * row).sum().backward()
    assert x.grad.tolist() == [[1.0, 2.0, 3.0]] * 4
    assert row.grad.tolist() == [4.0, 4.0, 4.0]


def test_gradients_add_up_until_they_are_cleared():
    w = cr.tensor(3.0, requires_grad=True)
    for expected in (6.0, 12.0):
        (w * w).backward()
        assert w.grad.item() == expected
    optim.SGD([w]).zero_grad()
    assert w.grad is None


def test_no_grad_leaves_no_trace():
    w = cr.tensor(3.0, requires_grad=True)
    with cr.no_grad():
        assert not (w * w).requires_grad
        w -= 1
    assert (w.item(), w.is_leaf) == (2.0, True)
    with pytest.raises(cr.errors.GradientError, match="no_grad"):
        w -= 1


def test_a_gradient_can_be_differentiated_again():
    y = x = cr.tensor(0.3, dtype=cr.float64, requires_grad=True)
    y = x.tanh()
    for _ in range(3):
        (y,) = cr.autograd.grad(y, x, create_graph=True)
    t = math.tanh(0.3)
    assert y.item() == pytest.approx((1 - t * t) * (6 * t * t - 2), rel=1e-12)


def test_a_derivative_of_ones_own_is_checked_by_finite_differences():
    class Cube(cr.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x**2

    x = cr.rand(3, dtype=cr.float64, requires_grad=True)
    assert cr.autograd.gradcheck(Cube.apply, x)
    assert cr.autograd.gradgradcheck(Cube.apply, x)


def test_a_module_knows_its_parameters():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(2, 3)
            self.outputs = [nn.Linear(3, 1), nn.Linear(3, 1)]

        def forward(self, x):
            return [layer(self.hidden(x).relu()) for layer in self.outputs]

    names = [name for name, _ in Network().named_parameters()]
    assert names[:3] == ["hidden.weight", "hidden.bias", "outputs.0.weight"]
    assert sum(p.numel() for p in Network().parameters()) == 9 + 4 + 4


def test_a_dense_layer_is_three_lines():
    layer, x = nn.Linear(3, 2), cr.randn(5, 3)
    w, b = layer.weight, layer.bias
    assert cr.allclose(layer(x), x @ w.T + b)


def test_a_convolution_lays_its_kernel_on_every_pixel():
    kernel = cr.arange(9.0).reshape(1, 1, 3, 3)
    image = cr.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1
    seen = F.conv2d(image, kernel, padding=1)[0, 0, 1:4, 1:4]
    assert seen.tolist() == kernel[0, 0].flip(0, 1).tolist()


def test_cross_entropy_is_the_surprise_at_the_right_answer():
    logits, labels = cr.randn(4, 3), cr.tensor([0, 2, 1, 1])
    p = logits.softmax(1)
    expected = -p[cr.arange(4), labels].log().mean()
    assert cr.allclose(F.cross_entropy(logits, labels), expected)


def test_an_optimizer_takes_one_step_downhill():
    w = cr.tensor([1.0, -2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.step()
    assert w.tolist() == pytest.approx([1 - 0.1 * 2, -2 + 0.1 * 4])


def test_a_network_learns_xor():
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(POINTS), XOR)
        loss.backward()
        optimizer.step()
    assert ((model(POINTS) > 0) == XOR.bool()).all()


def test_dropout_is_for_training_only():
    dropout, x = nn.Dropout(0.5), cr.ones(1000)
    kept = dropout(x)
    assert set(kept.tolist()) == {0.0, 2.0}
    assert kept.mean().item() == pytest.approx(1, abs=0.1)
    assert dropout.eval()(x).equal(x)


def test_weights_come_back_from_a_file(tmp_path):
    model, twin = network(), network()
    cr.save(model.state_dict(), tmp_path / "weights.safetensors")
    assert not model(POINTS).equal(twin(POINTS))
    twin.load_state_dict(cr.load(tmp_path / "weights.safetensors"))
    assert model(POINTS).equal(twin(POINTS))


def test_a_loader_shows_every_sample_once():
    data = TensorDataset(cr.arange(10), cr.arange(10) * 2)
    batches = list(DataLoader(data, batch_size=4, shuffle=True))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    x, y = (cr.cat(parts) for parts in zip(*batches, strict=True))
    assert x.tolist() != sorted(x.tolist()) == list(range(10))
    assert y.equal(x * 2)


def train(prepare):
    """Losses of a few steps with dropout and momentum; the learning rate changes midway."""
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=3)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step, losses = prepare(step), []
    for _ in range(6):
        losses.append(step(POINTS, XOR).item())
        scheduler.step()
    return losses, model.state_dict()


def test_a_compiled_training_step_is_the_eager_one():
    eager, weights = train(lambda step: step)
    by_numpy, same_weights = train(cr.compile(engine="reference"))
    assert eager == by_numpy
    assert all(weights[name].equal(same_weights[name]) for name in weights)
    by_machine_code, other_weights = train(cr.compile(engine="native"))
    assert eager == pytest.approx(by_machine_code, rel=1e-5)
    assert all(cr.allclose(weights[name], other_weights[name], 1e-4) for name in weights)


def test_compile_says_why_it_traced_again():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    compiled = cr.compile(model)
    compiled(cr.ones(4, 2)), compiled(cr.ones(4, 2)), compiled(cr.ones(5, 2))
    model.eval()
    compiled(cr.ones(5, 2))
    first, other_shape, other_mode = compiled.explain().reasons()
    assert first == "the first call"
    assert "shape (5, 2) instead of (4, 2)" in other_shape
    assert "eval()" in other_mode
    with pytest.raises(cr.errors.TraceError, match=r"test_tiny.py:\d+: .*x\.sum\(\) > 0"):
        cr.compile(lambda x: x if x.sum() > 0 else -x)(cr.ones(2))


def test_an_error_names_the_layer_the_shapes_and_the_repair():
    model = nn.ModuleDict({"encoder": nn.Sequential(nn.ReLU(), nn.Linear(3136, 10))})
    model.forward = lambda x: model["encoder"](x)
    with pytest.raises(cr.errors.ShapeError) as caught:
        model(cr.zeros(32, 64, 7, 7))
    message = str(caught.value)
    assert "Linear 'encoder.1'" in message
    assert "(32, 64, 7, 7)" in message
    assert "x.flatten(1) gives (32, 3136)" in message
    assert cr.explain(caught.value.code).startswith(f"# {caught.value.code}: ")


def test_one_seed_gives_one_run():
    def run(seed):
        cr.manual_seed(seed)
        data = DataLoader(TensorDataset(POINTS, XOR), batch_size=2, shuffle=True)
        model = nn.Sequential(network(), nn.Dropout(0.1))
        return [model(x).sum().item() for x, _ in data]

    assert run(1) == run(1) != run(2)
