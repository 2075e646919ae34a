"""Models by download, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(load, load_state_dict_from_url) = unusable("hub", "hub.load", "hub.load_state_dict_from_url")
__getattr__ = family("hub", "hub")
