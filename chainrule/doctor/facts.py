"""What the doctor knows of a training: numbers, names and counts, never arrays.

A Record is filled by looking at steps (look.py) and read by the checks (checks/). A fact that
is not known is None, or an empty list.
"""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LATEST = 4  # looks that tell the accuracy
ENOUGH_SAMPLES, NEARLY_ALL = 64, 0.95
#: losses whose least value, for outputs that do not look at the inputs, is an entropy
ENTROPIES = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"
)  # fmt: skip
LATEST = 20  # steps
MOST_NAMES = 3
LEARNED, FALLEN = 0.2, 0.7  # accuracy above the baseline; loss by the first


@dataclass(slots=True)
class Spread:
    """How the finite numbers of an array lie."""

    count: int = 0  # of all numbers
    nonfinite: int = 0
    mean: float = 0.0
    std: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def largest(self) -> float:
        """The largest magnitude."""
        return max(abs(self.low), abs(self.high))

    def joined(self, other: Spread | None) -> Spread:
        """How the numbers of both lie together."""
        if other is None or not other.count:
            return self
        n = self.count + other.count
        mean = (self.count * self.mean + other.count * other.mean) / n
        squares = sum(s.count * (s.std**2 + (s.mean - mean) ** 2) for s in (self, other)) / n
        low, high = min(self.low, other.low), max(self.high, other.high)
        bad = self.nonfinite + other.nonfinite
        return Spread(n, bad, mean, math.sqrt(max(squares, 0.0)), low, high)


@dataclass(slots=True)
class DataFacts:
    """What went into the model, over the batches that were looked at."""

    batches: int = 0  # looked at
    are_ids: bool = False  # whole numbers, as an embedding takes them
    inputs: Spread | None = None  # of the batch with the largest magnitude
    first_inputs: Spread | None = None  # of the first batch
    all_inputs: Spread | None = None  # of all batches together
    validation_inputs: Spread | None = None
    feature_ratio: float | None = None  # largest standard deviation by the smallest
    constant_features: list[int] = field(default_factory=list)
    bad_rows: list[int] = field(default_factory=list)  # of a batch: with NaN or infinity
    bad_columns: list[int] = field(default_factory=list)
    bad_step: int | None = None
    bad_targets: int = 0  # targets that are not finite
    targets: Spread | None = None  # of all batches together, of the loss that was told last
    targets_of: dict[str, Spread] = field(default_factory=dict)  # loss → its targets
    first_targets: dict[str, Spread] = field(default_factory=dict)  # those of its first batch
    distinct_targets: int | None = None  # up to 1000
    targets_are_whole: bool = False  # as class numbers are
    class_counts: Counter[int] = field(default_factory=Counter)
    #: classes and labels of each step
    batch_classes: list[tuple[int, int]] = field(default_factory=list)
    #: those of the last epoch, if the validation loss went up
    latest_classes: list[tuple[int, int]] = field(default_factory=list)
    largest_batch: int = 0
    last_batch: int = 0
    repeated_batches: int = 0  # that came again exactly, sample for sample
    overlap: float | None = None  # share of validation rows that were trained on
    #: validation went over the training data as a whole, to see how well that is fitted
    validated_on_training: bool = False


@dataclass(slots=True)
class WiringFacts:
    """How model, optimizers and modes hang together."""

    missing: list[str] = field(default_factory=list)  # trainable, but in no optimizer
    foreign: int = 0  # tensors of the optimizers that are not of the model
    frozen: list[str] = field(default_factory=list)  # parameters with requires_grad=False
    unregistered: list[str] = field(default_factory=list)  # used, but in no model or optimizer
    #: of the missing and the frozen ones: those that nothing has trained yet
    as_initialized: list[str] = field(default_factory=list)
    unused: int = 0  # gradients that were cleared before the optimizer had ever stepped
    stale_steps: int = 0  # in a row whose gradients were not cleared since the step before
    backwards: int = 1  # backward passes per step
    without_gradient: list[str] = field(default_factory=list)  # trainable, None after backward
    trainable: int | None = None  # tensors that have a gradient after backward
    #: modules without gradients, whose results went on without their history
    cut_off: list[str] = field(default_factory=list)
    detached: str | None = None  # what backward said of a loss that needs no gradient
    training_in_evaluation: list[str] = field(default_factory=list)  # modules, by name
    evaluation_in_training: list[str] = field(default_factory=list)
    steps_in_evaluation: int = 0
    dropout: dict[str, float] = field(default_factory=dict)  # module → probability
    momentum_of_statistics: dict[str, float | None] = field(default_factory=dict)
    updates_before: dict[str, int] = field(default_factory=dict)  # of them, before the watch
    kinds: dict[str, str] = field(default_factory=dict)  # path → class of each module
    vocabularies: set[int] = field(default_factory=set)  # sizes of those of embeddings
    evaluations: int = 0  # forward passes without gradients
    evaluation_blocks: int = 0  # those in a row, between two steps of training
    evaluated_with_loss: bool = False  # a loss was computed in such a pass


@dataclass(slots=True)
class LossFacts:
    """What a loss function was given."""

    name: str = ""  # of chainrule.functional, such as "cross_entropy"; "" for another formula
    input: Spread | None = None
    input_shape: tuple[int, ...] = ()
    target_shape: tuple[int, ...] = ()
    probabilities: bool = False  # the input lies in [0, 1], and rows of several sum to 1
    across_samples: bool = False  # each class's outputs sum to 1 over the batch, as of softmax
    silent_classes: int = 0  # columns of the input that are 0 for the whole batch
    output_std: float | None = None  # of the model's outputs over the samples of a batch
    known: bool = False  # backward starts from that loss, a multiple or a sum of such
    of_model: bool = False  # the input is the model's output
    tempered: bool = False  # the input is something times a number, or divided by one
    retrieval: bool = False  # (n, n) scores: each sample is a class of its own
    broadcast: tuple[tuple[int, ...], tuple[int, ...]] | None = None  # shapes blown up
    unlikely: bool = False  # log-probabilities are minimized, without a minus
    negated: bool = False  # the number that is minimized is a negated loss
    per_sample: bool = False  # there is one target for each sample
    weighted: bool = False  # classes have weights
    output_activation: str = ""  # the model ends in this: "Relu", "Sigmoid", "Softmax", "Tanh"


@dataclass(slots=True)
class StructureFacts:
    """How the model is built, read off one forward pass."""

    parameters: int = 0  # numbers
    contractions: int = 0  # products with weights: linear, convolution, recurrent
    nonlinear: int = 0  # nonlinear operations between input and output
    normalized: bool = False  # batch, layer or group normalization
    #: a layer, what is wrong about it ("its bias is undone by {}"), and the other layer
    notes: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class LayerFacts:
    """One module with parameters, or one activation, at one step."""

    kind: str = ""  # the class of the module
    gradient_norm: float | None = None
    weight_norm: float | None = None
    weight_std: float | None = None
    alike_units: bool = False  # all units have the same weights
    update_ratio: float | None = None  # ‖Δw‖ / ‖w‖ of the step
    decay_ratio: float | None = None  # weight decay · ‖w‖ / ‖g‖
    activation: Spread | None = None  # of the module's output
    dead: float | None = None  # share of ReLU units that are 0 for every sample of the batch
    samples: int = 0  # at how many samples and places each unit was seen
    saturated: float | None = None  # share of |tanh| > 0.95, or of a sigmoid beyond 0.025
    through_time: float | None = None  # gradient at the first time step by that at the last
    is_output: bool = False  # the activation is the model's output
    histogram: dict[str, Any] | None = None  # low, high, counts of the output

    @property
    def dead_share(self) -> float:
        """The share of dead units, as far as so few samples can tell: a unit that is seldom
        on may be off in all of them."""
        share = self.dead or 0.0
        return share if self.samples >= ENOUGH_SAMPLES or share >= NEARLY_ALL else 0.0


@dataclass(slots=True)
class Look:
    """One step, looked at from near."""

    step: int
    loss: float | None = None
    layers: dict[str, LayerFacts] = field(default_factory=dict)  # in the order of forward
    learning_rate: float | None = None
    weight_decay: float = 0.0
    gradient_norm: float | None = None
    update_ratio: float | None = None  # median over the weight tensors
    moved: float | None = None  # share of the trainable tensors that the step changed
    accuracy: float | None = None  # of the batch, where targets are classes
    recalls: dict[int, float] = field(default_factory=dict)  # per class, of the batch
    nonfinite_gradients: list[str] = field(default_factory=list)
    nonfinite_weights: list[str] = field(default_factory=list)

    @property
    def gradients(self) -> list[tuple[str, float]]:
        """Layers with their gradient norms, from the input to the output."""
        known = [(name, layer.gradient_norm) for name, layer in self.layers.items()]
        return [(name, norm) for name, norm in known if norm is not None]


@dataclass(slots=True)
class Epoch:
    """The scores after an epoch; accuracies from 0 to 1."""

    number: int
    train_loss: float | None = None
    validation_loss: float | None = None
    train_accuracy: float | None = None
    validation_accuracy: float | None = None
    validation_samples: int = 0
    recalls: dict[int, float] = field(default_factory=dict)  # per class, on validation data
    supports: dict[int, int] = field(default_factory=dict)  # samples per class


@dataclass(slots=True)
class NonFinite:
    """Where the first number that is not finite came up."""

    step: int
    part: str  # "forward" or "backward"
    primitive: str
    module: str  # path, or ""
    inputs: str  # the ranges of what went in
    rows: list[int]  # samples of the batch in which it shows
    line: str  # file and line of the program, or ""


@dataclass(slots=True)
class Record:
    """All that is known of a training so far."""

    model: str = ""
    optimizer: str = ""
    step: int = 0  # steps done
    data: DataFacts = field(default_factory=DataFacts)
    wiring: WiringFacts = field(default_factory=WiringFacts)
    loss: LossFacts = field(default_factory=LossFacts)
    structure: StructureFacts = field(default_factory=StructureFacts)
    looks: list[Look] = field(default_factory=list)
    #: at compiled steps, of gradients and weights only
    glances: list[Look] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)  # of training steps
    epochs: list[Epoch] = field(default_factory=list)
    nonfinite: NonFinite | None = None
    #: parts with optimizers of their own take turns, as in a GAN
    adversarial: bool = False
    ended: bool = False  # the training is over
    stopped_early: bool = False  # by a callback
    trials: dict[str, float] = field(default_factory=dict)  # results of probes, by name

    def called(self, path: str) -> str:
        """How a person is told of a module or a parameter: by its path, or where the name of a
        module is a number, "layer 0 (Linear)", and "weight of layer 0 (Linear)"."""
        kinds = self.wiring.kinds
        owner, _, name = path.rpartition(".")
        if path in kinds:
            return f"layer {path} ({kinds[path]})" if name.isdigit() else path or "the model"
        if owner and (of := self.called(owner)) != owner:
            return f"{name} of {of}"
        return path

    def several(self, paths: list[str]) -> str:
        """The first of them, as a person is told of them."""
        more = ", …" * (len(paths) > MOST_NAMES)
        return ", ".join(map(self.called, paths[:MOST_NAMES])) + more

    @property
    def first(self) -> Look | None:
        """The look at the very first step."""
        return self.looks[0] if self.looks and self.looks[0].step == 0 else None

    @property
    def last(self) -> Look | None:
        return self.looks[-1] if self.looks else None

    @property
    def accuracy(self) -> float | None:
        """That of the last looks together."""
        known = [k.accuracy for k in self.looks[-LATEST:] if k.accuracy is not None]
        return sum(known) / len(known) if known else None

    @property
    def doubt(self) -> float:
        """Two standard errors of that accuracy, which is seen from a few batches."""
        samples = len(self.looks[-LATEST:]) * self.data.last_batch
        return 2 * math.sqrt(0.25 / samples) if samples else 0.0

    @property
    def baseline(self) -> float | None:
        """The accuracy of always naming the commonest class."""
        counts = self.data.class_counts
        return max(counts.values()) / sum(counts.values()) if counts else None

    @property
    def unexplained(self) -> float | None:
        """The loss of the last looks by that of knowing only how the targets are distributed:
        their variance, or the entropy of the classes; None where that is not known."""
        y, counts = self.data.targets, self.data.class_counts
        if not self.loss.known or self.loss.weighted:
            return None
        if self.loss.name == "mse_loss":
            useless = 0.0 if y is None else y.std**2
        elif self.loss.name in ENTROPIES and counts:
            shares = [count / sum(counts.values()) for count in counts.values()]
            useless = -sum(share * math.log(share) for share in shares)
        else:
            return None
        level, unit = self.mean_loss(-LATEST, None), self._unit
        return level * unit / useless if useless and level is not None and unit else None

    @property
    def _unit(self) -> float | None:
        """The mean loss for one target by the number that is minimized, as the last look saw
        them: 1, but for sums and for parts of a step."""
        look = self.last
        if look is None or look.loss is None:
            return None
        units = []
        begin = bisect.bisect_left(self.losses, (look.step, -math.inf))
        for step, loss in itertools.islice(self.losses, begin, None):
            if step > look.step + 1:  # a compiled step is counted before its loss
                break
            if loss:
                units.append(look.loss / loss)
        return min(units, key=lambda unit: abs(unit - 1), default=None)

    def mean_loss(self, first: int, last: int | None) -> float | None:
        """The mean of some of the losses, counted as in a slice; None where none is finite."""
        known = [loss for _, loss in self.losses[first:last] if math.isfinite(loss)]
        return sum(known) / len(known) if known else None

    @property
    def fallen(self) -> float | None:
        """The latest losses by the first ones."""
        count = min(10, len(self.losses) // 3)
        known = [loss for _, loss in self.losses[:count] if math.isfinite(loss)]
        begin = statistics.median(known) if known else None  # one that leaps up is no beginning
        now = self.mean_loss(-count, None) if count else None
        return now / begin if begin and begin > 0 and now is not None else None

    @property
    def learns(self) -> bool:
        """Whether the loss, or the accuracy, shows that something was learned."""
        better = self.accuracy is not None and self.baseline is not None
        if better and self.accuracy - self.baseline > LEARNED:  # type: ignore[operator]
            return True
        return self.fallen is not None and self.fallen < FALLEN

    @property
    def is_of_symbols(self) -> bool:
        """Whether the classes are the symbols of a text, of which the next one is learned."""
        return self.classes in self.wiring.vocabularies

    @property
    def classes(self) -> int | None:
        """How many classes there are, where targets are class numbers."""
        shape = self.loss.input_shape
        if self.loss.name in ("cross_entropy", "nll_loss") and len(shape) > 1:
            return shape[1]
        return None
