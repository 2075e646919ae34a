"""ONNX export, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(export,) = unusable("onnx", "onnx.export")
__getattr__ = family("onnx", "onnx")
