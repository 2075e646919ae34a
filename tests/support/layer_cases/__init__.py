"""Cases of layers and functions that are compared with PyTorch.

Each file of this folder calls `case(name, make, *inputs)`, where `make(t)` makes a layer or
a function of the module `t`, chainrule or torch; `recorded/` has PyTorch's answers.
"""

import importlib
import pkgutil

from layer_cases.making import CASES

#: the names of the cases in each file
FILES = {}
for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    known = set(CASES)
    importlib.import_module(f"{__name__}.{module}")
    if names := [name for name in CASES if name not in known]:
        FILES[module] = names
