"""Distances under PyTorch's name."""

from chainrule.nn.distance import CosineSimilarity as CosineSimilarity
from chainrule.nn.distance import PairwiseDistance as PairwiseDistance
