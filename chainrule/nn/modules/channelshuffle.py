"""Channel shuffling under PyTorch's name."""

from chainrule.nn.pixel_shuffle import ChannelShuffle as ChannelShuffle
