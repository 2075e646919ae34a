"""Fourier transforms, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family

__getattr__ = family("fft", "fft")
