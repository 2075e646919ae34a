"""Faults of loss and output: formulas that do not fit together."""

from __future__ import annotations

import math

from chainrule.doctor.checks.data import REGRESSION
from chainrule.doctor.facts import LossFacts, Record, Spread
from chainrule.doctor.finding import Severity, Stage, Symptom, check

WITH_LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")
NEVER_NEGATIVE = ("cross_entropy", *REGRESSION, *WITH_LOGITS, "binary_cross_entropy")
#: activations at whose end logits do not belong
BOUNDED = {"Relu": "ReLU", "Tanh": "tanh"}
FEW_VALUES = 20
MOST_NOTES = 3
BOUNDLESS = -10.0
GOOD_LINEAR = 0.95  # accuracy with which a linear model is no fault
LARGE_UPDATE = 0.1
SLACK = 1e-6  # of rounding
#: functions with a border, and how to stay inside
GUARDS = {
    "Log": "torch.log(x.clamp(min=1e-8))  # or log_softmax, logsigmoid of the logits",
    "Log2": "torch.log2(x.clamp(min=1e-8))",
    "Log10": "torch.log10(x.clamp(min=1e-8))",
    "Log1p": "torch.log1p(x.clamp(min=-1 + 1e-8))",
    "Sqrt": "torch.sqrt(x.clamp(min=1e-8))",
    "Divide": "a / (b + 1e-8)  # with b >= 0",
    "Power": "(x.clamp(min=1e-8)) ** p",
    "Exp": "torch.exp(x.clamp(max=80))  # or logsumexp, softmax",
    "Arccos": "torch.acos(x.clamp(-1 + 1e-7, 1 - 1e-7))",
    "Arcsin": "torch.asin(x.clamp(-1 + 1e-7, 1 - 1e-7))",
}
#: what the last activation of a model can give
RANGES = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Relu": (0.0, float("inf"))}


@check(
    "D05", "softmax or sigmoid before a loss that takes logits", Stage.LOSS, Severity.SERIOUS,
    "Karpathy 2019, A recipe for training neural networks",
)  # fmt: skip
def probabilities_as_logits(r: Record) -> Symptom | None:
    facts = r.loss
    if facts.name == "nll_loss" and facts.input is not None and facts.input.high > SLACK:
        return _not_logarithms(facts.input)
    sigmoid = facts.output_activation == "Sigmoid"
    if facts.name not in WITH_LOGITS or facts.input is None:
        return None
    if not facts.probabilities and not sigmoid:
        return None
    width = facts.input_shape[1] if len(facts.input_shape) > 1 else 1
    several = facts.name == "cross_entropy" and width > 1 and not sigmoid
    if not several and not sigmoid:
        return None  # logits of one output may lie in [0, 1] by chance
    what = "softmax" if several else "sigmoid"
    return Symptom(
        f"{facts.name} was given numbers from {facts.input.low:.3g} to {facts.input.high:.3g}"
        + (", whose rows sum to 1" if several else ", those of a sigmoid")
        + "; logits are unbounded",
        f"{facts.name} takes the {what} itself; taken twice, it can neither become certain "
        "nor give much of a gradient",
        f"# remove the {what} at the end of the model\nloss = F.{facts.name}(logits, targets)",
        remedy=("logits",),
    )


def _not_logarithms(given: Spread) -> Symptom:
    return Symptom(
        f"nll_loss was given numbers from {given.low:.3g} to {given.high:.3g}; logarithms of "
        "probabilities are at most 0",
        "nll_loss takes no logarithm: of plain outputs it only makes the one larger, without "
        "bound",
        "loss = F.cross_entropy(outputs, targets)  # or nll_loss of F.log_softmax(outputs, 1)",
    )


@check(
    "D06", "an output activation that hides the answer", Stage.LOSS, Severity.FATAL,
    "Zhang et al. 2021, AutoTrainer",
)  # fmt: skip
def wrong_output_activation(r: Record) -> Symptom | None:
    facts = r.loss
    x = facts.input
    if x is None or not facts.input_shape:
        return None
    single = len(facts.input_shape) == 1 or facts.input_shape[-1] == 1
    if single and x.count > 1 and x.std == 0 and x.low == 1:
        return Symptom(
            f"the output is {x.low:g} for all {x.count} samples, whatever the weights "
            "(standard deviation 0, healthy: above 0.2)",
            "a softmax over a single unit is always 1",
            "model = nn.Sequential(…, nn.Linear(width, 1))\n"
            "loss = F.binary_cross_entropy_with_logits(model(inputs), targets)",
            remedy=("logits",),
        )
    if facts.across_samples:
        return Symptom(
            f"the outputs for each of the {facts.input_shape[1]} classes sum to 1 over the "
            f"{facts.input_shape[0]} samples of a batch; those of a sample should",
            "the softmax goes over the samples, which so compete with each other",
            "outputs = F.softmax(x, dim=1)  # not dim=0; and none at all before cross_entropy",
            severity=Severity.SERIOUS,
        )
    if facts.name in WITH_LOGITS and facts.output_activation in BOUNDED:
        return _bounded(facts)
    return None


def _bounded(facts: LossFacts) -> Symptom:
    """Logits that cannot say everything."""
    several = facts.name == "cross_entropy" and len(facts.input_shape) > 1
    classes = facts.input_shape[1] if several else 2
    if facts.output_activation == "Tanh":
        surest = 1 / (1 + (classes - 1) * math.exp(-2)) if several else 1 / (1 + math.exp(-1))
        evidence = f"a tanh makes the logits: no class is given more than {surest:.0%}"
        cause = "between -1 and 1 there is no room for being certain"
    elif several:
        evidence = (
            f"a ReLU makes the logits; {facts.silent_classes} of {classes} are 0 for the whole "
            "batch"
        )
        cause = "a class whose logit is cut off at 0 gets no gradient to come back"
    else:
        evidence = "a ReLU makes the logits: none is below 0, no probability below 50%"
        cause = "what is cut off at 0 is the answer no, and has no gradient"
    return Symptom(
        evidence,
        cause,
        f"# remove the {BOUNDED[facts.output_activation]} behind the last layer",
        severity=Severity.SERIOUS,
    )


@check(
    "D07", "targets out of the range of the outputs", Stage.LOSS, Severity.SERIOUS,
    "Wardat et al. 2022, DeepDiagnosis",
)  # fmt: skip
def targets_out_of_range(r: Record) -> Symptom | None:
    y, name = r.data.targets, r.loss.name
    if y is None:
        return None
    low, high = float("-inf"), float("inf")
    if name.startswith("binary_cross_entropy"):
        low, high = 0.0, 1.0
    elif name in REGRESSION:
        low, high = RANGES.get(r.loss.output_activation, (low, high))
    if y.low >= low - SLACK and y.high <= high + SLACK:
        return None
    return Symptom(
        f"targets go from {y.low:.4g} to {y.high:.4g}, outputs and {name} from {low:g} to "
        f"{high:g}",
        "what lies outside cannot be reached, and pulls the outputs to their end",
        "targets = (targets + 1) / 2  # from -1, 1 to 0, 1"
        if y.low == -1 and low == 0
        else "# end the model with nn.Linear, or scale the targets into the range",
        remedy=("targets to 0, 1",) if y.low == -1 and y.high == 1 and low == 0 else None,
    )


@check(
    "D08", "outputs and targets are broadcast against each other", Stage.LOSS, Severity.FATAL,
    "Braiek & Khomh 2023, TheDeepChecker",
)  # fmt: skip
def broadcast(r: Record) -> Symptom | None:
    if r.loss.broadcast is None:
        return None
    a, b = r.loss.broadcast
    n = max(*a, *b)
    return Symptom(
        f"the loss combines shapes {a} and {b} into {(n, n)}; equal shapes are expected",
        "each output is compared with every target, and learns their mean",
        "loss = F.mse_loss(outputs, targets.unsqueeze(1))  # (n, 1) and (n, 1)",
        remedy=("unsqueeze targets",),
    )


@check(
    "D09", "a regression loss for classes", Stage.LOSS, Severity.NOTE,
    "Cao et al. 2022, DeepFD",
)  # fmt: skip
def regression_of_classes(r: Record) -> Symptom | None:
    y, count = r.data.targets, r.data.distinct_targets or 0
    single = r.loss.input_shape[1:] in ((), (1,))
    if r.loss.name not in REGRESSION or y is None or not single:
        return None
    if not r.data.targets_are_whole or not 2 <= count <= FEW_VALUES or y.low < 0:
        return None
    return Symptom(
        f"the {count} values of the targets are whole numbers from {y.low:g} to {y.high:g}, "
        f"and the loss is {r.loss.name}",
        "if they name classes, their distances mean nothing",
        "model = nn.Sequential(…, nn.Linear(width, classes))\n"
        "loss = F.cross_entropy(model(inputs), targets)",
    )


@check(
    "D10", "the loss has the wrong sign", Stage.LOSS, Severity.FATAL,
    "Zhang et al. 2021, AutoTrainer",
)  # fmt: skip
def wrong_sign(r: Record) -> Symptom | None:
    if r.loss.unlikely and not r.adversarial:
        return _unlikely(r)
    if r.adversarial or not r.loss.known or (r.loss.negated and not r.loss.of_model):
        return None  # what another network makes of it may well be turned round
    last = r.losses[-1][1] if r.losses else 0.0
    below = r.loss.name in NEVER_NEGATIVE and last < 0
    boundless = r.loss.name in NEVER_NEGATIVE and last < BOUNDLESS
    if not r.loss.negated and not below and not boundless:
        return None
    return Symptom(
        f"the loss is {last:.4g} at step {r.step}; {r.loss.name} is never below 0",
        "its negative is minimized, so that the network learns to be wrong"
        if r.loss.negated
        else "targets outside of [0, 1] make it negative, and nothing bounds it below",
        "loss = F." + r.loss.name + "(outputs, targets)  # without a minus"
        if r.loss.negated
        else "# give targets between 0 and 1",
        remedy=("sign",),
    )


def _unlikely(r: Record) -> Symptom:
    return Symptom(
        f"the loss is {r.losses[-1][1] if r.losses else 0.0:.4g} at step {r.step}: a mean of "
        "log-probabilities, which are never above 0 (expected: its negative)",
        "whoever minimizes a log-probability makes the true answers ever less likely",
        "loss = -log_probabilities.mean()  # or F.nll_loss(log_probabilities, targets)",
    )


@check(
    "D17", "a formula outside of its domain", Stage.LOSS, Severity.FATAL,
    "Goodfellow et al. 2016, section 4.1",
)  # fmt: skip
def outside_of_domain(r: Record) -> Symptom | None:
    n = r.nonfinite
    if n is None or n.part != "forward" or n.primitive not in GUARDS:
        return None
    look = r.last
    if look is not None and (look.update_ratio or 0.0) > LARGE_UPDATE:
        return None  # the weights were blown up before
    return Symptom(
        where_it_began(r),
        f"{n.primitive} has no finite value there",
        GUARDS[n.primitive],
        layer=n.module or None,
        step=n.step,
    )


def where_it_began(r: Record) -> str:
    """The first number that was not finite, in words."""
    n = r.nonfinite
    if n is None:
        return ""
    where = f" in {r.called(n.module)}" if n.module else ""
    rows = f", rows {', '.join(map(str, n.rows[:5]))}" if n.rows and n.part == "forward" else ""
    line = f", {n.line}" if n.line else ""
    return (
        f"at step {n.step} {n.primitive}{where} gave the first number that is not finite, in "
        f"the {n.part} pass{rows}{line}; its inputs went {n.inputs}"
    )


@check(
    "D23", "no nonlinearity between the layers", Stage.LOSS, Severity.SERIOUS,
    "Schoop et al. 2021, UMLAUT; Goodfellow et al. 2016, section 6.1",
)  # fmt: skip
def missing_nonlinearity(r: Record) -> Symptom | None:
    facts = r.structure
    if facts.contractions < 2 or facts.nonlinear:
        return None
    if r.accuracy is not None and r.accuracy >= GOOD_LINEAR:
        return None
    return Symptom(
        f"{facts.contractions} layers with weights, and {facts.nonlinear} nonlinear operations "
        "between them (expected: at least 1)",
        "layers without anything between them are one linear layer",
        "nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c))",
        severity=Severity.NOTE if _answers_with_inputs(r) else Severity.SERIOUS,
        remedy=("relu",),
    )


def _answers_with_inputs(r: Record) -> bool:
    """Whether the targets are the inputs, as of a linear autoencoder."""
    x, y = r.data.all_inputs, r.data.targets
    if x is None or y is None or r.loss.name not in REGRESSION:
        return False
    same = x.count == y.count and (x.low, x.high) == (y.low, y.high)
    return same and math.isclose(x.std, y.std, rel_tol=1e-3)


@check(
    "D37", "layers that do not go well together", Stage.LOSS, Severity.NOTE,
    "Nikanjam et al. 2021, NeuraLint",
)  # fmt: skip
def odd_neighbours(r: Record) -> Symptom | None:
    notes = r.structure.notes
    if not notes:
        return None
    told = [f"{r.called(a)}: {what.format(r.called(b))}" for a, what, b in notes[:MOST_NOTES]]
    return Symptom(
        "; ".join(told) + "; …" * (len(notes) > MOST_NOTES),
        "batch norm subtracts the mean, and any bias with it; it needs steady statistics",
        "nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), nn.ReLU(), nn.Dropout(p)",
        layer=notes[0][0],
    )
