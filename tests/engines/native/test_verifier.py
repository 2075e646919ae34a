"""The verifier: it accepts what is planned, and nothing that went wrong since."""

import copy
import itertools
import re
from dataclasses import replace

import pytest
from recorded import plan_of

import chainrule as cr
from chainrule import nn, optim
from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.graph.nodes import PRODUCT
from chainrule.engines.native.planning import in_place
from chainrule.engines.native.planning.regions import Region
from chainrule.engines.native.planning.verifier import verify, verify_lives
from chainrule.functional.scan import scan
from chainrule.nn import functional as F


def training(model, optimizer, x, y):
    """The plan of a training step."""

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return plan_of(step, x, y)


def adam():
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = optim.Adam(model.parameters())
    return training(model, optimizer, cr.randn(8, 16), cr.randint(0, 4, (8,)))


def images():
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Flatten(), nn.Linear(64, 4),
    )  # fmt: skip
    optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.9)
    return training(model, optimizer, cr.randn(4, 3, 10, 10), cr.randint(0, 4, (4,)))


class Last(nn.Module):
    """A network's last state in time, as logits."""

    def __init__(self, layer):
        super().__init__()
        self.embedding, self.layer = nn.Embedding(9, 5), layer
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.layer(self.embedding(x))[0][-1])


def lstm():
    model = Last(nn.LSTM(5, 6))
    optimizer = optim.SGD(model.parameters(), 0.1)
    return training(model, optimizer, cr.randint(0, 9, (7, 3)), cr.randint(0, 4, (3,)))


def sgd():
    model = nn.Linear(16, 4)
    optimizer = optim.SGD(model.parameters(), 0.1)
    return training(model, optimizer, cr.randn(8, 16), cr.randint(0, 4, (8,)))


def numpy_between():
    def step(x):
        return cr.linalg.inv(x @ x.T + cr.eye(4)).tanh() @ x

    return plan_of(step, cr.randn(4, 16))


NETWORKS = (adam, images, lstm, sgd, numpy_between)
PLANS = {}


@pytest.fixture(params=NETWORKS, ids=lambda make: make.__name__)
def plan(request):
    return known(request.param)


def known(make):
    """A plan, made once; tests change copies of it."""
    if make not in PLANS:
        cr.manual_seed(0)
        PLANS[make] = make()
    return PLANS[make]


def changed(plan, regions, loops=None):
    """The plan with other regions."""
    other = copy.copy(plan)
    other.regions = list(regions)
    other.loops = plan.loops if loops is None else loops
    return other


def depends(former, later):
    """Whether a region must wait for another: one writes what the other touches."""
    return any(
        f.buffers[i] is g.buffers[j] and (i in f.writes or j in g.writes)
        for f, g in itertools.product(former.functions, later.functions)
        if not (f.kernel is g.kernel and f.kernel.kind == PRODUCT)
        for i, j in itertools.product([*f.reads, *f.writes], [*g.reads, *g.writes])
    )


def neighbours(plan):
    """Regions that follow each other, outside or inside of the same loop, and must."""
    ends = {n for loop in plan.loops for n in (loop.first, loop.stop)}
    found = [
        i for i in range(1, len(plan.regions))
        if i not in ends and depends(plan.regions[i - 1], plan.regions[i])
    ]  # fmt: skip
    assert found
    return found


def pieces(plan):
    """(region, function, place) of each argument in the arena that is read or written."""
    for number, region in enumerate(plan.regions):
        for function in region.functions:
            for place, buffer in enumerate(function.buffers):
                if buffer.home == "arena":
                    yield number, function, place


# -- what is planned ---------------------------------------------------------------------------


def test_what_is_planned_passes(plan):
    verify(plan)


def test_the_networks_have_what_is_to_be_looked_at():
    assert len(known(adam).taken) > 4
    assert known(sgd).taken
    assert len(known(lstm).loops) == 2
    assert [region.call is not None for region in known(numpy_between).regions].count(True) == 1
    checks = [f for r in known(lstm).regions for f in r.functions for b in f.buffers
              if b.home == "status"]  # fmt: skip
    assert checks
    assert {len(r.functions) > 1 for r in known(images).regions} == {True, False}


def accesses(text):
    """The parameters through which a function reads, and through which it writes."""
    lines = text.splitlines()
    roots = {f"%{name}": {name} for name in re.findall(r"noundef %(\w+)", lines[0])}
    read, written = set(), set()
    for line in lines[1 : lines.index("}")]:
        result, equals, rest = line.strip().partition(" = ")
        words = rest if equals else result
        found = set().union(*[roots.get(name, ()) for name in re.findall(r"%[\w.]+", words)])
        if words.startswith("load") or (equals and words.startswith("call <")):
            read |= found
        elif equals and found:  # another address
            roots[result] = found
        elif words.startswith(("store", "call void @llvm.masked")):
            written |= found
    return read, written


def test_what_functions_touch_is_what_their_text_says(plan):
    for region in plan.regions:
        for function in region.functions:
            names = function.parameters
            found = [{names[i] for i in places} for places in (function.reads, function.writes)]
            text = plan.functions.texts[function.name]
            said = [set(names) - {"status"} for names in accesses(text)]
            assert found == said
            assert found[1]


# -- regions -----------------------------------------------------------------------------------


def test_a_wait_is_missing(plan):
    for i in neighbours(plan):
        regions, former, later = plan.regions, plan.regions[i - 1], plan.regions[i]
        both = Region([*former.functions, *later.functions], kernels=former.kernels)
        merged = [*regions[: i - 1], both, Region(), *regions[i + 1 :]]
        with pytest.raises(AssertionError, match=r"k\w+ \(.* while k\w+ \(.*"):
            verify(changed(plan, merged))


def test_regions_change_places(plan):
    for i in neighbours(plan):
        regions = list(plan.regions)
        regions[i - 1], regions[i] = regions[i], regions[i - 1]
        with pytest.raises(AssertionError):
            verify(changed(plan, regions))


def test_a_region_is_missing(plan):
    """Whatever is computed is needed."""
    for i in range(len(plan.regions)):
        regions = [*plan.regions[:i], Region(), *plan.regions[i + 1 :]]
        with pytest.raises(AssertionError):
            verify(changed(plan, regions))


def test_one_argument_lies_in_another():
    plan = known(sgd)
    number, function, place = next(p for p in pieces(plan) if p[2] in p[1].reads)
    over = list(function.buffers)
    over[function.writes[0]] = over[place]
    regions = list(plan.regions)
    regions[number] = Region([replace(function, buffers=over)])
    with pytest.raises(AssertionError, match="through another argument"):
        verify(changed(plan, regions))


def test_a_function_goes_beyond_its_memory():
    plan = known(sgd)
    number, function, place = next(pieces(plan))
    buffers = list(function.buffers)
    buffers[place] = Buffer("part", buffers[place].size, offset=4, base=buffers[place])
    regions = list(plan.regions)
    regions[number] = Region([replace(function, buffers=buffers)])
    with pytest.raises(AssertionError, match="goes beyond"):
        verify(changed(plan, regions))


# -- the arena ---------------------------------------------------------------------------------


def test_values_that_live_at_one_time_share_memory(plan, monkeypatch):
    """By what is written and read, whatever the buffers say of their lives."""
    lives = {}
    for number, function, place in pieces(plan):
        life = lives.setdefault(function.buffers[place], [number, number])
        life[1] = number if place in function.reads else life[1]
    pairs = [(a, b) for (a, (first, last)), (b, (start, _)) in itertools.permutations(
        lives.items(), 2) if first <= start < last and a.size and b.size]  # fmt: skip
    assert pairs
    for a, b in pairs[:60]:
        with monkeypatch.context() as patch:
            patch.setattr(b, "offset", a.offset)
            patch.setattr(plan, "arena", plan.arena + b.size)
            with pytest.raises(AssertionError):
                verify(plan)


def test_lives_that_overlap_must_not_share_memory():
    a, b = Buffer("arena", 64, label="a"), Buffer("arena", 64, offset=63, label="b")
    a.used_in(0)
    a.used_in(2)
    b.used_in(3)
    verify_lives([a, b])
    b.used_in(2)
    with pytest.raises(AssertionError, match="a and b share memory"):
        verify_lives([a, b])
    b.offset = 64
    verify_lives([a, b])


# -- inputs ------------------------------------------------------------------------------------


def update_at_once():
    """A matrix changes in place, and can do so while a product reads it."""
    w, x = cr.randn(8, 8), cr.randn(8, 8)

    def step(x):
        y = x @ w
        w.mul_(0.5)
        return y

    return plan_of(step, x)


def update_before_the_last_reader():
    """A matrix changes in place, and its old value is multiplied by what the new one gives."""
    w, x = cr.randn(8, 8), cr.randn(8, 8)

    def step(x):
        old = w.T
        w.mul_(0.5)
        return (x @ w).tanh() @ old

    return plan_of(step, x)


def check_after_the_update():
    table, w = cr.randn(8, 8), cr.randn(8, 8)

    def step(x, places):
        w.mul_(0.5)
        return F.embedding(places, (x @ table).tanh())

    return plan_of(step, cr.randn(8, 8), cr.randint(0, 8, (3,)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (update_at_once, r"reads input \d+ while .* writes input"),
        (update_before_the_last_reader, r"reads .* after .* has written over input"),
    ],
)
def test_an_input_is_written_before_its_last_reader(make, words, monkeypatch):
    assert "read later" in "".join(make().kept.values())
    monkeypatch.setattr(in_place, "_is_last_reader", lambda *_: True)
    with pytest.raises(AssertionError, match=words):
        make()


def test_a_check_comes_after_an_input_was_written_over(monkeypatch):
    assert "a check" in "".join(check_after_the_update().kept.values())
    monkeypatch.setattr(in_place, "last_check", lambda *_: -1)
    with pytest.raises(AssertionError, match=r"may stop the run after .* input"):
        check_after_the_update()


def update_between():
    """A step that multiplies by a matrix, changes it in place, and multiplies again."""
    cr.manual_seed(0)
    w, x, g = cr.randn(96, 80), cr.randn(64, 80), cr.randn(96, 80)

    def step(x, g):
        y = x @ w.T
        w.sub_(y.sum() * 0.01 * g)
        return y, x @ w.T

    return step, x, g


def test_a_copy_of_an_input_is_read_as_what_replaced_it():
    plan = plan_of(*update_between())
    verify(plan)
    assert plan.taken
    old, new = {b: b for r in plan.regions for f in r.functions for b in f.buffers
                if b.label.startswith("packed")}  # fmt: skip
    last = plan.regions[-1].functions[0]
    buffers = [old if b is new else b for b in last.buffers]
    regions = [*plan.regions[:-1], Region([replace(last, buffers=buffers)])]
    with pytest.raises(AssertionError, match="before anybody has written over input"):
        verify(changed(plan, regions))


def test_a_matrix_that_changes_between_two_products():
    results = []
    for engine in ("reference", "native"):
        step, x, g = update_between()
        compiled = cr.compile(step, engine=engine)
        results.append([y for _ in range(2) for y in compiled(x, g)])
    assert all(cr.allclose(a, b, 1e-4, 1e-2) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("home", ["input", "constant"])
def test_what_belongs_to_others_is_written(home):
    plan = known(sgd)
    number, function, place = next(p for p in pieces(plan) if p[2] in p[1].writes)
    buffers = list(function.buffers)
    buffers[place] = Buffer(home, buffers[place].size, 9)
    regions = list(plan.regions)
    regions[number] = Region([replace(function, buffers=buffers)])
    with pytest.raises(AssertionError, match=f"writes to {home} 9"):
        verify(changed(plan, regions))


# -- loops -------------------------------------------------------------------------------------


def test_a_state_is_read_after_it_was_written_over(monkeypatch):
    w, x, start = cr.randn(4, 4), cr.randn(5, 3, 4), cr.randn(3, 4)

    def run(start, x, w):
        def step(h, x):
            new = (h + x).tanh()
            return new, ((new @ w) * h,)

        return scan(step, start, [x])[1][0]

    verify(plan_of(run, start, x, w))
    monkeypatch.setattr(in_place, "_is_last_reader", lambda *_: True)
    with pytest.raises(AssertionError, match=r"reads .* after .* has written over"):
        plan_of(run, start, x, w)


def test_a_loop_moves_too_far(monkeypatch):
    plan = known(lstm)
    moving = {b for r in plan.regions for f in r.functions for b in f.buffers if b.stride}
    assert len(moving) > 4
    for buffer in moving:
        with monkeypatch.context() as patch:
            patch.setattr(buffer, "stride", 2 * buffer.stride)
            with pytest.raises(AssertionError):
                verify(plan)


def test_a_loop_ends_too_early():
    plan = known(lstm)
    for number, loop in enumerate(plan.loops):
        loops = list(plan.loops)
        loops[number] = replace(loop, times=loop.times - 1)
        with pytest.raises(AssertionError, match=r"where nothing was written|lies"):
            verify(changed(plan, plan.regions, loops))
