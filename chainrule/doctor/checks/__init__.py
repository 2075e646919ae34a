"""The checks: each a pure function from the facts to what is wrong, one file for a stage."""

from chainrule.doctor.checks import data as data
from chainrule.doctor.checks import dynamics as dynamics
from chainrule.doctor.checks import generalization as generalization
from chainrule.doctor.checks import initialization as initialization
from chainrule.doctor.checks import loss as loss
from chainrule.doctor.checks import signals as signals
from chainrule.doctor.checks import stalling as stalling
from chainrule.doctor.checks import wiring as wiring
