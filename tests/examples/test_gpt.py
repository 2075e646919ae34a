"""The GPT trainer: it learns its text by heart, follows PyTorch, resumes without a trace."""

import math

import pytest
from in_pytorch import copy_weights

import chainrule as cr

TINY = ["--n-layer=2", "--n-head=2", "--n-embd=32", "--block-size=16", "--batch-size=4"]


def beginning(program, args):
    data, _, letters = program.read(args)
    model = program.build(args, letters)
    return data, model, model.configure_optimizer(args.lr, args.weight_decay)


def pieces(data, args, steps):
    """Batches at given places, two for each step."""
    starts = [(37 * i) % (len(data) - args.block_size - 1) for i in range(steps * 8)]
    x = [data[i : i + args.block_size].tolist() for i in starts]
    y = [data[i + 1 : i + 1 + args.block_size].tolist() for i in starts]
    return [[(x[i : i + 4], y[i : i + 4]) for i in (8 * s, 8 * s + 4)] for s in range(steps)]


def losses(program, args, model, optimizer, steps):
    tensor = program.torch.tensor
    return [
        program.train_step(
            model, optimizer, [(tensor(x), tensor(y)) for x, y in batches], args,
            program.get_lr(step, args),
        )
        for step, batches in enumerate(steps)
    ]  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_losses_follow_those_of_pytorch(lesson, in_pytorch, compiled):
    args = lesson.arguments([*TINY, "--dropout", "0", "--warmup", "5", "--steps", "20"])
    in_pytorch.torch.manual_seed(0)
    data, ours, optimizer = beginning(lesson, args)
    _, theirs, their_optimizer = beginning(in_pytorch, args)
    copy_weights(theirs, ours)
    steps = pieces(data, args, 20)
    run = cr.compile(ours) if compiled else ours
    found = losses(lesson, args, run, optimizer, steps)
    expected = losses(in_pytorch, args, theirs, their_optimizer, steps)
    assert found[-1] < found[0] - 0.3
    assert found == pytest.approx(expected, abs=1e-4)

    start, their_start = cr.tensor([[3, 5]]), in_pytorch.torch.tensor([[3, 5]])
    text = ours.generate(start, 24, top_k=1)  # the likeliest letter: nothing is drawn
    assert text.tolist() == theirs.generate(their_start, 24, top_k=1).tolist()


@pytest.mark.slow
def test_it_learns_its_text(lesson, capsys):
    options = "--steps 200 --n-layer 2 --n-embd 48 --lr 0.01 --dropout 0 --accumulate 1"
    loss = lesson.main(options.split())
    printed = capsys.readouterr().out
    assert loss < 1.5  # 2.9 for letters by their frequency, 2.2 from the letter before
    assert f"test loss {loss:.4f} = {loss / math.log(2):.3f} bits per letter" in printed


def test_a_resumed_run_is_the_uninterrupted_one(lesson, tmp_path, capsys, monkeypatch):
    options = [*TINY, "--steps", "6", "--eval-interval", "3", "--letters", "40"]
    whole = lesson.main(options)
    printed = capsys.readouterr().out
    checkpoint = ["--checkpoint", str(tmp_path / "gpt.pt")]

    def save_and_die(*arguments, save=lesson.save_checkpoint):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(lesson, "save_checkpoint", save_and_die)
        lesson.main([*options, *checkpoint])
    capsys.readouterr()
    resumed = lesson.main([*options, *checkpoint, "--resume"])
    assert resumed == whole
    rest = capsys.readouterr().out.splitlines()[1:]
    assert rest == printed.splitlines()[2:]


def test_matrices_decay_and_biases_do_not(lesson):
    _, model, optimizer = beginning(lesson, lesson.arguments(TINY))
    decays, does_not = optimizer.param_groups
    assert (decays["weight_decay"], does_not["weight_decay"]) == (0.1, 0.0)
    assert {p.dim() for p in decays["params"]} == {2}
    assert {p.dim() for p in does_not["params"]} == {1}
    assert len(decays["params"]) + len(does_not["params"]) == len(list(model.parameters()))
    assert model.lm_head.weight is model.wte.weight


def test_the_schedule_rises_and_falls(lesson):
    args = lesson.arguments(["--lr=1", "--warmup=9", "--steps=109"])
    rates = [lesson.get_lr(step, args) for step in range(110)]
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert (rates[9], rates[59], rates[109]) == pytest.approx((1.0, 0.55, 0.1))
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_two_halves_of_a_batch_are_the_batch(lesson):
    gradients = []
    for parts in (1, 2):
        cr.manual_seed(0)
        args = lesson.arguments([*TINY, "--dropout", "0"])
        data, model, _ = beginning(lesson, args)
        x, y = lesson.get_batch(data, 16, 4)
        optimizer = cr.optim.SGD(model.parameters(), lr=1.0)
        before = model.wpe.weight.detach().clone()
        lesson.train_step(
            model, optimizer, list(zip(x.chunk(parts), y.chunk(parts))), args, 1.0
        )
        gradients.append(before - model.wpe.weight.detach())
    cr.testing.assert_close(*gradients)


def test_no_letter_sees_a_later_one(lesson):
    _, model, _ = beginning(lesson, lesson.arguments([*TINY, "--dropout", "0"]))
    idx = cr.arange(16).view(1, 16)
    changed = idx.clone()
    changed[0, 9] = 0
    (one, _), (other, _) = model(idx), model(changed)
    cr.testing.assert_close(one[:, :9], other[:, :9])
    assert not cr.allclose(one[:, 9:], other[:, 9:])


@pytest.mark.slow
def test_on_shakespeare(lesson, shared_data, capsys):
    file = str(shared_data("tinyshakespeare/input.txt"))
    options = ["--steps=100", "--batch-size=16", "--lr=0.01", "--dropout=0"]
    loss = lesson.main(["--data", file, *TINY, *options])
    assert loss < 3.0  # 3.3 for letters by their frequency
