"""Jacobians and Hessians, under PyTorch's name."""

from chainrule.tensor.jacobian import hessian as hessian
from chainrule.tensor.jacobian import hvp as hvp
from chainrule.tensor.jacobian import jacobian as jacobian
from chainrule.tensor.jacobian import jvp as jvp
from chainrule.tensor.jacobian import vhp as vhp
from chainrule.tensor.jacobian import vjp as vjp
