"""Modules called with other parameters than their own, under PyTorch's older name."""

from chainrule.nn.functional_call import functional_call as functional_call
