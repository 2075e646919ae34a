"""`chainrule.utils.data.dataloader`, as programs import it."""

from chainrule.data import DataLoader as DataLoader
from chainrule.data import default_collate as default_collate
from chainrule.data import default_convert as default_convert
from chainrule.data import get_worker_info as get_worker_info
