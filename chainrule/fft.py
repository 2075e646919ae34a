"""Fourier transforms, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(fft, ifft, rfft, irfft, fft2, ifft2) = unusable(
    "fft", "fft.fft", "fft.ifft", "fft.rfft", "fft.irfft", "fft.fft2", "fft.ifft2"
)
__getattr__ = family("fft", "fft")
