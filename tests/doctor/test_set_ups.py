"""The twenty broken set-ups and the healthy ones, as a score."""

import warnings

import numpy as np
import pytest
from set_up_data import Drawn, Real
from sick_trainings import broken, healthy
from well_trainings import KINDS, Watched

import chainrule as cr

RIGHT = 18  # of twenty, at least
SOON = 50  # steps in which what is fatal is said
#: said when an epoch is over, or only after many
LATE = {"G12", "G16", "G17"}


def diagnose(make, seed, compiled, to_the_end=True):
    """The codes that are found, the first one first, and the step of the first."""
    cr.manual_seed(seed)
    training = make()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        training.run(compiled, to_the_end=to_the_end)
    found = training.found
    return [f.code for f in found], found[0].step if found else None


def score(seed, compiled, tables=Drawn, ids=None):
    """How many first findings are right, and which fatal ones come late.

    What comes after the first finding changes neither; with seed 0 it is seen to as well.
    """
    right, late = 0, []
    for id, (expected, make) in broken(seed, tables).items():
        if ids is not None and id not in ids:
            continue
        codes, step = diagnose(make, seed, compiled, to_the_end=seed == 0)
        right += codes[:1] == [expected]
        if id not in LATE and (step is None or step > SOON):
            late.append((id, step))
    return right, late


SLOW = pytest.mark.slow
RUNS = [
    pytest.param(seed, compiled, id=f"{seed}-{how}", marks=SLOW if seed or compiled else ())
    for seed in range(3)
    for compiled, how in ((False, "eager"), (True, "compiled"))
]
#: the set-ups that train on a table
TABLES = ("G06", "G13", "G14", "G15", "G18")
#: every third is a part of the usual run
OTHERS = [pytest.param(k, marks=SLOW if i % 3 else ()) for i, k in enumerate(sorted(KINDS))]


@pytest.mark.parametrize(("seed", "compiled"), RUNS)
def test_at_least_eighteen_of_twenty_are_right(seed, compiled):
    right, late = score(seed, compiled)
    assert right >= RIGHT
    assert late == []


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", sorted(healthy(0)))
def test_the_healthy_are_left_alone(name, compiled):
    assert diagnose(healthy(0)[name], 0, compiled)[0] == []


@pytest.mark.parametrize(("seed", "compiled"), RUNS)
def test_real_tables_are_no_harder(seed, compiled):
    pytest.importorskip("sklearn.datasets", reason="the tables come with scikit-learn")
    assert score(seed, compiled, Real, TABLES) == (len(TABLES), [])
    for name in ("table", "regression"):
        assert diagnose(healthy(seed, Real)[name], seed, compiled)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", sorted(healthy(0)))
def test_the_healthy_are_left_alone_with_other_seeds(name, seed):
    assert diagnose(healthy(seed)[name], seed, compiled=False)[0] == []


@pytest.mark.parametrize("name", OTHERS)
def test_other_kinds_of_healthy_trainings_are_left_alone(name):
    cr.manual_seed(0)
    watched = Watched()
    KINDS[name](watched)
    assert [str(finding) for finding in watched.end()] == []
