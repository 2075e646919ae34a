"""Seeds and states of the default random generator, under PyTorch's name."""

from chainrule.tensor.generator import default_generator as default_generator
from chainrule.tensor.generator import get_rng_state as get_rng_state
from chainrule.tensor.generator import initial_seed as initial_seed
from chainrule.tensor.generator import manual_seed as manual_seed
from chainrule.tensor.generator import seed as seed
from chainrule.tensor.generator import set_rng_state as set_rng_state
