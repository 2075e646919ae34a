"""Datasets, the order in which they are read, and batches of them."""

from chainrule.data.augment import RandomAffine as RandomAffine
from chainrule.data.collate import default_collate as default_collate
from chainrule.data.collate import default_convert as default_convert
from chainrule.data.dataset import ConcatDataset as ConcatDataset
from chainrule.data.dataset import Dataset as Dataset
from chainrule.data.dataset import Subset as Subset
from chainrule.data.dataset import TensorDataset as TensorDataset
from chainrule.data.dataset import random_split as random_split
from chainrule.data.digits import digits as digits
from chainrule.data.loader import DataLoader as DataLoader
from chainrule.data.mnist import mnist as mnist
from chainrule.data.sampler import BatchSampler as BatchSampler
from chainrule.data.sampler import RandomSampler as RandomSampler
from chainrule.data.sampler import Sampler as Sampler
from chainrule.data.sampler import SequentialSampler as SequentialSampler
from chainrule.data.splits import Splits as Splits
from chainrule.data.splits import stratified_split as stratified_split
