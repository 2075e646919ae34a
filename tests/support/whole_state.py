"""What a tool must leave as it was, as one value that can be compared to the bit."""

from __future__ import annotations

import random

import numpy as np

import chainrule as cr


def whole_state(model, optimizer=None, loader=None):
    """Weights, buffers, gradients, modes, optimizer, random streams, the loader's position."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return [
        [(name, id(x), described(x), id(x.grad), described(x.grad)) for name, x in tensors],
        [(type(m), m.training, sorted(vars(m))) for m in model.modules()],
        [p.requires_grad for p in model.parameters()],
        [cr.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())],
        None if optimizer is None else described(optimizer.state_dict()),
        None if loader is None else str(loader.state_dict()),
    ]


def described(value):
    """Plain values; the numbers of tensors as bytes."""
    if isinstance(value, cr.Tensor):
        return value.detach().numpy().tobytes()
    if isinstance(value, dict):
        return {k: described(v) for k, v in value.items()}
    return [described(v) for v in value] if isinstance(value, (list, tuple)) else value
