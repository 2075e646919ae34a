"""Results at a prompt: what is shown is the text that print() writes, not the fields."""

import io
import sys

import chainrule as cr
from chainrule import nn, pictures
from chainrule.cli.main import main
from chainrule.doctor import check_data, gradient_flow, summary
from chainrule.printed import show
from chainrule.utils.data import DataLoader, TensorDataset


def test_what_a_prompt_shows_is_the_text():
    cr.manual_seed(0)
    model, x, y = nn.Linear(2, 2), cr.rand(8, 2), cr.arange(8) % 2
    nn.CrossEntropyLoss()(model(x), y).backward()
    data = DataLoader(TensorDataset(x, y), batch_size=4)
    results = [
        summary(model, x), gradient_flow(model), check_data(data),
        pictures.decision_regions(model, x, y, resolution=5), pictures.descent(),
        pictures.neuron_lines(([1.0, 2.0], 3.0))[0],
    ]  # fmt: skip
    for result in results:
        assert repr(result) == str(result)
        assert type(result).__name__ not in repr(result)


def test_an_output_that_lacks_a_sign_is_no_reason_to_fail(monkeypatch):
    for stream in ("stdout", "stderr"):
        narrow = io.TextIOWrapper(io.BytesIO(), "ascii")
        monkeypatch.setattr(sys, stream, narrow)
    show("x₁ → 3")
    assert main(["explain", "CR101"]) == 0
    assert main(["explain", "CR…"]) == 2
    sys.stdout.flush()
    assert sys.stdout.buffer.getvalue().startswith(b"x? ? 3\n# CR101")
    sys.stderr.flush()
    assert b"CR?" in sys.stderr.buffer.getvalue()
