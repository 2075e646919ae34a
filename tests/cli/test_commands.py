"""The command line, from a training to reading a picture."""

import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli.main import main
from chainrule.data import digits
from chainrule.data.image import digit_image
from chainrule.errors import codes
from chainrule.train import load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The folder of a short training."""
    out = tmp_path_factory.mktemp("run") / "mlp"
    assert main(shlex.split(f"train digits --model mlp --lr 0.01 --epochs 12 --out {out}")) == 0
    return out


def run(command: str, capsys) -> tuple[int, list[str], list[str]]:
    """Exit code, lines of output, lines of complaint."""
    code = main(shlex.split(command))
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err.splitlines()


def scores(folder: Path) -> list[dict]:
    lines = (folder / "history.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def weights(folder: Path) -> dict:
    return {name: x.tolist() for name, x in load(folder / "weights.safetensors").items()}


# -- train and evaluate ----------------------------------------------------------------


def test_a_training_says_what_it_does_and_leaves_a_run_folder(here, capsys):
    code, out, err = run("train digits --model mlp --epochs 2 --seed 3", capsys)
    assert (code, err) == (0, [])
    text = "\n".join(out)
    assert "digits: 1258 training, 180 validation and 359 test images, 8 x 8" in text
    assert "mlp, 6,570 parameters" in text
    assert re.search(r"engine      \w+, \d+ threads?\n", text)
    assert re.search(r"\ncompiled by the \w+ engine.* in \d+\.\d s\n", text)
    assert re.search(
        r"epoch 2/2   loss \d\.\d{4}   validation loss .* accuracy +\d+\.\d %   .* s\b", text
    )
    assert re.fullmatch(r"test accuracy \d{1,3}\.\d %", out[-1])

    folder = here / "runs" / "digits-mlp-1"
    assert sorted(p.name for p in folder.iterdir()) == [
        "checkpoints", "config.json", "history.jsonl", "journal.jsonl", "report.html",
        "weights.safetensors",
    ]  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    assert config["recipe"]["seed"] == 3 and config["recipe"]["epochs"] == 2
    assert config["environment"]["chainrule"] == cr.__version__
    assert config["environment"]["numpy"] == np.__version__
    assert [record["epoch"] for record in scores(folder)] == [1, 2]

    code, again, _ = run("evaluate runs/digits-mlp-1", capsys)
    assert (code, again) == (0, [out[-1]])


def test_each_training_gets_a_folder_of_its_own(here, capsys):
    for _ in range(2):
        assert run("train digits --model mlp --epochs 1", capsys)[0] == 0
    assert sorted(os.listdir("runs")) == ["digits-mlp-1", "digits-mlp-2"]
    assert weights(here / "runs/digits-mlp-1") == weights(here / "runs/digits-mlp-2")


def test_another_seed_is_another_training(here, capsys):
    for seed in (0, 1):
        run(f"train digits --model mlp --epochs 1 --seed {seed} --out {seed}", capsys)
    assert weights(here / "0") != weights(here / "1")


@pytest.mark.parametrize(
    ("optimizer", "schedule"),
    [
        ("sgd", "constant"),
        ("adam", "step"),
        ("adamw", "cosine"),
        ("adagrad", "plateau"),
        ("sgd", "onecycle"),
        ("adagrad", "onecycle"),
        ("rmsprop", "onecycle"),
    ],
)
def test_every_optimizer_and_schedule_learns(here, capsys, optimizer, schedule):
    command = (
        f"train digits --model mlp --epochs 3 --optimizer {optimizer} --schedule {schedule}"
    )
    code, _, err = run(f"{command} --out run", capsys)
    assert (code, err) == (0, [])
    losses = [record["train_loss"] for record in scores(here / "run")]
    assert losses[-1] < 0.9 * losses[0]


def test_the_convolutional_network_trains(here, capsys):
    code, out, _ = run("train digits --epochs 1 --batch-size 256 --out cnn", capsys)
    assert code == 0 and out[-1].startswith("test accuracy")


def test_a_trained_network_reads_digits(trained, capsys):
    _, out, _ = run(f"evaluate {trained}", capsys)
    assert float(out[-1].split()[2]) > 93


# -- going on --------------------------------------------------------------------------


def test_three_epochs_and_three_more_are_six(here, capsys):
    options = "--model mlp --schedule constant"
    run(f"train digits {options} --epochs 6 --out six", capsys)
    run(f"train digits {options} --epochs 3 --out parts", capsys)
    code, out, _ = run("train digits --resume parts --epochs 6", capsys)
    assert code == 0 and "(going on after epoch 3)" in "\n".join(out)
    assert weights(here / "parts") == weights(here / "six")
    assert scores(here / "parts") == scores(here / "six")
    assert json.loads((here / "parts/config.json").read_text())["recipe"]["epochs"] == 6


def test_a_training_goes_on_with_the_engine_it_began_with(here, capsys):
    options = "--model mlp --schedule constant"
    run(f"train digits {options} --epochs 2 --no-compile --out whole", capsys)
    code, out, _ = run(f"train digits {options} --epochs 1 --no-compile --out parts", capsys)
    assert code == 0 and "running eagerly, as asked for" in out
    assert "engine      none: eager, NumPy operation by operation" in out
    code, out, _ = run("train --resume parts --epochs 2", capsys)
    assert code == 0 and "running eagerly, as asked for" in out
    assert weights(here / "parts") == weights(here / "whole")
    config = json.loads((here / "parts/config.json").read_text())
    assert config["execution"]["compile"] is False


def test_both_engines_read_digits(here, capsys):
    found = []
    for engine in ("native", "reference"):
        options = f"--model mlp --epochs 3 --compile --engine {engine} --out {engine}"
        code, out, _ = run(f"train digits {options}", capsys)
        assert code == 0 and any(f"compiled by the {engine} engine" in line for line in out)
        evaluated = run(f"evaluate {engine} --compile --engine {engine}", capsys)[1]
        assert evaluated == run(f"evaluate {engine} --no-compile", capsys)[1] == [out[-1]]
        found.append(scores(here / engine)[-1]["train_loss"])
    assert found[0] == pytest.approx(found[1], rel=1e-2)


def start(command: str, folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "chainrule.cli.main", *shlex.split(command)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="another kind of signal")
def test_ctrl_c_keeps_the_last_checkpoint_and_says_how_to_go_on(here, capsys):
    options = "train digits --model mlp --epochs 8 --batch-size 32"
    run(f"{options} --out whole", capsys)
    program = start(f"{options} --out 'a run'", here)
    history = here / "a run" / "history.jsonl"
    deadline = time.monotonic() + 60
    while not (history.exists() and history.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130, (out, err)
    assert "Traceback" not in err
    advice = err.splitlines()[-1]
    assert advice == "chainrule train --resume 'a run'"
    assert not (here / "a run" / "weights.safetensors").exists()

    code, _, complaint = run("evaluate 'a run'", capsys)
    assert code == 2 and "--resume 'a run'" in complaint[0]
    assert run(advice.removeprefix("chainrule "), capsys)[0] == 0
    assert weights(here / "a run") == weights(here / "whole")
    assert scores(here / "a run") == scores(here / "whole")


def test_a_full_disk_keeps_the_last_checkpoint(here, capsys, monkeypatch):
    run("train digits --model mlp --epochs 3 --schedule constant --out whole", capsys)
    fsync, calls = os.fsync, []

    def full_after_some(handle):
        calls.append(handle)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full_after_some)
    code, _, err = run(
        "train digits --model mlp --epochs 3 --schedule constant --out run", capsys
    )
    assert code == 2 and len(err) == 1
    assert "CR803" in err[0] and "No space left on device" in err[0]
    assert err[0].endswith("Then go on: chainrule train --resume run")
    assert "run/checkpoints/000001-step-0" in err[0]
    monkeypatch.setattr(os, "fsync", fsync)
    assert run("train --resume run", capsys)[0] == 0
    assert weights(here / "run") == weights(here / "whole")


# -- predict ---------------------------------------------------------------------------


def picture(ink: np.ndarray, path: Path) -> None:
    """Dark ink on unevenly lit paper, enlarged, with a border and some noise."""
    image = pytest.importorskip("PIL.Image")
    large = np.asarray(image.fromarray(ink).resize((160, 160), image.Resampling.BICUBIC))
    paper = np.pad(1 - 0.8 * np.clip(large, 0, 1), 50, constant_values=1)
    light = np.linspace(0.7, 1, len(paper))[:, None] * np.linspace(1, 0.85, len(paper))
    noise = np.random.default_rng(0).normal(0, 0.02, paper.shape)
    pixels = np.clip(paper * light + noise, 0, 1) * 255
    image.fromarray(pixels.astype(np.uint8)).save(path)


def test_pictures_of_digits_are_read(trained, here, capsys):
    images, labels = (x.numpy() for x in digits().test.tensors)
    names = [f"{i}.png" for i in range(30)]
    for name, image in zip(names, images[:, 0], strict=False):
        picture(image, here / name)
    code, out, err = run(f"predict {trained} {' '.join(names)}", capsys)
    assert (code, err, len(out)) == (0, [], 30)
    read = [re.fullmatch(r"(\d+)\.png: (\d) \((\d+\.\d) %\)", line) for line in out]
    assert all(read)
    right = sum(int(m[2]) == labels[int(m[1])] for m in read)
    assert right >= 26
    assert all(10 <= float(m[3]) <= 100 for m in read)


def test_a_picture_of_a_test_digit_becomes_nearly_that_digit(here):
    image = digits().test.tensors[0].numpy()[0, 0]
    picture(image, here / "a.png")
    from_picture = digit_image(read(here / "a.png"), 8, 0)
    assert np.corrcoef(from_picture.ravel(), image.ravel())[0, 1] > 0.9


def read(path: Path) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(path)) / 255


# -- info and explain ------------------------------------------------------------------


def test_info_says_what_a_bug_report_needs(capsys):
    code, out, _ = run("info", capsys)
    text = "\n".join(out)
    assert code == 0
    for part in (cr.__version__, np.__version__, "llvmlite", str(os.cpu_count())):
        assert part in text


@pytest.mark.parametrize("code", [c for c in codes() if c[2] in "78"])
def test_every_code_is_explained(code, capsys):
    status, out, _ = run(f"explain {code.lower()}", capsys)
    assert status == 0
    assert out[0].startswith(f"# {code}: ")
    for heading in ("**What it means.**", "**Why it happens.**", "**What to do.**"):
        assert any(heading in line for line in out)


def test_the_source_and_the_pages_know_the_same_codes():
    rooms = (
        "data", "metrics", "journal", "doctor", "train", "models", "report", "pictures", "cli",
    )  # fmt: skip
    files = [p for room in rooms for p in (ROOT / "chainrule" / room).rglob("*.py")]
    used = {code for p in files for code in re.findall(r'"(CR[78]\d\d)"', p.read_text())}
    assert used == {code for code in codes() if code[2] in "78"}


# -- bad input -------------------------------------------------------------------------


def spoil(name: str, content: str | bytes):
    """A change to one file of a run."""

    def act(folder: Path) -> None:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return act


def recipe(**changes):
    """A change to the recipe in config.json."""

    def act(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        config["recipe"] |= changes
        (folder / "config.json").write_text(json.dumps(config))

    return act


BAD_COMMANDS = {
    "nothing": ("", "CR802.*COMMAND"),
    "command": ("trian digits", "CR802.*invalid choice: 'trian'.*train"),
    "option": ("train digits --epoch 3 --colour red", "CR802.*--colour"),
    "number": ("train digits --epochs three", "CR802.*--epochs: invalid int value: 'three'"),
    "no dataset": ("train", "CR802.*digits or mnist"),
    "dataset": ("train digit", "CR801: there is no dataset 'digit', there are digits, mnist; "
                               "did you mean 'digits'"),
    "model": ("train digits --model CNN", "CR801.*'CNN', there are mlp, cnn; .* 'cnn'"),
    "optimizer": ("train digits --optimizer adan", "CR801.*optimizer 'adan'.*mean 'adam"),
    "engine": ("train digits --engine steam", "CR407.*'steam'.*native and reference"),
    "schedule": ("train digits --schedule x", "CR801.*schedule 'x', there are constant, step"),
    "batch size": ("train digits --batch-size 0", "CR808.*batch_size is at least 1, got 0"),
    "epochs": ("train digits --epochs 0", "CR808.*epochs is at least 1, got 0"),
    "lr": ("train digits --lr=-0.1", "CR808.*lr.* above 0, got -0.1"),
    "zero lr": ("train digits --lr 0", "CR808.*got 0.0"),
    "nan lr": ("train digits --lr nan", "CR808.*got nan"),
    "data dir": ("train mnist --data-dir nowhere", "CR709.*nowhere has no file train-images"),
    "out is a file": ("train digits --out file", "CR803.*file"),
    "out below a file": ("train digits --out file/run", "CR803.*file/run"),
    "out holds a run": ("train digits --out {run}", "CR810.*holds a run already"),
    "resume nothing": ("train --resume nowhere", "CR806.*nowhere is not the folder of a run"),
    "resume otherwise": ("train --resume {run} --lr 0.5 --batch-size 3",
                         "CR811.*leave out --batch-size, --lr,"),
    "resume elsewhere": ("train --resume {run} --out x", "CR811.*leave out --out,"),
    "resume longer": ("train --resume {run} --epochs 99", "CR811.*'onecycle'.*for 12 epochs"),
    "evaluate nothing": ("evaluate nowhere", "CR806.*nowhere"),
    "evaluate a file": ("evaluate file", "CR806.*file is not the folder of a run"),
    "predict nothing": ("predict {run}", "CR802.*IMAGE"),
    "predict no file": ("predict {run} nowhere.png", "CR712.*nowhere.png"),
    "predict no image": ("predict {run} file", "CR712.*file"),
    "explain": ("explain CR999", "CR901.*CR999.*from CR101 to.*begins with"),
}  # fmt: skip


def complain(command: str, message: str, capsys) -> None:
    code, out, err = run(command, capsys)
    assert code == 2
    assert len(err) == 1 and err[0].startswith("chainrule: CR")
    assert re.search(message, err[0]), err[0]
    assert out == [] or "resume" in command


@pytest.mark.parametrize("case", BAD_COMMANDS)
def test_one_line_says_what_was_wrong(case, trained, here, capsys):
    command, message = BAD_COMMANDS[case]
    (here / "file").write_text("some text")
    complain(command.format(run=trained), message, capsys)
    assert not (here / "runs").exists()


def latest(run: Path, name: str) -> Path:
    """A file of the latest checkpoint."""
    return max((run / "checkpoints").iterdir()) / name


BAD_RUNS = {
    "no config": (lambda f: (f / "config.json").unlink(), "evaluate", "CR806.*not the folder"),
    "no JSON": (spoil("config.json", "{"), "evaluate", "CR806.*malformed.*JSONDecodeError"),
    "no recipe": (spoil("config.json", "{}"), "evaluate", "CR806.*malformed.*recipe"),
    "a list": (spoil("config.json", "[]"), "evaluate", "CR806.*malformed"),
    "no text": (spoil("config.json", b"\xff\xfe"), "evaluate", "CR806.*malformed"),
    "unknown model": (recipe(model="rnn"), "evaluate", "CR806.*no model 'rnn'"),
    "odd epochs": (recipe(epochs="x"), "evaluate", "CR806.*malformed"),
    "more than a recipe": (recipe(colour=1), "evaluate", "CR806.*colour"),
    "another model": (recipe(model="cnn"), "evaluate", "CR807.*weights.safetensors does"),
    "another dataset": (recipe(dataset="mnist"), "evaluate", "CR807"),
    "no weights": (lambda f: (f / "weights.safetensors").unlink(), "evaluate", "CR806.*resume"),
    "empty weights": (spoil("weights.safetensors", ""), "evaluate", "CR804"),
    "pickled weights": (spoil("weights.safetensors", b"PK\x03\x04" + bytes(99)), "evaluate",
                        "CR804.*PyTorch"),
    "no checkpoint": (lambda f: shutil.rmtree(f / "checkpoints"), "train --resume",
                      "CR806.*no checkpoint to go on from"),
    "cut checkpoint": (lambda f: latest(f, "tensors.safetensors").write_bytes(bytes(9)),
                       "train --resume", "CR804.*tensors.safetensors"),
    "no values": (lambda f: latest(f, "state.json").unlink(), "train --resume",
                  "CR804.*state.json"),
    "no JSON of values": (lambda f: latest(f, "state.json").write_text("{"), "train --resume",
                          "CR804.*state.json"),
    "another checkpoint": (recipe(model="cnn"), "train --resume", "CR807.*-step-"),
    "another optimizer": (recipe(optimizer="sgd"), "train --resume", "CR807"),
    "weights as checkpoint": (
        lambda f: os.replace(f / "weights.safetensors", latest(f, "tensors.safetensors")),
        "train --resume", "CR804"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_RUNS)
def test_malformed_runs(case, trained, here, capsys):
    harm, command, message = BAD_RUNS[case]
    folder = here / "copy"
    shutil.copytree(trained, folder)
    harm(folder)
    complain(f"{command} copy", message, capsys)


def test_a_dataset_without_images(here, capsys):
    for part in ("train", "t10k"):
        Path(f"{part}-images-idx3-ubyte").write_bytes(
            b"\0\0\x08\x03" + bytes(4) + b"\0\0\0\x1c" * 2
        )
        Path(f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + bytes(4))
    complain("train mnist --data-dir .", "CR706.*no samples", capsys)


@pytest.mark.skipif(
    getattr(os, "geteuid", int)() == 0, reason="the superuser may write anywhere"
)
def test_a_folder_that_may_not_be_written(here, capsys):
    here.chmod(0o500)
    complain("train digits", "CR803.*Permission denied", capsys)
    here.chmod(0o700)


def test_a_reader_that_leaves_is_no_reason_for_a_traceback(here):
    program = start("info", here)
    program.stdout.close()
    assert program.wait(timeout=60) == 2
    assert program.stderr.read() == ""
    program.stderr.close()


@pytest.mark.parametrize(
    ("command", "says"),
    [("train --help", "--resume RUN"), ("--version", f"chainrule {cr.__version__}\n")],
)
def test_help_and_version_are_no_errors(command, says, capsys):
    with pytest.raises(SystemExit) as done:
        main(command.split())
    assert done.value.code == 0
    assert says in capsys.readouterr().out
