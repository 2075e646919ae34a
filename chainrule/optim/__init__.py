"""Optimizers and learning-rate schedules."""

from chainrule.optim import lr_scheduler as lr_scheduler
from chainrule.optim.adagrad import Adagrad as Adagrad
from chainrule.optim.adam import Adam as Adam
from chainrule.optim.adamw import AdamW as AdamW
from chainrule.optim.optimizer import Optimizer as Optimizer
from chainrule.optim.rmsprop import RMSprop as RMSprop
from chainrule.optim.sgd import SGD as SGD
