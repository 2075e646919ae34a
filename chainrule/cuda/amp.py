"""Narrow types on a GPU, under PyTorch's old names: without one they change nothing."""

import functools

from chainrule.optim.grad_scaler import GradScaler as _GradScaler
from chainrule.tensor.autocast import autocast as _autocast

autocast = functools.partial(_autocast, "cuda")
GradScaler = functools.partial(_GradScaler, "cuda")
