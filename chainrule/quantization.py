"""Quantization, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(quantize_dynamic, prepare, convert) = unusable(
    "quantization",
    "quantization.quantize_dynamic",
    "quantization.prepare",
    "quantization.convert",
)
__getattr__ = family("quantization", "quantization")
