"""Event files: read by the description of the format, and by TensorBoard itself."""

import io
import struct
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from event_reader import fields, records, summaries

import chainrule as cr
from chainrule.errors import ArgumentError, RunError, TraceError
from chainrule.utils.tensorboard import SummaryWriter

RNG = np.random.default_rng(3)
VALUES = RNG.normal(size=(50, 7)).astype(np.float32)


def event_file(folder) -> Path:
    (found,) = Path(folder).glob("events.out.tfevents.*")
    return found


def written(tmp_path, write) -> list:
    """The summaries after write(writer)."""
    with SummaryWriter(tmp_path) as writer:
        write(writer)
    return summaries(event_file(tmp_path))


def value_of(tmp_path, write) -> dict:
    ((_, _, value),) = written(tmp_path, write)
    return value


# -- the format ------------------------------------------------------------------------


def test_a_file_begins_with_its_version(tmp_path):
    SummaryWriter(tmp_path, filename_suffix=".mine").close()
    path = event_file(tmp_path)
    assert path.name.endswith(".mine")
    (first,) = records(path)
    assert fields(first)[3] == [b"brain.Event:2"]


def test_scalars_have_tag_step_and_time(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", cr.tensor(0.25, requires_grad=True), 7, walltime=12.5)
        writer.add_scalar("loss", np.float64(0.5), cr.tensor(8))
        writer.add_scalar("loss", -1, -2)
        writer.add_scalar("loss", cr.tensor([2.0], dtype=cr.bfloat16))
        writer.add_scalar("grösse", float("nan"), 2**40)
        writer.add_scalar("loss", 1e300, 9)
    read = summaries(event_file(tmp_path))
    assert [(tag, value[2][0]) for tag, _, value in read[:4]] == [
        ("loss", 0.25), ("loss", 0.5), ("loss", -1.0), ("loss", 2.0)
    ]  # fmt: skip
    assert [step for _, step, _ in read] == [7, 8, 2**64 - 2, 0, 2**40, 9]
    assert read[4][0] == "grösse" and np.isnan(read[4][2][2][0])
    assert read[5][2][2] == [np.inf]
    assert fields(records(event_file(tmp_path))[1])[1] == [12.5]


def test_what_was_written_is_there_at_once(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("loss", 1.0, 1)
    assert len(summaries(event_file(tmp_path))) == 1
    writer.close()


def test_a_process_that_is_killed_loses_nothing(tmp_path):
    program = (
        "import os, sys\n"
        "from chainrule.utils.tensorboard import SummaryWriter\n"
        "writer = SummaryWriter(sys.argv[1])\n"
        "writer.add_scalar('loss', 1.0, 1)\n"
        "os._exit(9)  # as a kill does, without closing anything\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert len(summaries(event_file(tmp_path))) == 1


def test_threads_write_whole_records(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        write = [
            threading.Thread(
                target=lambda n=n: [writer.add_scalar(str(n), n, i) for i in range(50)]
            )
            for n in range(4)
        ]
        for thread in write:
            thread.start()
        for thread in write:
            thread.join()
    assert len(summaries(event_file(tmp_path))) == 200


def test_a_closed_writer_goes_on_in_a_new_file(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("loss", 1.0, 1)
    writer.close()
    writer.close()
    writer.add_scalar("loss", 2.0, 2)
    writer.close()
    files = sorted(tmp_path.glob("events.*"))
    assert sorted(len(summaries(path)) for path in files) == [1, 1]


def test_the_default_folder_says_when_and_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="_lr0.1") as writer:
        assert writer.get_logdir() == writer.log_dir
    (folder,) = Path("runs").iterdir()
    assert folder.name.endswith("_lr0.1")
    assert str(folder) == str(Path(writer.log_dir))


def test_purging_hides_what_a_crash_left(tmp_path):
    SummaryWriter(tmp_path, purge_step=5).close()
    _, version, start = map(fields, records(event_file(tmp_path)))
    assert version[2] == start[2] == [5]
    assert fields(start[7][0]) == {1: [1]}


# -- the kinds -------------------------------------------------------------------------


@pytest.mark.parametrize("bins", ["tensorflow", "auto", 10, [-9.0, -1.0, 0.0, 9.0]])
@pytest.mark.parametrize("most", [None, 5])
def test_a_histogram_counts_all_values(tmp_path, bins, most):
    value = value_of(
        tmp_path, lambda w: w.add_histogram("h", cr.tensor(VALUES), 1, bins, max_bins=most)
    )
    read = fields(value[5][0])
    limits, counts = (np.frombuffer(read[n][0]) for n in (6, 7))
    flat = VALUES.astype(np.float64).ravel()
    assert [read[n][0] for n in range(1, 6)] == pytest.approx(
        [flat.min(), flat.max(), 350, flat.sum(), flat @ flat]
    )
    assert counts[0] == 0 and (np.diff(limits) > 0).all()
    assert limits[0] <= flat.min() and limits[-1] >= flat.max()
    below = [((low <= flat) & (flat < high)).sum() for low, high in pairwise(limits)]
    below[-1] = counts[1:].sum() - sum(below[:-1])  # the last one has its upper limit too
    assert counts.sum() == 350 and counts[1:].tolist() == below
    if most is not None:
        assert len(counts) <= most + 1


@pytest.mark.parametrize(
    "values", [np.zeros(3), np.array([np.nan, np.inf, 2.0, 2.0]), np.array([1e200, -1e-300]),
               np.array([True, False]), np.arange(5)]
)  # fmt: skip
def test_histograms_of_odd_values(tmp_path, values):
    read = fields(value_of(tmp_path, lambda w: w.add_histogram("h", values, 1))[5][0])
    assert np.frombuffer(read[7][0]).sum() == np.isfinite(values).sum() == read[3][0]


def test_a_histogram_that_was_counted_elsewhere(tmp_path):
    read = fields(
        value_of(
            tmp_path, lambda w: w.add_histogram_raw("h", 0, 1, 3, 2, 2, [0.5, 1.0], [1, 2], 1)
        )[5][0]
    )
    assert np.frombuffer(read[6][0]).tolist() == [0.5, 1.0]
    assert np.frombuffer(read[7][0]).tolist() == [1.0, 2.0]


GREY = RNG.random((5, 6)).astype(np.float32)
COLOUR = RNG.random((3, 5, 6)).astype(np.float32)


@pytest.mark.parametrize(
    ("value", "axes", "expected"),
    [
        (COLOUR, "CHW", COLOUR.transpose(1, 2, 0)),
        (COLOUR.transpose(1, 2, 0), "HWC", COLOUR.transpose(1, 2, 0)),
        (GREY, "HW", GREY[..., None]),
        (GREY.T, "wh", GREY[..., None]),
        (GREY[None], "CHW", GREY[..., None]),
        (np.concatenate([COLOUR, GREY[None]]), "CHW",
         np.concatenate([COLOUR, GREY[None]]).transpose(1, 2, 0)),
        (3 * GREY - 1, "HW", (3 * GREY - 1)[..., None]),
    ],
)  # fmt: skip
def test_an_image(tmp_path, value, axes, expected):
    image = pytest.importorskip("PIL.Image")
    read = fields(
        value_of(tmp_path, lambda w: w.add_image("x", cr.tensor(value), 1, dataformats=axes))[
            4
        ][0]
    )
    pixels = np.asarray(image.open(io.BytesIO(read[4][0])))
    pixels = pixels.reshape(5, 6, -1)
    assert [read[n][0] for n in (1, 2, 3)] == list(pixels.shape)
    assert (pixels == (np.asarray(expected, np.float32) * 255).clip(0, 255).astype(int)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int8])
def test_whole_numbers_of_an_image_are_its_bytes(tmp_path, dtype):
    image = pytest.importorskip("PIL.Image")
    whole = (100 * GREY).astype(dtype)
    read = fields(
        value_of(tmp_path, lambda w: w.add_image("x", whole, 1, dataformats="HW"))[4][0]
    )
    assert (np.asarray(image.open(io.BytesIO(read[4][0]))) == whole).all()


def test_images_stand_in_rows_of_eight(tmp_path):
    image = pytest.importorskip("PIL.Image")
    batch = RNG.integers(1, 255, (11, 3, 4, 5)).astype(np.uint8)
    read = fields(value_of(tmp_path, lambda w: w.add_images("x", batch, 1))[4][0])
    pixels = np.asarray(image.open(io.BytesIO(read[4][0])))
    assert pixels.shape == (2 * 4, 8 * 5, 3)
    for place in range(11):
        top, left = place // 8 * 4, place % 8 * 5
        cell = pixels[top : top + 4, left : left + 5]
        assert (cell == batch[place].transpose(1, 2, 0)).all()
    assert not pixels[4:, 15:].any()


def test_a_figure_is_drawn_and_closed(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figures = [pyplot.figure(figsize=(2, 1), dpi=50) for _ in range(2)]
    one, two = written(
        tmp_path,
        lambda w: (w.add_figure("a", figures[0], 1, close=False), w.add_figure("b", figures)),
    )
    assert [fields(one[2][4][0])[n][0] for n in (1, 2, 3)] == [50, 100, 3]
    assert [fields(two[2][4][0])[n][0] for n in (1, 2)] == [50, 200]
    assert not pyplot.get_fignums()


def test_a_sound(tmp_path):
    sound = np.sin(np.linspace(0, 40, 800)).astype(np.float32)
    read = fields(value_of(tmp_path, lambda w: w.add_audio("x", sound[None], 1, 8000))[6][0])
    assert (read[1], read[2], read[3], read[5]) == ([8000.0], [1], [800], [b"audio/wav"])
    samples = np.frombuffer(read[4][0][44:], "<i2")
    assert abs(samples / 32767 - sound).max() < 1e-4


def test_precision_and_recall(tmp_path):
    labels = np.array([0, 0, 1, 1])
    scores = np.array([0.1, 0.6, 0.6, 1.0])
    value = value_of(tmp_path, lambda w: w.add_pr_curve("x", labels, scores, 1, 11))
    table = np.frombuffer(fields(value[8][0])[4][0], np.float32).reshape(6, 11)
    assert table[:, 0].tolist() == [2, 2, 0, 0, 0.5, 1]
    assert table[:, 5].tolist() == pytest.approx([2, 1, 1, 0, 2 / 3, 1])
    assert table[:, 10].tolist() == [1, 0, 2, 1, 1, 0.5]


def network() -> cr.nn.Module:
    return cr.nn.Sequential(
        cr.nn.Linear(4, 3), cr.nn.BatchNorm1d(3), cr.nn.Dropout(0.5), cr.nn.ReLU(),
        cr.nn.Linear(3, 2),
    )  # fmt: skip


def nodes_of(path) -> dict[str, tuple]:
    """Kind and inputs of the nodes of a graph, by name."""
    (graph,) = [fields(r)[4][0] for r in records(path) if 4 in fields(r)]
    found = {}
    for content in fields(graph)[1]:
        node = fields(content)
        inputs = [name.decode() for name in node.get(3, [])]
        found[node[1][0].decode()] = (node[2][0].decode(), inputs)
    return found


def test_a_graph_has_a_box_for_each_module(tmp_path):
    model = network()
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(model, cr.zeros(5, 4))
    nodes = nodes_of(event_file(tmp_path))
    assert nodes["input/0"] == ("Placeholder", [])
    assert nodes["Sequential/0/weight"] == nodes["Sequential/4/bias"] == ("Variable", [])
    assert nodes["Sequential/3/Relu_1"][0] == "Relu"
    reached, waiting = set(), ["output/0"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [n for n in nodes[name][1] if n not in reached]
    assert {"input/0", "Sequential/0/weight", "Sequential/1/bias"} <= reached


def test_a_graph_changes_nothing(tmp_path):
    class Remembers(cr.nn.Linear):
        def forward(self, x):
            self.seen = super().forward(x)
            return {"y": self.seen, "again": (x, cr.ones(2))}

    model = cr.nn.Sequential(network(), Remembers(2, 2))
    state = {name: x.tolist() for name, x in model.state_dict().items()}
    chance = cr.get_rng_state().tolist()
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(model, (cr.zeros(5, 4, requires_grad=True),))
    assert {name: x.tolist() for name, x in model.state_dict().items()} == state
    assert cr.get_rng_state().tolist() == chance
    assert not hasattr(model[1], "seen") and all(p.grad is None for p in model.parameters())
    assert [n for n in nodes_of(event_file(tmp_path)) if n.startswith("output/")]
    assert model(cr.zeros(5, 4))["y"].shape == (5, 2)


def test_a_graph_that_cannot_be_traced(tmp_path, capsys):
    class Looks(cr.nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else x

    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(TraceError):
            writer.add_graph(Looks(2, 2), cr.ones(1, 2))
        with pytest.raises(TypeError, match="CR851"):
            writer.add_graph(Looks(2, 2))
        assert len(records(event_file(tmp_path))) == 1
        writer.add_graph(cr.nn.Linear(2, 2), cr.ones(1, 2), verbose=True)
    assert "MatMul" in capsys.readouterr().out


WRONG = {
    "two numbers": lambda w: w.add_scalar("x", [1.0, 2.0]),
    "no number": lambda w: w.add_scalar("x", "high"),
    "nothing to count": lambda w: w.add_histogram("x", [np.nan]),
    "no values": lambda w: w.add_histogram("x", []),
    "a missing limit": lambda w: w.add_histogram_raw("x", 0, 1, 1, 1, 1, [1.0], [1, 2]),
    "two channels": lambda w: w.add_image("x", np.zeros((2, 4, 4))),
    "a batch": lambda w: w.add_image("x", np.zeros((2, 3, 4, 4))),
    "axes twice": lambda w: w.add_image("x", np.zeros((3, 4, 4)), dataformats="CCW"),
    "no pixel": lambda w: w.add_image("x", np.zeros((3, 0, 4))),
    "two rows of sound": lambda w: w.add_audio("x", np.zeros((2, 9))),
    "other labels": lambda w: w.add_pr_curve("x", [0, 1], [0.5]),
    "two limits": lambda w: w.add_custom_scalars_marginchart(["a", "b"]),
    "a setting": lambda w: w.add_hparams({"x": [1, 2]}, {}),
    "no such setting": lambda w: w.add_hparams({"x": 1}, {}, {"y": [1]}),
    "a choice": lambda w: w.add_hparams({"x": 1}, {}, {"x": ["one"]}),
    "a row": lambda w: w.add_embedding([1.0, 2.0]),
    "fewer labels": lambda w: w.add_embedding(VALUES, metadata=["a"]),
    "other columns": lambda w: w.add_embedding(VALUES[:1], ["ab"], metadata_header=["a"]),
    "flat pictures": lambda w: w.add_embedding(VALUES, label_img=VALUES),
    "a tensor": lambda w: w.add_tensor("x", np.zeros(2, np.uint64)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_shown_is_refused(tmp_path, case):
    with SummaryWriter(tmp_path) as writer, pytest.raises(ArgumentError, match="CR851"):
        WRONG[case](writer)
    assert not summaries(event_file(tmp_path))


def test_folders_that_cannot_be_written(tmp_path):
    with pytest.raises(ArgumentError, match=r"CR852.*s3://bucket"):
        SummaryWriter("s3://bucket/run")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="CR803"):
        SummaryWriter(tmp_path / "file")


def test_the_signatures_are_pytorch_s():
    inspect = pytest.importorskip("inspect")
    pytest.importorskip("tensorboard")
    torch = pytest.importorskip("torch.utils.tensorboard")
    theirs = torch.SummaryWriter
    for name in dir(theirs):
        if name.startswith("_") or not name.startswith(("add_", "flush", "close")):
            continue
        if hasattr(SummaryWriter, name):
            ours = inspect.signature(getattr(SummaryWriter, name)).parameters
            assert list(ours) == list(inspect.signature(getattr(theirs, name)).parameters)


# -- read by TensorBoard ---------------------------------------------------------------


def write_everything(writer) -> None:
    writer.add_scalar("loss", 0.5, 1)
    writer.add_scalar("new", 0.1, 3, new_style=True, double_precision=True)
    writer.add_scalars("pair", {"a": 1.0, "b": 2.0}, 4)
    writer.add_histogram("weights", VALUES, 2)
    writer.add_image("picture", COLOUR, 1)
    writer.add_audio("sound", np.zeros(100), 1)
    writer.add_text("note", "# héllo", 1)
    writer.add_tensor("table", VALUES, 1)
    writer.add_pr_curve("curve", [0, 1], [0.2, 0.9], 1, 20)
    writer.add_custom_scalars({"c": {"t": ["Multiline", ["loss"]]}})
    writer.add_hparams(
        {"lr": 0.1, "optimizer": "sgd", "nesterov": True, "none": None, "n": cr.tensor(3)},
        {"accuracy": 0.5},
        {"optimizer": ["sgd", "adam"]},
        run_name="settings",
    )
    writer.add_graph(network(), cr.zeros(5, 4))
    writer.add_embedding(
        VALUES,
        [[f"a\t{i}", i] for i in range(50)],
        RNG.random((50, 3, 4, 5)),
        2,
        'my "own"',
        ["name", "n"],
    )


@pytest.fixture
def accumulated(tmp_path):
    """Reads a folder with TensorBoard, after everything was written to it."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    module = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed",
    )
    with SummaryWriter(tmp_path) as writer:
        write_everything(writer)

    def read(below=""):
        found = module.EventAccumulator(str(tmp_path / below), {"tensors": 0})
        found.Reload()
        return found

    return read


def test_tensorboard_reads_every_kind(accumulated):
    make_ndarray = pytest.importorskip("tensorboard.util.tensor_util").make_ndarray
    read = accumulated()
    tags = read.Tags()
    assert tags["scalars"] == ["loss"] and read.Scalars("loss")[0].value == 0.5
    assert read.Histograms("weights")[0].histogram_value.num == 350
    assert read.Images("picture")[0].width == 6
    assert read.Audio("sound")[0].content_type == "audio/wav"
    tensors = {tag: make_ndarray(read.Tensors(tag)[0].tensor_proto) for tag in tags["tensors"]}
    assert tensors["new"] == 0.1
    assert tensors["note/text_summary"][0].decode() == "# héllo"
    assert (tensors["table"] == VALUES).all()
    assert tensors["curve"].shape == (6, 20)
    plugins = {tag: read.SummaryMetadata(tag).plugin_data.plugin_name for tag in tensors}
    assert plugins["curve"] == "pr_curves" and plugins["new"] == "scalars"
    assert {node.op for node in read.Graph().node} >= {"Placeholder", "MatMul", "Relu"}
    assert accumulated("pair_b").Scalars("pair")[0].value == 2.0


def test_tensorboard_reads_settings_and_layouts(accumulated):
    layout = pytest.importorskip("tensorboard.plugins.custom_scalar.layout_pb2").Layout()
    hparams = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    read = accumulated("settings")
    start = hparams.parse_session_start_info_plugin_data(
        read.SummaryMetadata(hparams.SESSION_START_INFO_TAG).plugin_data.content
    )
    assert start.hparams["lr"].number_value == 0.1 and start.hparams["n"].number_value == 3
    assert start.hparams["optimizer"].string_value == "sgd"
    assert start.hparams["nesterov"].bool_value and "none" not in start.hparams
    experiment = hparams.parse_experiment_plugin_data(
        read.SummaryMetadata(hparams.EXPERIMENT_TAG).plugin_data.content
    )
    (choice,) = [info for info in experiment.hparam_infos if info.name == "optimizer"]
    assert [v.string_value for v in choice.domain_discrete.values] == ["sgd", "adam"]
    assert experiment.metric_infos[0].name.tag == "accuracy"
    assert read.Scalars("accuracy")[0].value == 0.5
    tensor = accumulated().Tensors("custom_scalars__config__")[0].tensor_proto
    layout.ParseFromString(tensor.string_val[0])
    assert list(layout.category[0].chart[0].multiline.tag) == ["loss"]


def test_tensorboard_reads_embeddings(accumulated, tmp_path):
    text_format = pytest.importorskip("google.protobuf.text_format")
    module = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    config = text_format.Parse(
        (tmp_path / "projector_config.pbtxt").read_text(), module.ProjectorConfig()
    )
    (embedding,) = config.embeddings
    assert embedding.tensor_name == 'my "own":00002'
    table = np.loadtxt(tmp_path / embedding.tensor_path, delimiter="\t")
    assert (table.astype(np.float32) == VALUES).all()
    lines = (tmp_path / embedding.metadata_path).read_text().splitlines()
    assert lines[:2] == ["name\tn", "a 0\t0"] and len(lines) == 51
    assert list(embedding.sprite.single_image_dim) == [5, 4]
    head = (tmp_path / embedding.sprite.image_path).read_bytes()[16:24]
    assert struct.unpack(">II", head) == (8 * 5, 8 * 4)


def test_tensorboard_forgets_what_was_purged(tmp_path):
    module = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed",
    )
    for purge, values in ((None, [1.0, 2.0, 9.0, 9.0]), (2, [3.0])):
        with SummaryWriter(tmp_path, purge_step=purge) as writer:
            for step, value in enumerate(values, start=purge or 0):
                writer.add_scalar("loss", value, step)
    read = module.EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(e.step, e.value) for e in read.Scalars("loss")] == [(0, 1), (1, 2), (2, 3)]
