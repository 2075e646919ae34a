"""The lecture's program on the digits; and the same text run by PyTorch itself."""

import sys
from types import ModuleType

import pytest


def test_it_reads_digits(lesson, capsys):
    accuracy = lesson.main(num_epochs=5)
    printed = capsys.readouterr().out
    assert accuracy >= 0.9
    assert f"Accuracy on the test images: {accuracy:.1%}" in printed
    losses = [float(line.split()[-1]) for line in printed.splitlines() if "Loss:" in line]
    assert len(losses) == 5
    assert losses[-1] < 0.25 < losses[0]


def test_it_prints_the_model_as_pytorch_does(lesson):
    assert str(lesson.SimpleNN(64, 32, 10)) == (
        "SimpleNN(\n"
        "  (fc1): Linear(in_features=64, out_features=32, bias=True)\n"
        "  (fc2): Linear(in_features=32, out_features=32, bias=True)\n"
        "  (fc3): Linear(in_features=32, out_features=10, bias=True)\n"
        "  (relu): ReLU()\n"
        ")"
    )


def test_with_its_import_lines_changed_back_pytorch_runs_it(lesson, monkeypatch):
    torch = pytest.importorskip("torch")

    def digits():
        for part in lesson.digits():
            tensors = [torch.tensor(x.numpy()) for x in part.tensors]
            yield torch.utils.data.TensorDataset(*tensors)

    provider = ModuleType("digits_for_torch")
    provider.digits = digits
    monkeypatch.setitem(sys.modules, "digits_for_torch", provider)
    with open(lesson.__file__, encoding="utf-8") as file:
        text = file.read()
    text = text.replace("import chainrule as torch", "import torch")
    text = text.replace("chainrule.data", "digits_for_torch").replace("chainrule", "torch")
    program = {"__name__": "program"}
    exec(compile(text, "simple_nn_for_torch.py", "exec"), program)
    assert program["main"](num_epochs=5) >= 0.9
