"""Report: the callback that keeps the journal of a training and writes its report."""

from __future__ import annotations

import html
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.doctor.measures import parameter_count
from chainrule.doctor.tools.restoring import restored
from chainrule.errors import ChainruleError
from chainrule.journal import Journal
from chainrule.journal.writing import warn_of_loss
from chainrule.report import looks
from chainrule.report.batches import again
from chainrule.report.environment import environment
from chainrule.report.examined import Examined
from chainrule.report.thinning import Moment, Thinning
from chainrule.report.training import configuration
from chainrule.report.writing import write_report
from chainrule.tensor.generator import initial_seed
from chainrule.train.callback import Callback

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer

SHARE = 0.02  # of the time, at most, goes into pages that are written during a training
LARGEST_SHOWN = 2**22  # bytes of a page in a notebook
FIRST_PAGE = 0.1  # seconds, before it is known what one takes


class Report(Callback):
    """Keeps the journal of a training in a folder, and writes report.html from it.

    The page is written when the training ends, also by Ctrl-C or an error, and after an epoch
    wherever that takes at most 2 % of the time.

    Args:
        folder: of the run; it is made where it is missing.
        config: what else belongs to the configuration, such as the names of the data.
        labels: the names of the classes; those of the dataset if None.
        samples: of the validation data that the model is asked about at the end, for the
            confusion matrix and the worst mistakes; 0 for none.

    Notes: the last line of a notebook's cell shows the page if it is a Report. Looking changes
        nothing in the training: random numbers, modes and the order of the data are put back.
        What cannot be looked at is said in the report, and is no error. A resumed training
        goes on with the journal; what the journal holds of later steps counts as not having
        happened. A journal that can no longer be written, as on a full disk, is left as it is
        with a warning, and the training goes on.

    Raises: RunError (CR803, CR822, CR823) when the training begins, for a folder in which
        there can be no journal.

    Example:
        >>> import chainrule as cr
        >>> x = cr.linspace(-1, 1, 16).reshape(16, 1)
        >>> data = cr.utils.data.DataLoader(cr.utils.data.TensorDataset(x, 2 * x), batch_size=4)
        >>> line = cr.nn.Linear(1, 1)
        >>> optimizer = cr.optim.SGD(line.parameters(), lr=0.5)
        >>> report = Report("runs/line")
        >>> trainer = cr.train.Trainer(
        ...     line, cr.nn.MSELoss(), optimizer, data, epochs=2, callbacks=[report]
        ... )
        >>> history = trainer.fit()
        >>> report.page.exists()
        True
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        config: Mapping[str, Any] | None = None,
        labels: Sequence[str] | None = None,
        samples: int = 2_000,
    ) -> None:
        self.folder = Path(folder)
        self.page = self.folder / "report.html"
        self.journal: Journal | None = None  # open while the training runs
        self.config = dict(config or {})
        self.labels = labels
        self.samples = samples
        self._thinning = Thinning()
        self._examined = Examined()
        self._cost = FIRST_PAGE  # seconds that the last page took
        self._written = 0.0  # when that was

    def __repr__(self) -> str:
        return f"Report({str(self.folder)!r})"

    def _repr_html_(self) -> str | None:
        """The page inside a notebook, where it is there and not too large for one."""
        if not self.page.exists() or self.page.stat().st_size > LARGEST_SHOWN:
            return None
        page = html.escape(self.page.read_text(encoding="utf-8"))
        style = "width: 100%; height: 640px; border: 1px solid #8888; border-radius: 6px"
        return f'<iframe title="Report" srcdoc="{page}" style="{style}"></iframe>'

    def training_begins(self, trainer: Trainer) -> None:
        """Open the journal, and write down what is trained, and how."""
        self.journal = Journal(self.folder, failing=warn_of_loss)
        self._thinning, self._examined = Thinning(), Examined()
        self._written = time.perf_counter()
        if not self.journal.is_new:
            self.journal.write("resumed", step=trainer.step, time=time.time())
        self.journal.write(
            "run",
            config={**configuration(trainer), **self.config},
            environment=environment(),
            seed=initial_seed(),
            model=type(trainer.model).__name__,
            optimizer=type(trainer.optimizer).__name__,
            parameters=parameter_count(trainer.model),
        )
        self._look(trainer, "batch", lambda: self._batch(trainer))

    def step_ends(self, trainer: Trainer) -> None:
        """Write the loss and the learning rate, and what the doctor says of the step."""
        assert self.journal is not None
        rate = trainer.optimizer.param_groups[0]["lr"]
        self._write(self._thinning.add(Moment(trainer.step, trainer.loss, rate)))
        self._examined.follow(trainer, self.journal)

    def epoch_ends(self, trainer: Trainer) -> None:
        """Write the scores of the epoch, and the page if there is time for it."""
        assert self.journal is not None
        record = dict(trainer.history[-1])
        epoch, step = record.pop("epoch"), record.pop("step")
        self._write(self._thinning.rest())
        self.journal.scalars(step, record, epoch=epoch, epoch_end=True)
        if self._cost < SHARE * (time.perf_counter() - self._written):
            self._write_page()

    def close(self, trainer: Trainer) -> None:
        """Look at what was learned, write the page, and close the journal."""
        if self.journal is None:
            return
        error = sys.exc_info()[1]
        warn = warn_of_loss if error is None else _keep_quiet
        try:
            self._write(self._thinning.rest())
            self._examined.end(trainer, self.journal)
            known = parameter_count(trainer.model)  # those of lazy layers, too
            self.journal.write("run", parameters=known)
            if error is None or isinstance(error, KeyboardInterrupt):
                self._look(trainer, "architecture", lambda: self._architecture(trainer))
                self._look(trainer, "answers", lambda: self._answers(trainer))
            self.journal.write("end", state=_state(trainer, error), step=trainer.step)
        except ChainruleError as failure:
            warn(failure)
        self.journal.close()
        self.journal = None
        self._write_page(warn)

    def _write(self, moments: Iterable[Moment]) -> None:
        assert self.journal is not None
        for moment in moments:
            values = {"train_loss": moment.loss, "learning_rate": moment.rate}
            self.journal.scalars(moment.step, values)

    def _write_page(self, warn: Callable[[ChainruleError], None] | None = None) -> None:
        """Write the page; that this fails is no reason to lose what was trained."""
        began = time.perf_counter()
        try:
            write_report(self.folder, self.page)
        except ChainruleError as failure:
            (warn or warn_of_loss)(failure)
        self._written = time.perf_counter()
        self._cost = self._written - began

    def _look(self, trainer: Trainer, what: str, look: Callable[[], None]) -> None:
        """Look at something; models and data are the program's, and may refuse in any way."""
        assert self.journal is not None
        try:
            look()
        except Exception as failure:
            reason = str(failure) or type(failure).__name__
            text = f"The report has no {what}: {reason}"
            self.journal.write("note", step=trainer.step, text=text)

    def _batch(self, trainer: Trainer) -> None:
        assert self.journal is not None
        batches = again(trainer.batches)
        if batches is not None:
            with restored(trainer.batches):
                self.journal.write("batch", items=looks.batch_items(batches))

    def _architecture(self, trainer: Trainer) -> None:
        assert self.journal is not None
        batches = again(trainer.batches)
        if batches is not None:
            with restored(trainer.batches):
                root = looks.architecture(trainer.model, batches)
            self.journal.write("architecture", root=root)

    def _answers(self, trainer: Trainer) -> None:
        """The confusion matrix and the mistakes, on the validation data where there are any."""
        assert self.journal is not None
        given = trainer.batches if trainer.validation is None else trainer.validation
        batches = again(given) if self.samples else None
        if batches is None:
            return
        with restored(given):
            found = looks.answers(trainer.model, batches, self.samples)
        if found is None:
            return
        classes = looks.decided(found, trainer.loss_function)
        if classes is not None:
            counts = looks.confusion(*classes, max(2, found.outputs.shape[-1]))
            labels = self._labels(given, len(counts))
            self.journal.write("confusion", step=trainer.step, labels=labels, counts=counts)
        items = looks.mistakes(found, trainer.loss_function, classes)
        self.journal.write("mistakes", step=trainer.step, items=items)

    def _labels(self, batches: Any, count: int) -> list[str]:
        names = self.labels or getattr(getattr(batches, "dataset", None), "classes", None)
        fitting = isinstance(names, Sequence) and len(names) == count
        return [str(name) for name in (names if fitting and names else range(count))]


def _state(trainer: Trainer, error: BaseException | None) -> str:
    """How the training ended."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped by Ctrl-C"
    if error is not None:
        return f"failed: {error or type(error).__name__}"
    early = trainer.stopped and trainer.epoch < trainer.epochs
    return "finished early" if early else "finished"


def _keep_quiet(failure: ChainruleError) -> None:
    """An error that ends the training is what the user must see, and it alone."""
