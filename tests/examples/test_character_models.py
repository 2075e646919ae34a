"""Five models of names: they learn, they look back and not ahead, they follow PyTorch."""

import math
from collections import Counter

import pytest
from in_pytorch import copy_weights

import chainrule as cr
from chainrule.utils.data import DataLoader

MODELS = ["bigram", "mlp", "rnn", "gru", "transformer"]


def loader(program, names, steps=20):
    """The same batches in both libraries."""
    first = names.names[: 8 * steps]
    return program.DataLoader(program.Names(first), batch_size=8)


def beginning(program, args):
    names = program.read(args)
    model = program.build(args, names, args.model)
    return names, model, program.make_optimizer(args, model)


@pytest.mark.parametrize("model", MODELS)
def test_losses_follow_those_of_pytorch(lesson, in_pytorch, model):
    args = lesson.arguments(["--model", model, "--width", "32"])
    in_pytorch.torch.manual_seed(0)
    names, ours, optimizer = beginning(lesson, args)
    their_names, theirs, their_optimizer = beginning(in_pytorch, args)
    copy_weights(theirs, ours)
    losses = lesson.train(ours, loader(lesson, names), optimizer)
    expected = in_pytorch.train(theirs, loader(in_pytorch, their_names), their_optimizer)
    assert len(losses) == 20
    assert losses == pytest.approx(expected, abs=1e-4)
    few, their_few = lesson.Names(names.names[:30]), in_pytorch.Names(names.names[:30])
    expected = in_pytorch.evaluate(theirs, their_few)
    assert lesson.evaluate(ours, few) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "loss"),
    [("bigram", 2.4), ("mlp", 2.22), ("rnn", 2.1), ("gru", 2.1), ("transformer", 1.85)],
)
def test_it_learns_names(lesson, model, loss, capsys):
    """Better than letters by their frequency (2.8), and the larger ones than bigrams (2.2)."""
    results = lesson.main(
        ["--model", model, "--steps", "200", "--width", "48", "--lr", "0.004"]
    )
    assert 2.2 < results[model] < 3.6  # the names it has not seen
    *_, training, new = capsys.readouterr().out.splitlines()
    assert float(training.split()[2]) < loss
    new = new.lower().split(", ")
    assert len(new) == 10
    assert set("".join(new)) <= set("abcdefghijklmnopqrstuvwxyz")


def test_the_table_becomes_the_counted_bigrams(lesson):
    """Where the best model is known: the negative log-likelihood of the counts."""
    names = lesson.Names(["anna", "hannah", "nina"] * 4)
    pairs = Counter(p for name in names.names for p in zip(f".{name}", f"{name}.", strict=True))
    firsts = Counter(first for first, _ in pairs.elements())
    nll = [n * math.log(firsts[first] / n) for (first, _), n in pairs.items()]
    model = lesson.Bigram(len(names.letters))
    optimizer = cr.optim.Adam(model.parameters(), lr=0.5)
    batches = [batch for _ in range(60) for batch in DataLoader(names, batch_size=12)]
    lesson.train(model, batches, optimizer)
    assert lesson.evaluate(model, names) == pytest.approx(sum(nll) / pairs.total(), abs=2e-3)


def test_a_name_is_its_letters_between_dots(lesson):
    names = lesson.Names(["eve", "adam"])
    assert names.letters == [".", "a", "d", "e", "m", "v"]
    x, y = names[0]
    assert x.tolist() == [0, 3, 5, 3, 0]
    assert y.tolist() == [3, 5, 3, 0, -1]
    x, y = names[1]
    assert x.tolist() == [0, 1, 2, 1, 4]
    assert y.tolist() == [1, 2, 1, 4, 0]


@pytest.mark.parametrize("model", MODELS)
def test_no_letter_sees_a_later_one(lesson, model):
    args = lesson.arguments(["--width", "16"])
    names = lesson.read(args)
    net = lesson.build(args, names, model)
    cr.nn.init.normal_(next(net.parameters()))
    x = cr.randint(1, len(names.letters), (2, 8))
    changed = x.clone()
    changed[:, 5] = (x[:, 5] + 1) % len(names.letters)
    one, other = net(x), net(changed)
    assert one.shape == (2, 8, len(names.letters))
    cr.testing.assert_close(one[:, :5], other[:, :5])
    assert not cr.allclose(one[:, 5], other[:, 5])


@pytest.mark.slow
def test_the_gru_on_real_names(lesson, shared_data, capsys):
    file = str(shared_data("names/names.txt"))
    results = lesson.main(["--data", file, "--model", "gru", "--steps", "150"])
    assert results["gru"] < 2.6
