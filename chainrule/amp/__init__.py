"""Narrow types in training, under PyTorch's name."""

from chainrule.optim.grad_scaler import GradScaler as GradScaler
from chainrule.tensor.autocast import autocast as autocast
