"""`chainrule.utils.data.sampler`, as programs import it."""

from chainrule.data import BatchSampler as BatchSampler
from chainrule.data import RandomSampler as RandomSampler
from chainrule.data import Sampler as Sampler
from chainrule.data import SequentialSampler as SequentialSampler
from chainrule.data import SubsetRandomSampler as SubsetRandomSampler
from chainrule.data import WeightedRandomSampler as WeightedRandomSampler
