"""Each check on facts made by hand: it speaks beyond its threshold, and not before."""

import math
from collections import Counter

import pytest

import chainrule as cr
from chainrule.doctor import checks as checks
from chainrule.doctor.facts import (
    Epoch,
    LayerFacts,
    Look,
    NonFinite,
    Record,
    Spread,
)
from chainrule.doctor.finding import CHECKS, Severity, spelled
from chainrule.doctor.measures import (
    alike_units,
    as_initialized,
    dead_units,
    is_part,
    is_standard_normal,
    relative_step,
)
from chainrule.doctor.reasoning import add_causes, symptoms
from chainrule.errors import findings


def record(losses=(2.3,) * 60, **facts):
    """A classification of ten classes that learns nothing but is sound."""
    r = Record("Net", "SGD", step=len(losses))
    r.losses = list(enumerate(losses))
    r.data.inputs = Spread(320, 0, 0.0, 1.0, -3.0, 3.0)
    r.data.class_counts = Counter(dict.fromkeys(range(10), 30))
    r.data.largest_batch = r.data.last_batch = 32
    r.loss.name, r.loss.input_shape, r.loss.target_shape = "cross_entropy", (32, 10), (32,)
    r.loss.input = Spread(320, 0, 0.0, 1.0, -3.0, 3.0)
    r.loss.known = r.loss.of_model = r.loss.per_sample = True
    r.structure.contractions, r.structure.nonlinear = 2, 1
    r.looks = [look(0), look(50)]
    for path, value in facts.items():
        part, _, name = path.partition("__")
        setattr(getattr(r, part), name, value) if name else setattr(r, part, value)
    return r


def look(step, ratio=0.002, **layer):
    """A sound step; what is given is changed in the first layer."""
    first = LayerFacts("Linear", 0.5, 5.0, 0.1, samples=256, **layer)
    found = Look(step, 2.3, {"0": first, "2": LayerFacts("Linear", 0.5, 5.0, 0.1)}, 0.1)
    found.gradient_norm, found.update_ratio, found.moved, found.accuracy = 0.7, ratio, 1.0, 0.5
    return found


def looks(**options):
    return [look(0, **options), look(50, **options)]


def at(accuracy, **options):
    """Looks with an accuracy."""
    seen = looks(**options)
    for each in seen:
        each.accuracy = accuracy
    return seen


def norms(first, last=0.5):
    seen = looks()
    for each in seen:
        each.layers["0"].gradient_norm = first
        each.layers["1"] = LayerFacts("Linear", 0.1)
        each.layers["2"].gradient_norm = last
    return seen


def decayed(kept):
    seen = looks()
    for each in seen:
        each.weight_decay = 1.0
    seen[1].accuracy = seen[0].accuracy = 0.1
    for layer in seen[1].layers.values():
        layer.weight_norm, layer.decay_ratio = kept * 5.0, 3.0
    return seen


def lost():
    seen = looks()
    seen[1].nonfinite_weights = ["0.weight"]
    return seen


def epochs(train, *validation, **last):
    made = [Epoch(i + 1, train, v, train, 0.7, 400) for i, v in enumerate(validation)]
    for name, value in last.items():
        setattr(made[-1], name, value)
    return made


def spread(mean=0.0, std=1.0, low=-3.0, high=3.0, count=320):
    return Spread(count, 0, mean, std, low, high)


NAN = NonFinite(3, "forward", "Log", "head", "from -1 to 1", [2], "train.py:7")
REGRESSION = {"loss__name": "mse_loss", "loss__input_shape": (32, 1)}
ALIKE = {"looks": looks(alike_units=True)}
RISING = [1.0] * 20 + [4.0] * 40
FALLING = [2.3] * 20 + [0.5] * 40

#: code → (facts beyond the threshold, facts before it)
CASES = {
    "D01": ({"wiring__stale_steps": 17}, {"wiring__stale_steps": 16}),
    "D02": (
        {"wiring__missing": ["0.weight"], "wiring__as_initialized": ["0.weight"]},
        {"wiring__missing": []},
    ),
    "D03": (
        {"wiring__frozen": ["a"], "wiring__as_initialized": ["a"], "looks": at(0.19)},
        {"wiring__frozen": ["a"], "wiring__as_initialized": ["a"], "looks": at(0.21)},
    ),
    "D04": (
        {"wiring__without_gradient": ["a"], "wiring__trainable": 0},
        {"wiring__without_gradient": ["a"], "wiring__trainable": 1},
    ),
    "D05": (
        {"loss__probabilities": True},
        {"loss__probabilities": True, "loss__name": "nll_loss", "loss__input": spread(high=0)},
    ),
    "D06": (
        {"loss__input": spread(1, 0, 1, 1), "loss__input_shape": (32, 1)},
        {"loss__input": spread(1, 0.1, 0.9, 1), "loss__input_shape": (32, 1)},
    ),
    "D07": (
        {"loss__name": "binary_cross_entropy", "data__targets": spread(low=-1, high=1)},
        {"loss__name": "binary_cross_entropy", "data__targets": spread(low=0, high=1)},
    ),
    "D08": ({"loss__broadcast": ((32, 1), (32,))}, {"loss__broadcast": None}),
    "D09": (
        {**REGRESSION, "data__targets": spread(2, 1, 0, 3), "data__targets_are_whole": True,
         "data__distinct_targets": 4},
        {**REGRESSION, "data__targets": spread(9, 5, 0, 40), "data__targets_are_whole": True,
         "data__distinct_targets": 21},
    ),
    "D10": ({"loss__negated": True}, {"loss__negated": True, "loss__of_model": False}),
    "D11": ({"data__bad_targets": 1}, {"data__bad_targets": 0}),
    "D12": (
        {"data__inputs": spread(high=21), "looks": looks(dead=0.5)},
        {"data__inputs": spread(high=19), "looks": looks(dead=0.4)},
    ),
    "D13": (
        {"data__inputs": spread(std=0.01, low=0, high=0.05)},
        {"data__inputs": spread(std=0.01, low=0, high=0.05), "losses": FALLING},
    ),
    "D14": (
        {**REGRESSION, "data__targets": spread(150, 70, 0, 300), "looks": looks(ratio=0.2)},
        {**REGRESSION, "data__targets": spread(5, 1, 0, 9), "looks": looks(ratio=0.2)},
    ),
    "D15": (ALIKE, {"looks": [look(0, alike_units=True), look(50)]}),
    "D16": ({"first_loss": 4.7}, {"first_loss": 4.5}),
    "D17": ({"nonfinite": NAN, "looks": lost()}, {"nonfinite": None}),
    "D18": ({"looks": looks(ratio=0.31)}, {"looks": looks(ratio=0.29)}),
    "D19": ({"looks": at(0.1, ratio=9e-6)}, {"looks": at(0.1, ratio=2e-5)}),
    "D20": ({"looks": norms(4e-5)}, {"looks": norms(2e-4)}),
    "D21": ({"looks": looks(dead=0.5)}, {"looks": looks(dead=0.49)}),
    "D22": ({"looks": looks(saturated=0.51)}, {"looks": looks(saturated=0.5)}),
    "D23": ({"structure__nonlinear": 0}, {"structure__nonlinear": 0, "looks": at(0.96)}),
    "D24": (
        {"data__batch_classes": [(2, 32)] * 3},
        {"data__batch_classes": [(7, 32)] * 3},
    ),
    "D25": ({"data__overlap": 0.02}, {"data__overlap": 0.01}),
    "D26": (
        {"trials": {"one batch": 0.2, "true labels": 1.0}, "looks": at(0.1)},
        {"trials": {"one batch": 0.2, "true labels": 4.0}, "looks": at(0.1)},
    ),
    "D27": (
        {"epochs": epochs(0.95, 1.0, *[1.3] * 5)},
        {"epochs": epochs(0.95, 1.0, *[1.2] * 5)},
    ),
    "D28": ({"looks": decayed(0.7)}, {"looks": decayed(0.9)}),
    "D29": (
        {"wiring__dropout": {"1": 0.8}, "looks": at(0.1)},
        {"wiring__dropout": {"1": 0.7}, "looks": at(0.1)},
    ),
    "D30": (
        {"wiring__training_in_evaluation": ["1"], "wiring__evaluation_blocks": 3},
        {"wiring__training_in_evaluation": ["1"], "wiring__evaluation_blocks": 60},
    ),
    "D31": (
        {"wiring__momentum_of_statistics": {"1": 0.0},
         "trials": {"loss in evaluation mode": 1.0, "loss in training mode": 0.6}},
        {"wiring__momentum_of_statistics": {"1": 0.0},
         "trials": {"loss in evaluation mode": 0.8, "loss in training mode": 0.6}},
    ),
    "D32": (
        {"data__class_counts": Counter({0: 400, 1: 20}),
         "epochs": epochs(0.9, 1, 1, 1, recalls={0: 0.99, 1: 0.4}, supports={0: 400, 1: 20})},
        {"data__class_counts": Counter({0: 400, 1: 20}),
         "epochs": epochs(0.9, 1, 1, 1, recalls={0: 0.99, 1: 0.6}, supports={0: 400, 1: 20})},
    ),
    "D33": (
        {"trials": {"the same rate": 1.0, "a tenth of the rate": 0.85}},
        {"trials": {"the same rate": 1.0, "a tenth of the rate": 0.95}},
    ),
    "D34": (
        {"ended": True, "epochs": epochs(1.0, 1, 1, 1, train_loss=0.9)},
        {"ended": True, "epochs": epochs(1.0, 1, 1, 1, train_loss=0.96)},
    ),
    "D35": (
        {"data__all_inputs": spread(), "data__validation_inputs": spread(0.6)},
        {"data__all_inputs": spread(), "data__validation_inputs": spread(0.4)},
    ),
    "D36": ({"data__repeated_batches": 3}, {"data__repeated_batches": 2}),
    "D37": ({"structure__notes": [("0", "its bias is undone by {}", "1")]}, {}),
}  # fmt: skip


def codes_of(facts):
    facts = dict(facts)
    first = facts.pop("first_loss", None)
    r = record(facts.pop("losses", (2.3,) * 60), **facts)
    if first is not None:
        r.looks = [Look(0, first, {}, 0.1, accuracy=0.1)]
    faults, notes = symptoms(r)
    return {finding.code for finding in [*faults, *notes]}


@pytest.mark.parametrize("code", sorted(CASES))
def test_a_check_speaks_beyond_its_threshold(code):
    beyond, before = CASES[code]
    assert code in codes_of(beyond)
    assert code not in codes_of(before)


def test_there_is_nothing_to_say_of_sound_facts():
    assert codes_of({}) == codes_of({"losses": FALLING}) == set()


def test_every_check_has_a_case_and_a_page():
    codes = {check.code for check in CHECKS}
    assert codes == set(CASES) == set(findings())
    for code in codes:
        page = cr.explain(code)
        assert page.startswith(f"# {code}: ")
        for part in ("What it means", "How the doctor sees it", "Why it happens", "What to do"):
            assert f"**{part}.**" in page
        assert "Source: " in page


@pytest.mark.parametrize(
    "other",
    [
        {"loss__known": False},  # policy gradients
        {"adversarial": True},
        {"looks": looks(ratio=0.01)},  # steps too small to have done it
    ],
)
def test_a_risen_loss_is_only_a_fault_where_it_should_fall(other):
    steps = {"losses": RISING, "looks": looks(ratio=0.05)}
    assert "D18" in codes_of(steps)
    assert "D18" not in codes_of(steps | other)


def test_a_rate_that_still_rises_is_not_too_low():
    seen = at(0.1, ratio=5e-6)
    seen[0].learning_rate, seen[1].learning_rate = 0.001, 0.1
    assert "D19" not in codes_of({"looks": seen})


def test_few_samples_do_not_tell_which_units_are_dead():
    seen = looks(dead=0.6)
    for each in seen:
        each.layers["0"].samples = 32
    assert "D21" not in codes_of({"looks": seen})


def test_units_that_die_while_the_network_learns_are_a_note():
    facts = {"losses": FALLING, "looks": [look(0), look(40, dead=0.6), look(50, dead=0.6)]}
    faults, notes = symptoms(record(**facts))
    assert (faults, [note.code for note in notes]) == ([], ["D21"])


def test_the_earliest_stage_is_the_cause():
    r = record(wiring__stale_steps=50, looks=looks(dead=1.0), loss__probabilities=True)
    known = []
    (cause,) = add_causes(known, symptoms(r)[0])
    assert cause.code == "D01"
    assert cause.severity is Severity.FATAL
    assert len(cause.consequences) == 2
    assert add_causes(known, symptoms(r)[0]) == []


def test_spreads_join_as_if_they_were_one():
    a, b = Spread(2, 0, 1.0, 1.0, 0.0, 2.0), Spread(2, 1, 5.0, 1.0, 4.0, 6.0)
    joined = a.joined(b)
    assert (joined.count, joined.nonfinite, joined.mean) == (4, 1, 3.0)
    assert joined.std == pytest.approx(math.sqrt(5))
    assert (joined.low, joined.high) == (0.0, 6.0)


def test_weights_that_begin_at_zero_are_not_moved_infinitely_far():
    zero = cr.zeros(8, 16).numpy()
    assert relative_step(zero, zero) == 0
    assert relative_step(zero, zero + 0.01) == pytest.approx(0.01 * 4 * math.sqrt(3))


def test_a_weight_is_known_to_be_as_it_began():
    cr.manual_seed(0)
    layer = cr.nn.Linear(64, 64)
    assert as_initialized(layer.weight.detach().numpy())
    assert not as_initialized(1.5 * layer.weight.detach().numpy())
    assert not as_initialized(cr.randn(64, 64).numpy())


def test_recurrent_weights_and_embeddings_are_known_to_be_as_they_began():
    cr.manual_seed(0)
    layer = cr.nn.GRU(12, 32)
    for weight in (layer.weight_ih_l0, layer.weight_hh_l0):
        assert as_initialized(weight.detach().numpy())
    embedding = cr.nn.Embedding(50, 16, padding_idx=0).weight.detach()
    assert is_standard_normal(embedding.numpy())
    assert not is_standard_normal(1.3 * embedding.numpy())
    assert not is_standard_normal(embedding.numpy() ** 3)


def test_what_a_module_gave_is_known_in_another_shape_or_of_one_time():
    y = cr.randn(4, 5, 3)
    for x in (y, y[:, -1], y[0], y.reshape(4, 15)):
        assert is_part(x, y)
    assert not is_part(y[:, -1] + 1, y)
    assert not is_part(y[:, 1:3], y)


def test_where_gradients_are_lost_in_time_labels_are_not_blamed():
    seen = at(0.1)
    for each in seen:
        each.layers["0"].through_time = 0.0
    trials = {"one batch": 0.2, "true labels": 1.0}
    facts = {"looks": seen, "trials": trials, "losses": (2.3,) * 200}
    assert codes_of(facts) == {"D20"}
    for each in seen:
        each.layers["0"].through_time = 0.1
    assert codes_of(facts) == {"D26"}


def test_a_single_unit_is_alike_where_all_its_weights_are():
    assert alike_units(cr.full((1, 8), 0.1).numpy())
    assert not alike_units(cr.randn(1, 8).numpy())
    assert alike_units(cr.randn(1, 8).expand(4, 8).numpy())


def test_modules_are_named_as_a_program_names_them():
    assert spelled("") == "model"
    assert spelled("net.0.cell") == "model.net[0].cell"


def test_dead_units_of_rows_images_and_sequences():
    rows = cr.tensor([[0.0, 1.0], [0.0, 0.0]]).numpy()
    assert dead_units(rows) == 0.5
    assert dead_units(rows.reshape(1, 2, 2)) == 0.5
    images = cr.zeros(4, 3, 2, 2)
    images[0, 1] = 1
    assert dead_units(images.numpy()) == pytest.approx(2 / 3)
