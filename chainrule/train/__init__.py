"""The training loop, the Trainer that runs it, and files that keep what was trained."""

from chainrule.train.callback import Callback as Callback
from chainrule.train.checkpoints import checkpoints as checkpoints
from chainrule.train.checkpoints import load_checkpoint as load_checkpoint
from chainrule.train.checkpoints import save_checkpoint as save_checkpoint
from chainrule.train.evaluation import evaluate as evaluate
from chainrule.train.keeping import Checkpoint as Checkpoint
from chainrule.train.keeping import EarlyStopping as EarlyStopping
from chainrule.train.keeping import History as History
from chainrule.train.progress import Progress as Progress
from chainrule.train.saving import load as load
from chainrule.train.saving import save as save
from chainrule.train.trainer import Trainer as Trainer
