"""Optimizers and learning-rate schedules."""

from chainrule.optim import lr_scheduler as lr_scheduler
from chainrule.optim import swa_utils as swa_utils
from chainrule.optim.adadelta import Adadelta as Adadelta
from chainrule.optim.adafactor import Adafactor as Adafactor
from chainrule.optim.adagrad import Adagrad as Adagrad
from chainrule.optim.adam import Adam as Adam
from chainrule.optim.adamax import Adamax as Adamax
from chainrule.optim.adamw import AdamW as AdamW
from chainrule.optim.asgd import ASGD as ASGD
from chainrule.optim.lbfgs import LBFGS as LBFGS
from chainrule.optim.lion import Lion as Lion
from chainrule.optim.muon import Muon as Muon
from chainrule.optim.nadam import NAdam as NAdam
from chainrule.optim.optimizer import Optimizer as Optimizer
from chainrule.optim.radam import RAdam as RAdam
from chainrule.optim.rmsprop import RMSprop as RMSprop
from chainrule.optim.rprop import Rprop as Rprop
from chainrule.optim.sgd import SGD as SGD
