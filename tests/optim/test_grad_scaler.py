"""Losses made large and gradients made small again."""

import pytest

import chainrule as cr
from chainrule.amp import GradScaler
from chainrule.errors import ArgumentError, TraceError


def parts(lr=0.5):
    p = cr.nn.Parameter(cr.tensor([1.0, 2.0]))
    return p, cr.optim.SGD([p], lr=lr)


def test_a_step_is_what_it_is_without_scaling():
    plain, optimizer = parts()
    (plain * plain).sum().backward()
    optimizer.step()
    scaled, optimizer = parts()
    scaler = GradScaler("cpu", init_scale=1024.0)
    loss = scaler.scale((scaled * scaled).sum())
    assert loss.item() == 5 * 1024
    loss.backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaled.tolist() == plain.tolist()
    assert scaled.grad.tolist() == plain.grad.tolist()


@pytest.mark.parametrize("scaled", [False, True])
def test_small_gradients_survive_float16(scaled):
    p, optimizer = parts()
    scaler = GradScaler("cpu", init_scale=1024.0, enabled=scaled)
    scaler.scale((p.half() * 1e-4).sum() * 1e-4).backward()
    scaler.unscale_(optimizer)
    expected = 1e-8 if scaled else 0  # below what float16 can hold
    assert p.grad.tolist() == pytest.approx([expected] * 2, rel=0.01, abs=1e-12)


def test_the_scale_backs_off_and_grows():
    p, optimizer = parts()
    scaler = GradScaler("cpu", init_scale=8.0, growth_interval=2)
    before = p.tolist()
    scaler.scale((p * float("inf")).sum()).backward()
    assert scaler.step(optimizer) is None and p.tolist() == before
    scaler.update()
    scales = [scaler.get_scale()]
    for _ in range(3):
        optimizer.zero_grad()
        scaler.scale(p.sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
    assert scales == [4.0, 4.0, 8.0, 8.0]
    scaler.update(2.0)
    other = GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.state_dict() == scaler.state_dict() and other.get_scale() == 2.0


def test_without_a_gpu_the_one_for_gpus_hands_through():
    p, optimizer = parts()
    with pytest.warns(UserWarning, match="no cuda device"):
        scaler = GradScaler()
    loss = p.sum()
    assert scaler.scale(loss) is loss and not scaler.is_enabled()
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert p.tolist() == [0.5, 1.5] and scaler.get_scale() == 1.0
    assert scaler.state_dict() == {}
    scaler.load_state_dict({})
    assert GradScaler(enabled=False).scale([loss])[0] is loss


def test_lists_of_losses():
    p, _ = parts()
    scaled = GradScaler("cpu", init_scale=2.0).scale([p.sum(), (p * 2,)])
    assert scaled[0].item() == 6 and scaled[1][0].tolist() == [4.0, 8.0]


def test_a_compiled_function_follows_the_scale():
    scaler = GradScaler("cpu", init_scale=4.0)
    scale = cr.compile(scaler.scale)
    found = [scale(cr.tensor(1.0)).item()]
    scaler.update(8.0)
    assert [*found, scale(cr.tensor(1.0)).item()] == [4.0, 8.0]
    assert len(scale.explain().recordings) == 1
    with pytest.raises(TraceError, match="CR609"):
        cr.compile(lambda x: scaler.update() or x)(cr.ones(1))


def test_the_loss_keeps_its_type():
    scaler = GradScaler("cpu", init_scale=3.0)
    for kind in (cr.float16, cr.bfloat16, cr.float32, cr.float64):
        scaled = scaler.scale(cr.tensor(0.1, dtype=kind))
        assert scaled.dtype is kind
    assert scaled.item() == 0.1 * 3


def test_wrong_use():
    p, optimizer = parts()
    p.sum().backward()
    scaler = GradScaler("cpu")
    scaler.unscale_(optimizer)
    with pytest.raises(ArgumentError, match="CR640"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(ArgumentError, match="CR640"):
        scaler.step(optimizer)
    with pytest.raises(ArgumentError, match="CR902"):
        GradScaler("cpu", growth_factor=0.5)
