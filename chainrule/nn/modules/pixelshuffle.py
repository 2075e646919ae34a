"""Pixel shuffling under PyTorch's name."""

from chainrule.nn.pixel_shuffle import PixelShuffle as PixelShuffle
from chainrule.nn.pixel_shuffle import PixelUnshuffle as PixelUnshuffle
