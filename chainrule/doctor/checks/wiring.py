"""Faults of the wiring: what is not connected, not cleared, or in the wrong mode."""

from __future__ import annotations

from chainrule.doctor.facts import ENOUGH_SAMPLES, Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check

MOST_STALE = 16  # steps in a row
MOST_UNUSED = 40  # gradients
NEAR_BASELINE = 0.1  # accuracy above that of the commonest class
ENOUGH_STEPS = 50
FEWEST_STEPS = 4
HARDLY_FALLEN = 0.9
TOO_COMMON = 0.8  # share of a class, at which accuracy says little
SLOW_MOMENTUM = 0.01
MOSTLY, FEWEST_EPOCHS = 0.5, 2  # share of statistics that is as at first
STALE, STALE_BY = 0.25, 0.5  # loss in evaluation mode above that in training mode
HIGH_DROPOUT = 0.7


@check(
    "D01", "gradients are not cleared", Stage.WIRING, Severity.FATAL,
    "Karpathy 2019, A recipe for training neural networks",
)  # fmt: skip
def gradients_not_cleared(r: Record) -> Symptom | None:
    if r.wiring.stale_steps <= MOST_STALE:
        return None
    return Symptom(
        f"{r.wiring.stale_steps} steps in a row began with the gradients of the step before "
        f"(threshold: {MOST_STALE})",
        "backward adds to .grad, so that every step follows the sum of all gradients so far",
        "optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
        remedy=("zero_grad",),
    )


@check(
    "D02", "parameters that no optimizer moves", Stage.WIRING, Severity.SERIOUS,
    "Braiek & Khomh 2023, TheDeepChecker",
)  # fmt: skip
def parameters_not_moved(r: Record) -> Symptom | None:
    if r.wiring.unused >= MOST_UNUSED:
        return _never_steps(r.wiring.unused)
    if r.wiring.unregistered:
        return _unregistered(r.wiring.unregistered)
    seen, look = r.wiring.trainable is not None, r.last
    silent = r.wiring.without_gradient if seen else []
    missing = [name for name in r.wiring.missing if name not in silent]
    still = look is not None and look.moved == 0 and look.learning_rate != 0
    if not missing and not (still and r.wiring.foreign):
        return None
    pretrained = not foreign_or_still(r) and not r.wiring.as_initialized
    foreign = r.wiring.foreign
    theirs = f"; {foreign} tensors of the optimizer are not the model's" if foreign else ""
    return Symptom(
        f"{len(missing)} trainable tensors are in no optimizer (allowed: 0): "
        f"{r.several(missing)}{theirs}",
        "the optimizer was given another model's parameters, or a part of them",
        "optimizer = torch.optim.SGD(model.parameters(), lr=…)  # after the last change of "
        "the model\n# what is to stay as it is: parameter.requires_grad_(False)",
        layer=missing[0] if missing else None,
        severity=Severity.FATAL if foreign else Severity.NOTE if pretrained else None,
    )


def _never_steps(unused: int) -> Symptom:
    return Symptom(
        f"{unused} times gradients were computed and cleared again, and the optimizer has not "
        f"made a step yet (threshold: {MOST_UNUSED})",
        "without optimizer.step() nothing moves the weights",
        "optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
        severity=Severity.FATAL,
    )


def _unregistered(shapes: list[str]) -> Symptom:
    return Symptom(
        f"{len(shapes)} weights that the loss depends on are in neither the model nor its "
        f"optimizer, and stay as they were initialized (allowed: 0); their shapes: "
        f"{', '.join(shapes[:3])}{', …' * (len(shapes) > 3)}",
        "the optimizer was given the parameters of one module; another one computes, too",
        "optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=…)\n"
        "# what is to stay as it is: parameter.requires_grad_(False)",
    )


def foreign_or_still(r: Record) -> bool:
    """Whether what the optimizer moves is not this model, or nothing."""
    return bool(r.wiring.foreign) or (r.last is not None and r.last.moved == 0)


@check(
    "D03", "layers frozen by accident", Stage.WIRING, Severity.SERIOUS,
    "MIT 6.S191 lecture 1; PyTorch's autograd notes",
)  # fmt: skip
def frozen_by_accident(r: Record) -> Symptom | None:
    frozen = [name for name in r.wiring.frozen if name in r.wiring.as_initialized]
    if not frozen or not near_baseline(r):
        return None  # frozen layers that were trained before are there on purpose
    return Symptom(
        f"{len(frozen)} tensors that were never trained are frozen, and {how_little(r)}",
        "frozen layers that were never trained feed noise to those that learn",
        "for parameter in model.parameters():\n    parameter.requires_grad_(True)",
        layer=frozen[0],
    )


@check(
    "D04", "the loss is detached from the parameters", Stage.WIRING, Severity.FATAL,
    "PyTorch's autograd notes",
)  # fmt: skip
def detached(r: Record) -> Symptom | None:
    tensors = len(r.wiring.without_gradient) + (r.wiring.trainable or 0)
    none = r.wiring.trainable == 0 and r.wiring.without_gradient and r.looks
    everything = none and (_starves(r) or not r.adversarial)  # whose parts take turns
    if r.wiring.cut_off and not everything and not r.adversarial:
        return _cut_off(r)
    if r.wiring.detached is None and not everything:
        return None
    said = f" ({r.wiring.detached})" if r.wiring.detached else ""
    return Symptom(
        f"after backward none of {tensors} trainable tensors has a gradient{said}",
        "between model and loss stands .detach(), .item(), .numpy(), .data or no_grad",
        "loss = loss_function(model(inputs), targets)  # tensors all the way",
    )


def _starves(r: Record) -> bool:
    """Whether the optimizer steps, but never gets a gradient."""
    return len(r.looks) > 1 and not any(look.gradients or look.moved for look in r.looks[-2:])


def _cut_off(r: Record) -> Symptom:
    modules = r.wiring.cut_off
    return Symptom(
        f"{len(modules)} modules have no gradient after backward though their results were "
        f"used (allowed: 0): {r.several(modules)}",
        "their result was taken on without its history, by .detach(), .data, .numpy() or "
        "no_grad",
        "x = self.encoder(inputs)  # without .detach()\n"
        "# what is not to learn: encoder.requires_grad_(False)",
        layer=modules[0],
        severity=Severity.SERIOUS,
    )


@check(
    "D30", "evaluated in training mode", Stage.WIRING, Severity.SERIOUS,
    "Karpathy 2019, A recipe for training neural networks",
)  # fmt: skip
def evaluated_in_training_mode(r: Record) -> Symptom | None:
    modules = r.wiring.training_in_evaluation
    if not modules or r.adversarial:
        return None
    often = 2 * r.wiring.evaluation_blocks >= max(r.step, FEWEST_STEPS)
    if often and not r.wiring.evaluated_with_loss:
        return None  # a part of each training step, such as labels that the model itself gives
    return Symptom(
        f"{len(modules)} modules were in training mode in a pass without training "
        f"(allowed: 0): {r.several(modules)}",
        "dropout still drops units, and batch norm uses, and moves, the statistics of the "
        "batch; two passes over the same data differ",
        "model.eval()\nwith torch.no_grad():\n    …\nmodel.train()",
        layer=modules[0],
    )


@check(
    "D31", "trained in evaluation mode", Stage.WIRING, Severity.SERIOUS,
    "Ioffe & Szegedy 2015, Batch normalization",
)  # fmt: skip
def trained_in_evaluation_mode(r: Record) -> Symptom | None:
    modules = r.wiring.evaluation_in_training
    if not modules:
        return None
    return Symptom(
        f"the model was in evaluation mode in {r.wiring.steps_in_evaluation} training steps "
        f"(allowed: 0); {r.several(modules)} behave otherwise then",
        "dropout does nothing, and batch norm never learns the statistics of the data",
        "model.train()  # before the training loop, and again after each evaluation",
        layer=modules[0],
    )


@check(
    "D31", "statistics of batch norm are stale", Stage.DYNAMICS, Severity.SERIOUS,
    "Ioffe & Szegedy 2015, Batch normalization, section 3.1",
)  # fmt: skip
def stale_statistics(r: Record) -> Symptom | None:
    slow = {
        name: momentum
        for name, momentum in r.wiring.momentum_of_statistics.items()
        if momentum is not None and momentum < SLOW_MOMENTUM
    }
    seen = _harm_of_stale(r) if slow else None
    if seen is None:
        return None  # usual statistics lag behind for some steps, while weights move fast
    name, momentum = next(iter(slow.items()))
    old = _as_at_first(r, name, momentum)
    return Symptom(
        f"{seen} (threshold: {STALE:g} and {STALE_BY:.0%} more); with momentum {momentum:g} "
        f"{old:.0%} of the statistics of {r.called(name)} are what they began with",
        "batch norm evaluates with running statistics, which do not follow those of the "
        "batches",
        "nn.BatchNorm1d(width, momentum=0.1)  # or collect them anew",
        layer=name,
    )


def _as_at_first(r: Record, name: str, momentum: float) -> float:
    """The share of running statistics that is still what they began with."""
    return (1 - momentum) ** (r.wiring.updates_before.get(name, 0) + r.step)


def _harm_of_stale(r: Record) -> str | None:
    """How much larger the loss is with the running statistics: on one batch, if that was tried,
    or in validation, where they are mostly what they began with."""
    evaluation = r.trials.get("loss in evaluation mode")
    training = r.trials.get("loss in training mode")
    if evaluation is not None and training is not None:
        what = "on the same training batch the loss is {:.3g} in evaluation mode"
    else:
        last = r.epochs[-1] if len(r.epochs) >= FEWEST_EPOCHS else None
        slow = [(n, m) for n, m in r.wiring.momentum_of_statistics.items() if m is not None]
        if last is None or all(_as_at_first(r, *each) < MOSTLY for each in slow):
            return None
        evaluation, training = last.validation_loss, last.train_loss
        what = "the loss is {:.3g} in validation"
    if evaluation is None or training is None:
        return None
    gap = evaluation - training
    if not gap > STALE or gap <= STALE_BY * training:
        return None
    return f"{what.format(evaluation)} and {training:.3g} in training mode"


@check(
    "D29", "dropout too high", Stage.DYNAMICS, Severity.SERIOUS,
    "Srivastava et al. 2014, section A.4",
)  # fmt: skip
def dropout_too_high(r: Record) -> Symptom | None:
    high = {name: p for name, p in r.wiring.dropout.items() if p > HIGH_DROPOUT}
    if not high or not near_baseline(r):
        return None
    name, p = max(high.items(), key=lambda pair: pair[1])
    return Symptom(
        f"dropout {p:g} (recommended: up to 0.5), and {how_little(r)}",
        "so few units are left that hardly anything of the input gets through",
        "nn.Dropout(0.5)",
        layer=name,
        remedy=("dropout", 0.5),
    )


def near_baseline(r: Record, doubt: float = 0.0) -> bool:
    """Whether the training has taught nothing yet, after enough steps.

    Args: doubt: of the accuracy, which is seen from few samples.
    """
    if r.step < ENOUGH_STEPS:
        return False
    useless = r.unexplained is not None and r.unexplained > HARDLY_FALLEN
    if r.accuracy is None or r.baseline is None:
        return useless
    if sum(r.data.class_counts.values()) < ENOUGH_SAMPLES:
        return False
    useless = useless and r.baseline < TOO_COMMON
    still = useless or (r.fallen or 1.0) > HARDLY_FALLEN
    return still and r.accuracy - r.baseline < NEAR_BASELINE + doubt


def how_little(r: Record) -> str:
    """What was taught by then, in words."""
    if r.accuracy is None:
        return f"after {r.step} steps {r.unexplained:.0%} of the targets' variance is left"
    return (
        f"after {r.step} steps the accuracy in training is {r.accuracy:.0%}, that of the "
        f"commonest class {r.baseline:.0%}"
    )
