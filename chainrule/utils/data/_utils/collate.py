"""How samples become a batch, and the map that says so."""

from chainrule.data.collate import collate as collate
from chainrule.data.collate import default_collate as default_collate
from chainrule.data.collate import default_collate_fn_map as default_collate_fn_map
from chainrule.data.collate import default_convert as default_convert
