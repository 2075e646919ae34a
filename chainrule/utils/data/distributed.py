"""`chainrule.utils.data.distributed`, as programs import it."""

from chainrule.data import DistributedSampler as DistributedSampler
