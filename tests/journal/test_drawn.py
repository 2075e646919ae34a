"""Boxes on pictures, videos and meshes in event files."""

import io
import json
import sys

import numpy as np
import pytest
from event_reader import fields, summaries

import chainrule as cr
from chainrule.errors import ArgumentError
from chainrule.utils.tensorboard import SummaryWriter

RNG = np.random.default_rng(4)
RED = [255, 0, 0]


@pytest.fixture
def image():
    return pytest.importorskip("PIL.Image", reason="pictures are drawn with Pillow")


def values(tmp_path, write) -> list[dict]:
    with SummaryWriter(tmp_path) as writer:
        write(writer)
    (path,) = tmp_path.glob("events.*")
    return [value for _, _, value in summaries(path)]


def encoded(tmp_path, write) -> bytes:
    """The picture of the one summary, after a look at the size that it claims."""
    ((value,),) = [values(tmp_path, write)]
    return fields(value[4][0])[4][0]


def pixels(image, tmp_path, write) -> np.ndarray:
    return np.asarray(image.open(io.BytesIO(encoded(tmp_path, write))))


# -- boxes -----------------------------------------------------------------------------


def test_a_box_is_drawn_where_its_corners_are(image, tmp_path):
    grey = np.full((1, 20, 30), 0.5)
    found = pixels(
        image,
        tmp_path,
        lambda w: w.add_image_with_boxes("x", grey, cr.tensor([[4, 3, 24, 15]])),
    )
    assert found.shape == (20, 30, 3)
    red = (found == RED).all(-1)
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (3, 15, 4, 24)
    assert not red[6:12, 8:20].any() and (found[8, 10] == 127).all()


def test_corners_may_come_in_any_order_and_there_may_be_no_box(image, tmp_path):
    picture = np.zeros((12, 12, 3), np.uint8)
    one, other, none = (
        pixels(
            image, tmp_path / str(i),
            lambda w, b=boxes: w.add_image_with_boxes("x", picture, b, dataformats="HWC"),
        )
        for i, boxes in enumerate(([[2, 2, 9, 8]], [[9, 8, 2, 2]], np.zeros((0, 4))))
    )  # fmt: skip
    assert (one == other).all() and one.any() and not none.any()


def test_a_picture_grows_with_its_boxes(image, tmp_path):
    (value,) = values(
        tmp_path,
        lambda w: w.add_image_with_boxes("x", np.zeros((3, 8, 10)), [[1, 1, 8, 6]], rescale=4),
    )
    read = fields(value[4][0])
    found = np.asarray(image.open(io.BytesIO(read[4][0])))
    assert [read[n][0] for n in (1, 2, 3)] == [32, 40, 3] == list(found.shape)
    columns = np.flatnonzero((found == RED).all(-1).any(0))
    assert (columns[0], columns[-1]) == (4, 32)


@pytest.mark.parametrize("top", [2, 30])
def test_a_label_stands_at_its_box(image, tmp_path, top):
    picture = np.ones((3, 60, 80))
    box = [[10, top, 70, top + 25]]
    bare, named = (
        pixels(
            image, tmp_path / str(name),
            lambda w, n=name: w.add_image_with_boxes("x", picture, box, labels=n),
        )
        for name in (None, "cat")
    )  # fmt: skip
    rows = np.flatnonzero((bare != named).any((1, 2)))
    assert len(rows) > 5 and (rows[-1] < top if top == 30 else rows[0] > top)
    assert (named.max(-1) < 150).any(), "the letters are dark on red"


@pytest.mark.parametrize(
    "wrong",
    [
        {"box_tensor": [1, 2, 3, 4]},
        {"box_tensor": [[1, 2, 3]]},
        {"box_tensor": [[1, 2, 3, np.nan]]},
        {"labels": ["a", "b"]},
        {"rescale": 0},
    ],
)
def test_boxes_that_cannot_be_drawn_are_refused(tmp_path, wrong):
    given = {"img_tensor": np.zeros((3, 8, 8)), "box_tensor": [[1, 1, 5, 5]], **wrong}
    with SummaryWriter(tmp_path) as writer, pytest.raises(ArgumentError, match="CR851"):
        writer.add_image_with_boxes("x", **given)


# -- videos ----------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_video_is_a_gif_that_moves(image, tmp_path, channels):
    levels = np.linspace(0, 1, 5)
    video = np.ones((3, 5, channels, 6, 8)) * levels[:, None, None, None]
    content = encoded(tmp_path, lambda w: w.add_video("x", cr.tensor(video), 1, fps=10))
    moving = image.open(io.BytesIO(content))
    assert (moving.format, moving.size, moving.n_frames) == ("GIF", (24, 6), 5)
    assert moving.info["duration"] == 100 and moving.info["loop"] == 0
    for place, level in enumerate(levels):
        moving.seek(place)
        frame = np.asarray(moving.convert("RGB"), int)
        assert np.abs(frame - int(255 * level)).max() <= 2


@pytest.mark.parametrize(
    ("shape", "fps"), [((4, 3, 8, 8), 4), ((1, 0, 3, 8, 8), 4), ((1, 2, 3, 8, 8), 0)]
)
def test_videos_that_cannot_be_shown_are_refused(tmp_path, shape, fps):
    with SummaryWriter(tmp_path) as writer, pytest.raises(ArgumentError, match="CR851"):
        writer.add_video("x", np.zeros(shape), fps=fps)


def test_without_pillow_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(ArgumentError, match=r"CR853.*pip install pillow"):
            writer.add_video("x", np.zeros((1, 2, 3, 8, 8)))
        with pytest.raises(ArgumentError, match="CR853"):
            writer.add_image_with_boxes("x", np.zeros((3, 8, 8)), [[1, 1, 5, 5]])


# -- meshes ----------------------------------------------------------------------------

POINTS = RNG.normal(size=(1, 4, 3)).astype(np.float32)
FACES = np.array([[[0, 1, 2], [1, 2, 3]]])
COLOURS = RNG.integers(0, 255, (1, 4, 3))


def test_a_mesh_has_a_summary_for_each_part(tmp_path):
    settings = {"camera": {"fov": 75}}
    found = values(
        tmp_path,
        lambda w: w.add_mesh("m", cr.tensor(POINTS), COLOURS, FACES, settings, 5),
    )
    names = [value[1][0].decode() for value in found]
    assert names == ["m_VERTEX", "m_FACE", "m_COLOR"]
    for value, kind, array in zip(found, (1, 2, 3), (POINTS, FACES, COLOURS), strict=True):
        described = fields(fields(fields(value[9][0])[1][0])[2][0])
        assert described[2] == [b"m"] and described[3] == [kind] and described[7] == [14]
        assert json.loads(described[5][0]) == settings and described[6] == list(array.shape)
        numbers = np.frombuffer(fields(value[8][0])[4][0], np.float32)
        assert (numbers.reshape(array.shape) == array).all()


def test_points_alone_are_a_mesh_and_flat_ones_are_none(tmp_path):
    (only,) = values(tmp_path, lambda w: w.add_mesh("m", POINTS))
    assert fields(fields(fields(only[9][0])[1][0])[2][0])[7] == [2]
    with SummaryWriter(tmp_path) as writer, pytest.raises(ArgumentError, match=r"CR851.*face"):
        writer.add_mesh("m", POINTS, faces=FACES[0])


def test_tensorboard_reads_a_mesh(tmp_path):
    metadata = pytest.importorskip("tensorboard.plugins.mesh.metadata")
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with SummaryWriter(tmp_path) as writer:
        writer.add_mesh("m", POINTS, COLOURS, global_step=3)
    read = module.EventAccumulator(str(tmp_path))
    read.Reload()
    content = read.SummaryMetadata("m_COLOR").plugin_data.content
    found = metadata.parse_plugin_metadata(content)
    assert (found.name, found.content_type, list(found.shape)) == ("m", 3, [1, 4, 3])
    assert found.components == metadata.get_components_bitmask([1, 3])
