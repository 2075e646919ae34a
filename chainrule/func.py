"""Functions of functions, and of modules, under PyTorch's name."""

from chainrule.nn.functional_call import functional_call as functional_call
