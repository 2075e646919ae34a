"""Products in a narrow type, losses in float32, as in PyTorch."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError

F = nn.functional
A, B = cr.linspace(-1, 1, 20).reshape(4, 5), cr.linspace(-2, 1, 30).reshape(5, 6)
X, W, LABELS = cr.ones(2, 3, 6, 6), cr.ones(4, 3, 3, 3), cr.tensor([0, 1, 2, 3])

#: the type of each result inside autocast("cpu"), as PyTorch has it
TYPES = {
    "matmul": (lambda t: t(A) @ t(B), "bfloat16"),
    "linear": (lambda t: F.linear(t(A), t(B).T, cr.ones(6)), "bfloat16"),
    "bmm": (lambda t: t(A)[None].bmm(t(B)[None]), "bfloat16"),
    "einsum": (lambda t: cr.einsum("ij,jk->ik", t(A), t(B)), "bfloat16"),
    "conv2d": (lambda t: F.conv2d(t(X), t(W), cr.ones(4)), "bfloat16"),
    "conv_transpose2d": (lambda t: F.conv_transpose2d(t(X), cr.ones(3, 4, 2, 2)), "bfloat16"),
    "softmax": (lambda t: (t(A) @ t(B)).softmax(1), "bfloat16"),
    "of float64": (lambda t: t(A).double() @ t(B).double(), "float64"),
    "sums": (lambda t: (t(A) @ t(B)) + cr.ones(6), "float32"),
    "solving": (lambda t: cr.linalg.solve(cr.eye(4), t(A)), "float32"),
    "cross_entropy": (lambda t: F.cross_entropy(t(A) @ t(B), LABELS), "float32"),
    "nll_loss": (lambda t: F.nll_loss((t(A) @ t(B)).log_softmax(1), LABELS), "float32"),
    "mse_loss": (lambda t: F.mse_loss(t(A) @ t(B), t(A) @ t(B) * 2), "float32"),
    "smooth_l1_loss": (lambda t: F.smooth_l1_loss(t(A) @ t(B), t(A) @ t(B) * 2), "float32"),
    "binary_cross_entropy_with_logits": (
        lambda t: F.binary_cross_entropy_with_logits(t(A) @ t(B), cr.ones(4, 6)), "float32"),
    "kl_div": (
        lambda t: F.kl_div((t(A) @ t(B)).log_softmax(1), (t(A) @ t(B)).softmax(1)), "float32"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("case", TYPES)
def test_types_are_as_in_torch_and_gradients_are_float32(case):
    call, expected = TYPES[case]
    leaves = []

    def leaf(x):
        leaves.append(x.clone().requires_grad_())
        return leaves[-1]

    with cr.autocast("cpu"):
        y = call(leaf)
    assert str(y.dtype) == f"chainrule.{expected}"
    y.sum().backward()
    assert all(x.grad.dtype is cr.float32 for x in leaves if x.grad is not None)
    narrow = call(lambda x: x)
    np.testing.assert_allclose(y.detach().double(), narrow.double(), rtol=0.05, atol=0.05)


def test_float16_and_not_at_all():
    with cr.autocast("cpu", dtype=cr.float16):
        assert (A @ B).dtype is cr.float16
        with cr.autocast("cpu", enabled=False):
            assert (A @ B).dtype is cr.float32
        assert cr.is_autocast_enabled()
    assert (A @ B).dtype is cr.float32 and not cr.is_autocast_enabled()


def test_as_a_decorator():
    @cr.autocast("cpu")
    def product():
        return A @ B

    assert product().dtype is cr.bfloat16 and (A @ B).dtype is cr.float32


def test_there_is_no_gpu():
    with pytest.warns(UserWarning, match="no cuda device"), cr.autocast("cuda"):
        assert (A @ B).dtype is cr.float32
    with cr.autocast("cuda", enabled=False):
        assert (A @ B).dtype is cr.float32
    with pytest.raises(ArgumentError, match=r"CR902.*bfloat16 or float16"):
        cr.autocast("cpu", dtype=cr.float64)


def test_compiled_inside_and_outside_are_two_recordings():
    product = cr.compile(lambda a, b: a @ b)
    assert product(A, B).dtype is cr.float32
    with cr.autocast("cpu"):
        assert product(A, B).dtype is cr.bfloat16
    assert product(A, B).dtype is cr.float32


def test_a_network_learns_in_a_narrow_type():
    cr.manual_seed(0)
    x = cr.randn(64, 8)
    y = (x.sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = cr.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        with cr.autocast("cpu"):
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
