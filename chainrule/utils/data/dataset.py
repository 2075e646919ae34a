"""`chainrule.utils.data.dataset`, as programs import it."""

from chainrule.data import ChainDataset as ChainDataset
from chainrule.data import ConcatDataset as ConcatDataset
from chainrule.data import Dataset as Dataset
from chainrule.data import IterableDataset as IterableDataset
from chainrule.data import StackDataset as StackDataset
from chainrule.data import Subset as Subset
from chainrule.data import TensorDataset as TensorDataset
from chainrule.data import random_split as random_split
