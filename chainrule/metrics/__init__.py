"""Scores that are gathered batch by batch."""

from chainrule.metrics.classification import ConfusionMatrix as ConfusionMatrix
from chainrule.metrics.classification import F1Score as F1Score
from chainrule.metrics.classification import FBetaScore as FBetaScore
from chainrule.metrics.classification import Precision as Precision
from chainrule.metrics.classification import Recall as Recall
from chainrule.metrics.metric import Metric as Metric
from chainrule.metrics.perplexity import Perplexity as Perplexity
from chainrule.metrics.ranking import AUROC as AUROC
from chainrule.metrics.ranking import AveragePrecision as AveragePrecision
from chainrule.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from chainrule.metrics.regression import MeanSquaredError as MeanSquaredError
from chainrule.metrics.regression import R2Score as R2Score
from chainrule.metrics.regression import RootMeanSquaredError as RootMeanSquaredError
from chainrule.metrics.scores import Accuracy as Accuracy
from chainrule.metrics.scores import Mean as Mean
