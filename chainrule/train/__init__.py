"""The training loop, the Trainer that runs it, and files that keep what was trained."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from chainrule.train.callback import Callback as Callback
from chainrule.train.checkpoints import checkpoints as checkpoints
from chainrule.train.checkpoints import load_checkpoint as load_checkpoint
from chainrule.train.checkpoints import save_checkpoint as save_checkpoint
from chainrule.train.csv_log import CSVLog as CSVLog
from chainrule.train.evaluation import evaluate as evaluate
from chainrule.train.keeping import Checkpoint as Checkpoint
from chainrule.train.keeping import EarlyStopping as EarlyStopping
from chainrule.train.keeping import History as History
from chainrule.train.progress import Progress as Progress
from chainrule.train.saving import load as load
from chainrule.train.saving import save as save

if _TYPE_CHECKING:
    from chainrule.train.tensorboard import TensorBoard as TensorBoard
    from chainrule.train.trainer import Trainer as Trainer

#: what is loaded when it is first used, and where it is: the doctor comes with the Trainer
_LATER = {"TensorBoard": "tensorboard", "Trainer": "trainer"}


def __getattr__(name: str) -> _Any:
    """What is loaded later."""
    if name in _LATER:
        return getattr(_importlib.import_module(f"chainrule.train.{_LATER[name]}"), name)
    raise AttributeError(f"module 'chainrule.train' has no attribute {name!r}")
