"""Differentiation, under PyTorch's name."""

from chainrule.autograd import functional as functional
from chainrule.autograd import profiler as profiler
from chainrule.tensor.anomaly import detect_anomaly as detect_anomaly
from chainrule.tensor.anomaly import set_detect_anomaly as set_detect_anomaly
from chainrule.tensor.function import Function as Function
from chainrule.tensor.function import once_differentiable as once_differentiable
from chainrule.tensor.grad_mode import enable_grad as enable_grad
from chainrule.tensor.grad_mode import inference_mode as inference_mode
from chainrule.tensor.grad_mode import no_grad as no_grad
from chainrule.tensor.grad_mode import set_grad_enabled as set_grad_enabled
from chainrule.tensor.gradcheck import gradcheck as gradcheck
from chainrule.tensor.gradcheck import gradgradcheck as gradgradcheck
from chainrule.tensor.gradient import backward as backward
from chainrule.tensor.gradient import grad as grad
from chainrule.tensor.variable import Variable as Variable
