"""The states of the random generators that are not chainrule's: Python's and NumPy's."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np


def random_states() -> dict[str, Any]:
    """Where `random` and `numpy.random` are, as plain values."""
    kind, words, gauss = random.getstate()
    numpy_state: Any = np.random.get_state(legacy=False)
    inner = {name: np.asarray(value).tolist() for name, value in numpy_state["state"].items()}
    return {
        "python": [kind, list(words), gauss],
        "numpy": {**numpy_state, "state": inner},
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Go on from states that random_states() returned."""
    kind, words, gauss = states["python"]
    random.setstate((kind, tuple(words), gauss))
    inner = {
        n: np.array(v, np.uint32) if isinstance(v, list) else v
        for n, v in states["numpy"]["state"].items()
    }
    np.random.set_state({**states["numpy"], "state": inner})
