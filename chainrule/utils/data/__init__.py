"""`chainrule.utils.data`: the names of chainrule.data that programs import from here."""

from chainrule.data import BatchSampler as BatchSampler
from chainrule.data import ChainDataset as ChainDataset
from chainrule.data import ConcatDataset as ConcatDataset
from chainrule.data import DataLoader as DataLoader
from chainrule.data import Dataset as Dataset
from chainrule.data import DistributedSampler as DistributedSampler
from chainrule.data import IterableDataset as IterableDataset
from chainrule.data import RandomSampler as RandomSampler
from chainrule.data import Sampler as Sampler
from chainrule.data import SequentialSampler as SequentialSampler
from chainrule.data import StackDataset as StackDataset
from chainrule.data import Subset as Subset
from chainrule.data import SubsetRandomSampler as SubsetRandomSampler
from chainrule.data import TensorDataset as TensorDataset
from chainrule.data import WeightedRandomSampler as WeightedRandomSampler
from chainrule.data import default_collate as default_collate
from chainrule.data import default_convert as default_convert
from chainrule.data import get_worker_info as get_worker_info
from chainrule.data import random_split as random_split
from chainrule.utils.data import dataloader as dataloader
from chainrule.utils.data import dataset as dataset
from chainrule.utils.data import distributed as distributed
from chainrule.utils.data import sampler as sampler
