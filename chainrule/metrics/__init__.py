"""Scores that are gathered batch by batch."""

from chainrule.metrics.scores import Accuracy as Accuracy
from chainrule.metrics.scores import Mean as Mean
