"""What is done to many parameters at once, under PyTorch's name."""

from chainrule.nn.utils.clip_grad import clip_grad_norm_ as clip_grad_norm_
from chainrule.nn.utils.clip_grad import clip_grad_value_ as clip_grad_value_
from chainrule.nn.utils.clip_grad import get_total_norm as get_total_norm
from chainrule.nn.utils.convert_parameters import parameters_to_vector as parameters_to_vector
from chainrule.nn.utils.convert_parameters import vector_to_parameters as vector_to_parameters
