"""Schedules: the rates they set, where they go on, and the errors."""

from __future__ import annotations

import json
import math

import pytest

import chainrule as cr
from chainrule import optim
from chainrule.errors import ArgumentError, ArgumentTypeError, TraceError
from chainrule.optim import lr_scheduler as schedules
from chainrule.optim.swa_utils import SWALR


def optimizer(lr=1.0, momentum=0.9):
    w = cr.ones(2, requires_grad=True)
    return optim.SGD([w], lr=lr, momentum=momentum)


def rates(scheduler, epochs):
    found = [scheduler.get_last_lr()[0]]
    for _ in range(epochs - 1):
        scheduler.step()
        found.append(scheduler.get_last_lr()[0])
    return found


@pytest.mark.parametrize(("make", "expected"), [
    (lambda o: schedules.StepLR(o, 2, gamma=0.5), [1, 1, 0.5, 0.5, 0.25]),
    (lambda o: schedules.MultiStepLR(o, [1, 3, 3], gamma=0.5), [1, 0.5, 0.5, 0.125, 0.125]),
    (lambda o: schedules.ExponentialLR(o, 0.5), [1, 0.5, 0.25, 0.125]),
    (lambda o: schedules.ConstantLR(o, 0.25, total_iters=2), [0.25, 0.25, 1, 1]),
    (lambda o: schedules.LinearLR(o, 0.5, 1.0, total_iters=2), [0.5, 0.75, 1, 1]),
    (lambda o: schedules.LinearLR(o, 1.0, 0.0, total_iters=2), [1, 0.5, 0, 0, 0]),
    (lambda o: schedules.PolynomialLR(o, 4, power=2), [1, 9 / 16, 1 / 4, 1 / 16, 0, 0]),
    (lambda o: schedules.LambdaLR(o, lambda t: 1 / (t + 1)), [1, 1 / 2, 1 / 3]),
    (lambda o: schedules.CosineAnnealingLR(o, 2, eta_min=0.5), [1, 0.75, 0.5, 0.75, 1, 0.75]),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 2, 2), [1, 0.5, 1, 0.8535533905932737]),
    (lambda o: schedules.MultiplicativeLR(o, lambda t: t / 4), [1, 1 / 4, 1 / 8, 3 / 32]),
    (lambda o: schedules.CyclicLR(o, 0.0, 1.0, 2), [0, 0.5, 1, 0.5, 0, 0.5]),
    (lambda o: schedules.CyclicLR(o, 0.0, 1.0, 1, 3), [0, 1, 2 / 3, 1 / 3, 0, 1]),
    (lambda o: SWALR(o, 0.5, 2, "linear"), [1, 0.75, 0.5, 0.5]),
    (lambda o: SWALR(o, 0.5, 4), [1, 0.9267766952966369, 0.75, 0.5732233047033631, 0.5, 0.5]),
    (lambda o: schedules.SequentialLR(
        o, [schedules.ConstantLR(o, 0.5, 9), schedules.ExponentialLR(o, 0.5)], [2]),
        [0.5, 0.5, 1, 0.5, 0.25]),
    (lambda o: schedules.ChainedScheduler(
        [schedules.ConstantLR(o, 0.5, 2), schedules.ExponentialLR(o, 0.5)]),
        [0.5, 0.25, 0.25, 0.125]),
])  # fmt: skip
def test_rates_in_closed_form(make, expected):
    assert rates(make(optimizer()), len(expected)) == pytest.approx(expected, abs=1e-15)


def test_one_cycle_goes_up_and_down_and_the_momentum_the_other_way():
    o = optimizer()
    scheduler = schedules.OneCycleLR(
        o, max_lr=1.0, epochs=2, steps_per_epoch=5, pct_start=0.5, anneal_strategy="linear",
        div_factor=5, final_div_factor=20, base_momentum=0.5, max_momentum=0.9,
    )  # fmt: skip
    group = o.param_groups[0]
    found = [(group["lr"], group["momentum"])]
    for _ in range(9):
        scheduler.step()
        found.append((group["lr"], group["momentum"]))
    assert found[0] == pytest.approx((0.2, 0.9))
    assert found[2] == pytest.approx((0.6, 0.7))
    assert found[4] == pytest.approx((1.0, 0.5))
    assert found[9] == pytest.approx((0.01, 0.9))


def test_one_cycle_turns_beta1_and_leaves_beta2():
    w = cr.ones(1, requires_grad=True)
    o = optim.Adam([w], betas=(0.9, 0.99))
    scheduler = schedules.OneCycleLR(o, 0.1, total_steps=10)
    for _ in range(3):
        assert o.param_groups[0]["betas"][1] == 0.99
        assert 0.85 <= o.param_groups[0]["betas"][0] <= 0.95
        scheduler.step()


def test_one_cycle_of_a_single_step_and_of_empty_phases():
    for total, pct_start in ((1, 0.3), (2, 0.5), (3, 0.0), (3, 1.0)):
        scheduler = schedules.OneCycleLR(
            optimizer(), 1.0, total_steps=total, pct_start=pct_start
        )
        assert all(map(math.isfinite, rates(scheduler, total)))


def test_one_cycle_ends():
    scheduler = schedules.OneCycleLR(optimizer(), 1.0, total_steps=3)
    rates(scheduler, 4)
    with pytest.raises(ArgumentError, match=r"CR608: .* made for 3 steps, this is step 4"):
        scheduler.step()


def test_plateau_waits_reduces_and_cools_down():
    o = optimizer()
    scheduler = schedules.ReduceLROnPlateau(
        o, factor=0.5, patience=1, cooldown=1, min_lr=0.25, threshold=0.1
    )
    losses = [10, 8.9, 8.5, 8.5, 8.5, 8.5, 8.5, 8.5, 8.5, 8.5]
    found = []
    for loss in losses:
        scheduler.step(cr.tensor(loss))
        found.append(o.param_groups[0]["lr"])
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]


@pytest.mark.parametrize(("mode", "threshold_mode", "values"), [
    ("min", "rel", [10.0, 9.5]), ("min", "abs", [10.0, 9.95]),
    ("max", "rel", [10.0, 10.5]), ("max", "abs", [10.0, 10.05]),
    ("min", "abs", [1.0, float("nan")]),
])  # fmt: skip
def test_what_plateau_takes_for_no_improvement(mode, threshold_mode, values):
    o = optimizer()
    scheduler = schedules.ReduceLROnPlateau(
        o, mode, patience=0, threshold=0.1, threshold_mode=threshold_mode
    )
    for value in values:
        scheduler.step(value)
    assert o.param_groups[0]["lr"] == pytest.approx(0.1)


def test_groups_keep_their_proportions():
    a, b = cr.ones(1, requires_grad=True), cr.ones(1, requires_grad=True)
    o = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.1}], lr=1.0)
    scheduler = schedules.LambdaLR(o, [lambda t: 0.5**t, lambda t: 2.0**t])
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5, 0.2]
    assert scheduler.base_lrs == [1.0, 0.1]


def test_a_jump_to_an_epoch():
    scheduler = schedules.StepLR(optimizer(), 10)
    scheduler.step(25)
    assert scheduler.get_last_lr() == pytest.approx([0.01])
    scheduler.step()
    assert scheduler.last_epoch == 26


def test_going_on_after_an_epoch_needs_the_first_rate():
    o = optimizer()
    with pytest.raises(ArgumentError, match="CR607: StepLR goes on after epoch 4"):
        schedules.StepLR(o, 2, last_epoch=4)
    rates(schedules.ExponentialLR(o, 0.5), 5)
    again = schedules.ExponentialLR(o, 0.5, last_epoch=3)
    assert (again.last_epoch, again.get_last_lr()) == (4, [0.5**4])
    assert rates(again, 2) == [0.5**4, 0.5**5]


def test_a_callable_object_of_lambda_lr_is_saved_with_its_attributes():
    class Decay:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, epoch):
            return self.rate**epoch

    source = schedules.LambdaLR(optimizer(), Decay(0.5))
    target = schedules.LambdaLR(optimizer(), Decay(0.9))
    target.load_state_dict(source.state_dict())
    target.step()
    assert target.get_last_lr() == [0.5]


def test_milestones_survive_json():
    source = schedules.MultiStepLR(optimizer(), [1, 3, 3], gamma=0.5)
    target = schedules.MultiStepLR(optimizer(), [7], gamma=0.1)
    target.load_state_dict(json.loads(json.dumps(source.state_dict())))
    assert rates(target, 5) == [1, 0.5, 0.5, 0.125, 0.125]


@pytest.mark.parametrize(("make", "says"), [
    (lambda o: schedules.StepLR(o, 0), "step_size must be at least 1, got 0"),
    (lambda o: schedules.ConstantLR(o, 1.5), "factor"),
    (lambda o: schedules.LinearLR(o, 0.0), "start_factor"),
    (lambda o: schedules.LinearLR(o, 0.5, 2.0), "end_factor"),
    (lambda o: schedules.CosineAnnealingLR(o, 0), "T_max"),
    (lambda o: schedules.LambdaLR(o, [abs, abs]), "lr_lambda has 2 entries for 1 parameter"),
    (lambda o: schedules.OneCycleLR(o, 1.0), "give total_steps, or epochs and"),
    (lambda o: schedules.OneCycleLR(o, 1.0, total_steps=2.5), "whole and above 0"),
    (lambda o: schedules.OneCycleLR(o, 1.0, epochs=3, steps_per_epoch=0), "whole and above 0"),
    (lambda o: schedules.OneCycleLR(o, 1.0, 10, pct_start=30), "pct_start"),
    (lambda o: schedules.OneCycleLR(o, 1.0, 10, anneal_strategy="sin"), "'cos' or 'linear'"),
    (lambda o: schedules.OneCycleLR(o, [1.0, 2.0], 10), "max_lr has 2 entries"),
    (lambda o: schedules.OneCycleLR(optim.Adagrad(o.param_groups[0]["params"]), 1.0, 10),
     "needs an optimizer with momentum or betas, got 'Adagrad'"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 0), "T_0 must be a whole number"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 2, 1.5), "T_mult must be a whole"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 2, eta_min="0"), "eta_min"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 2).step(-1), "at least 0, got -1"),
    (lambda o: schedules.CyclicLR(o, 0.0, 1.0, mode="sine"), "or give scale_fn, got 'sine'"),
    (lambda o: schedules.CyclicLR(o, 0.0, 1.0, 0), "must be above 0"),
    (lambda o: schedules.CyclicLR(o, [0.0, 0.1], 1.0), "base_lr has 2 entries"),
    (lambda o: schedules.CyclicLR(optim.Adagrad(o.param_groups[0]["params"]), 0.0, 1.0),
     "CyclicLR: cycle_momentum=True needs an optimizer with momentum or betas"),
    (lambda o: SWALR(o, 0.1, -1), "anneal_epochs must be a whole number ≥ 0, got -1"),
    (lambda o: SWALR(o, 0.1, anneal_strategy="sin"), "'cos' or 'linear', got 'sin'"),
    (lambda o: schedules.ReduceLROnPlateau(o, "lowest"), "'min' or 'max', got 'lowest'"),
    (lambda o: schedules.ReduceLROnPlateau(o, threshold_mode="x"), "'rel' or 'abs'"),
    (lambda o: schedules.ReduceLROnPlateau(o, factor=1.0), "below 1"),
    (lambda o: schedules.SequentialLR(o, [], []), "at least one"),
    (lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [3]), "at 0 milestones"),
    (lambda o: schedules.SequentialLR(o, [schedules.StepLR(optimizer(), 1)], []), "another"),
])  # fmt: skip
def test_arguments_that_a_schedule_cannot_follow(make, says):
    with pytest.raises(ArgumentError, match=says) as caught:
        make(optimizer())
    assert caught.value.code == "CR606"


def test_a_schedule_needs_an_optimizer():
    with pytest.raises(ArgumentTypeError, match=r"CR606: StepLR schedules .*, got a list"):
        schedules.StepLR([cr.ones(1)], 2)


@pytest.mark.parametrize("kind", [schedules.LambdaLR, schedules.MultiplicativeLR])
def test_a_factor_is_a_function(kind):
    with pytest.raises(ArgumentTypeError, match=f"CR606: {kind.__name__}: .*, got a float"):
        kind(optimizer(), 0.5)


class WarmUp(schedules._LRScheduler):
    """A user's own, under the older name of the base, with a closed form."""

    def __init__(self, optimizer, warm, last_epoch=-1):
        self.warm = warm
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        assert self._get_lr_called_within_step
        return [base * min(1, (self.last_epoch + 1) / self.warm) for base in self.base_lrs]

    def _get_closed_form_lr(self):
        return [10 * base for base in self.base_lrs]


def test_a_schedule_of_the_user_s_own():
    scheduler = WarmUp(optimizer(), 4)
    assert rates(scheduler, 5) == [0.25, 0.5, 0.75, 1, 1]
    scheduler.step(2)
    assert scheduler.get_last_lr() == [10.0]
    assert isinstance(schedules.StepLR(optimizer(), 1), schedules._LRScheduler)
    assert not scheduler._get_lr_called_within_step


def test_restarts_in_fractions_of_an_epoch():
    scheduler = schedules.CosineAnnealingWarmRestarts(optimizer(), 2, 2)
    found = []
    for epoch in (0, 0.5, 1.5, 2, 4, 5.999, 6):
        scheduler.step(epoch)
        found.append(scheduler.get_last_lr()[0])
    half = math.sqrt(0.5) / 2
    assert found == pytest.approx([1, 0.5 + half, 0.5 - half, 1, 0.5, 0, 1], abs=1e-6)
    scheduler.step()
    assert scheduler.last_epoch == 7


def test_cyclic_turns_the_momentum_the_other_way():
    o = optimizer()
    scheduler = schedules.CyclicLR(o, 0.0, 1.0, 2, base_momentum=0.5, max_momentum=0.9)
    found = []
    for _ in range(5):
        found.append(o.param_groups[0]["momentum"])
        scheduler.step()
    assert found == pytest.approx([0.9, 0.7, 0.5, 0.7, 0.9])


def test_a_scale_of_the_user_s_own_is_saved_with_its_attributes():
    class Fading:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, cycle):
            return self.rate**cycle

    source = schedules.CyclicLR(optimizer(), 0.0, 1.0, 1, scale_fn=Fading(0.5))
    target = schedules.CyclicLR(optimizer(), 0.0, 1.0, 1, scale_fn=Fading(1.0))
    assert source.state_dict()["_scale_fn_custom"] == {"rate": 0.5}
    target.load_state_dict(source.state_dict())
    target.step()
    assert target.get_last_lr() == [0.5]


def test_a_plateau_cannot_be_part_of_a_sequence():
    o = optimizer()
    with pytest.raises(ArgumentTypeError, match="schedule 0 is a ReduceLROnPlateau"):
        schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)])


def test_a_plateau_after_a_new_group():
    o = optimizer()
    scheduler = schedules.ReduceLROnPlateau(o, patience=0, min_lr=[0.25])
    o.add_param_group({"params": [cr.ones(1, requires_grad=True)]})
    scheduler.step(1.0)
    with pytest.raises(ArgumentError, match="1 lowest rates, the optimizer 2 groups"):
        scheduler.step(1.0)


def test_a_schedule_is_not_stepped_inside_a_compiled_function():
    scheduler = schedules.ExponentialLR(optimizer(), 0.5)
    with pytest.raises(TraceError, match=r"CR609: ExponentialLR.step\(\) inside a compiled"):
        cr.compile(lambda x: (scheduler.step(), x)[1])(cr.ones(1))
