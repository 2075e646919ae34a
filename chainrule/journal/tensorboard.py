"""SummaryWriter: PyTorch's way of writing what TensorBoard shows."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from chainrule.files import write_text
from chainrule.journal import drawn, summaries
from chainrule.journal.event_file import EventFile
from chainrule.journal.hparams import hparams
from chainrule.journal.model_graph import model_graph
from chainrule.journal.onnx_graph import onnx_graph
from chainrule.journal.projector import CONFIG, write_embedding


class SummaryWriter:
    """Writes numbers, histograms, pictures and texts for TensorBoard, under PyTorch's names.

    Args:
        log_dir: the folder, runs/DATE_TIME_HOST by default.
        comment: goes behind the default name.
        purge_step: after a crash, hide what was written of this step and later ones.
        max_queue, flush_secs: taken, and change nothing: nothing is held back.
        filename_suffix: goes behind the names of event files.

    Raises: ArgumentError for a folder that is not a local one (CR852) or a value that cannot be
    shown (CR851); RunError (CR803) where the folder cannot be written.

    Notes: nothing has to be installed for writing; `pip install "chainrule[tensorboard]"` and
    `tensorboard --logdir runs` for looking. In histograms, values that are not finite are left
    out. A writer that was closed opens a new file when it is written to again.

    Example:
        >>> with SummaryWriter("runs/example") as writer:
        ...     for step in range(3):
        ...         writer.add_scalar("loss", 1 / (1 + step), step)
        >>> len(list(Path("runs/example").iterdir()))
        1
    """

    def __init__(
        self,
        log_dir: str | os.PathLike | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        now = f"{datetime.now():%b%d_%H-%M-%S}"
        self.log_dir = os.fspath(log_dir or f"runs/{now}_{socket.gethostname()}{comment}")
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self._files: dict[str, EventFile] = {}
        self._embeddings = ""
        self._file()

    def get_logdir(self) -> str:
        """The folder of the event files."""
        return self.log_dir

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """A point of a curve."""
        content = summaries.scalar(tag, scalar_value, new_style, double_precision)
        self._file().add(content, global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A point of each of some curves in one chart; each curve has a folder of its own."""
        now = time.time() if walltime is None else walltime
        for tag, value in tag_scalar_dict.items():
            content = summaries.scalar(main_tag, value)
            self._file(f"{main_tag.replace('/', '_')}_{tag}").add(content, global_step, now)

    def add_tensor(
        self,
        tag: str,
        tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """An array as it is, for programs that read event files."""
        self._file().add(summaries.tensor(tag, tensor), global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """How often which values occur; `bins` as numpy.histogram has them."""
        self._file().add(
            summaries.histogram(tag, values, bins, max_bins), global_step, walltime
        )

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: int,
        sum: float,
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A histogram that was counted elsewhere; a limit is the upper one of its bucket."""
        numbers = (min, max, num, sum, sum_squares)
        content = summaries.histogram_raw(tag, *numbers, bucket_limits, bucket_counts)
        self._file().add(content, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """A picture: bytes, or numbers from 0 to 1; `dataformats` names its axes."""
        self._file().add(summaries.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Pictures of one size, eight in a row."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: str | Sequence[str] | None = None,
    ) -> None:
        """A picture with rectangles: rows of left, top, right, bottom, in its pixels.

        Raises: ArgumentError (CR853) without Pillow, which draws them.
        """
        content = summaries.boxes(tag, img_tensor, dataformats, box_tensor, labels, rescale)
        self._file().add(content, global_step, walltime)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: int | None = None,
        fps: float = 4,
        walltime: float | None = None,
    ) -> None:
        """Videos (n, time, channel, height, width) beside each other, as an animated GIF.

        Raises: ArgumentError (CR853) without Pillow, which makes it.
        """
        self._file().add(summaries.video(tag, vid_tensor, fps), global_step, walltime)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A figure of matplotlib, or several of one size; closed afterwards."""
        pixels = drawn.figures(figure, close)
        self.add_image(tag, pixels, global_step, walltime, dataformats="NHWC")

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: int | None = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """A sound, numbers from -1 to 1."""
        self._file().add(summaries.audio(tag, snd_tensor, sample_rate), global_step, walltime)

    def add_text(
        self,
        tag: str,
        text_string: str,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A text, shown as Markdown."""
        self._file().add(summaries.text(tag, text_string), global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Precision and recall of predictions from 0 to 1 for labels 0 and 1."""
        content = summaries.pr_curve(tag, labels, predictions, num_thresholds, weights)
        self._file().add(content, global_step, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """A curve that was counted elsewhere, a number for each threshold."""
        counts = [true_positive_counts, false_positive_counts]
        counts += [true_negative_counts, false_negative_counts]
        content = summaries.pr_curve_raw(tag, [*counts, precision, recall], num_thresholds)
        self._file().add(content, global_step, walltime)

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: dict[str, Any] | None = None,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Points in space (n, points, 3), with colours (bytes), or joined to triangles."""
        now = time.time() if walltime is None else walltime
        for content in summaries.mesh(tag, vertices, colors, faces, config_dict):
            self._file().add(content, global_step, now)

    def add_graph(
        self,
        model: Any,
        input_to_model: Any = None,
        verbose: bool = False,
        use_strict_trace: bool = True,
    ) -> None:
        """The operations of a call of the model, in boxes for its modules.

        Args: input_to_model: its argument, or a tuple of them; verbose: also print the graph;
        use_strict_trace: taken, and changes nothing.

        Raises: TraceError for a model that cannot be traced, see chainrule.compile.
        """
        content, graph = model_graph(model, input_to_model)
        self._file().add_event({4: content}, None, None)
        if verbose:
            print(graph)

    def add_onnx_graph(self, prototxt: str | os.PathLike) -> None:
        """The operations in an ONNX file, in boxes as their names are parted.

        Raises: ArgumentError (CR851) for a file that is not there or is none of ONNX.
        """
        self._file().add_event({4: onnx_graph(prototxt)}, None, None)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """The settings of a run beside its results, in a folder of their own."""
        content = hparams(hparam_dict, metric_dict, hparam_domain_discrete or {})
        with SummaryWriter(os.path.join(self.log_dir, run_name or str(time.time()))) as own:
            for summary in content:
                own._file().add(summary, global_step)
            for name, value in metric_dict.items():
                own.add_scalar(name, value, global_step)

    def add_embedding(
        self,
        mat: Any,
        metadata: Sequence[Any] | None = None,
        label_img: Any = None,
        global_step: int | None = None,
        tag: str = "default",
        metadata_header: Sequence[str] | None = None,
    ) -> None:
        """Points with many coordinates, the rows of `mat`, with labels and pictures."""
        folder = Path(self.log_dir)
        self._embeddings += write_embedding(
            folder, mat, metadata, metadata_header, label_img, global_step, tag
        )
        write_text(folder / CONFIG, self._embeddings)

    def add_custom_scalars(self, layout: dict[str, dict[str, list[Any]]]) -> None:
        """Which curves stand together: {category: {title: ["Multiline" | "Margin", tags]}}."""
        self._file().add(summaries.custom_scalars(layout))

    def add_custom_scalars_multilinechart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Some curves in one chart."""
        self.add_custom_scalars({category: {title: ["Multiline", list(tags)]}})

    def add_custom_scalars_marginchart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """A curve between two others: tags of value, lower and upper limit."""
        self.add_custom_scalars({category: {title: ["Margin", list(tags)]}})

    def flush(self) -> None:
        """Nothing is held back; the system writes to the disk when it is time to."""

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _file(self, below: str = "") -> EventFile:
        """The event file of the folder, or of one below it."""
        if below not in self._files:
            folder = os.path.join(self.log_dir, below) if below else self.log_dir
            purge, self.purge_step = self.purge_step, None
            self._files[below] = EventFile(folder, self.filename_suffix, purge)
        return self._files[below]
