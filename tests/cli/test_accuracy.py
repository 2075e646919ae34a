"""How well the default recipes read handwritten digits. These trainings take seconds."""

import os
import shlex
import time

import pytest

from chainrule.cli.main import main


def accuracy(command: str, capsys) -> float:
    assert main(shlex.split(command)) == 0
    name, score = capsys.readouterr().out.splitlines()[-1].rsplit(" ", 2)[:2]
    assert name == "test accuracy"
    return float(score)


@pytest.mark.slow
def test_the_default_recipe_reads_digits(tmp_path, capsys):
    found = []
    for seed in range(3):
        started = time.process_time()
        found.append(
            accuracy(f"train digits --seed {seed} --out {tmp_path / str(seed)}", capsys)
        )
        assert time.process_time() - started < 120, "more than 60 s on 2 cores"
    assert sum(found) / len(found) >= 98.5


@pytest.mark.slow
@pytest.mark.skipif("CHAINRULE_MNIST" not in os.environ, reason="names no folder with MNIST")
def test_a_perceptron_reads_mnist(tmp_path, capsys):
    folder = os.environ["CHAINRULE_MNIST"]
    command = f"train mnist --model mlp --epochs 3 --data-dir {folder} --out {tmp_path / 'run'}"
    assert accuracy(command, capsys) >= 97.5
