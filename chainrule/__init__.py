"""chainrule: a deep-learning framework that a person can read whole."""

import warnings
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from chainrule import autograd as autograd
from chainrule import cuda as cuda
from chainrule import nn as nn
from chainrule import optim as optim
from chainrule import random as random
from chainrule import testing as testing
from chainrule import utils as utils
from chainrule.compiler.compile import compile as compile
from chainrule.device import device as device
from chainrule.dtypes import bfloat16 as bfloat16
from chainrule.dtypes import bool_ as bool_
from chainrule.dtypes import can_cast as can_cast
from chainrule.dtypes import dtype as dtype
from chainrule.dtypes import finfo as finfo
from chainrule.dtypes import float16 as float16
from chainrule.dtypes import float32 as float32
from chainrule.dtypes import float64 as float64
from chainrule.dtypes import iinfo as iinfo
from chainrule.dtypes import int8 as int8
from chainrule.dtypes import int16 as int16
from chainrule.dtypes import int32 as int32
from chainrule.dtypes import int64 as int64
from chainrule.dtypes import promote_types as promote_types
from chainrule.dtypes import uint8 as uint8
from chainrule.errors import explain as explain
from chainrule.functional.einsum import einsum as einsum
from chainrule.memory import keep_freed_memory as _keep_freed_memory
from chainrule.tensor.creation import arange as arange
from chainrule.tensor.creation import as_tensor as as_tensor
from chainrule.tensor.creation import asarray as asarray
from chainrule.tensor.creation import empty as empty
from chainrule.tensor.creation import empty_like as empty_like
from chainrule.tensor.creation import eye as eye
from chainrule.tensor.creation import from_dlpack as from_dlpack
from chainrule.tensor.creation import from_numpy as from_numpy
from chainrule.tensor.creation import full as full
from chainrule.tensor.creation import full_like as full_like
from chainrule.tensor.creation import get_default_dtype as get_default_dtype
from chainrule.tensor.creation import linspace as linspace
from chainrule.tensor.creation import logspace as logspace
from chainrule.tensor.creation import normal as normal
from chainrule.tensor.creation import ones as ones
from chainrule.tensor.creation import ones_like as ones_like
from chainrule.tensor.creation import rand as rand
from chainrule.tensor.creation import rand_like as rand_like
from chainrule.tensor.creation import randint as randint
from chainrule.tensor.creation import randint_like as randint_like
from chainrule.tensor.creation import randn as randn
from chainrule.tensor.creation import randn_like as randn_like
from chainrule.tensor.creation import randperm as randperm
from chainrule.tensor.creation import set_default_dtype as set_default_dtype
from chainrule.tensor.creation import tensor as tensor
from chainrule.tensor.creation import zeros as zeros
from chainrule.tensor.creation import zeros_like as zeros_like
from chainrule.tensor.functions.attributes import *
from chainrule.tensor.functions.axes import atleast_1d as atleast_1d
from chainrule.tensor.functions.axes import atleast_2d as atleast_2d
from chainrule.tensor.functions.axes import meshgrid as meshgrid
from chainrule.tensor.functions.comparison import *
from chainrule.tensor.functions.distance import cdist as cdist
from chainrule.tensor.functions.elementwise import *
from chainrule.tensor.functions.joining import cat as cat
from chainrule.tensor.functions.joining import column_stack as column_stack
from chainrule.tensor.functions.joining import concat as concat
from chainrule.tensor.functions.joining import concatenate as concatenate
from chainrule.tensor.functions.joining import hstack as hstack
from chainrule.tensor.functions.joining import stack as stack
from chainrule.tensor.functions.joining import vstack as vstack
from chainrule.tensor.functions.matrix import *
from chainrule.tensor.functions.mixed import is_tensor as is_tensor
from chainrule.tensor.functions.mixed import pow as pow
from chainrule.tensor.functions.mixed import result_type as result_type
from chainrule.tensor.functions.mixed import where as where
from chainrule.tensor.functions.movement import *
from chainrule.tensor.functions.random import *
from chainrule.tensor.functions.reduction import *
from chainrule.tensor.generator import Generator as Generator
from chainrule.tensor.generator import default_generator as default_generator
from chainrule.tensor.generator import get_rng_state as get_rng_state
from chainrule.tensor.generator import initial_seed as initial_seed
from chainrule.tensor.generator import manual_seed as manual_seed
from chainrule.tensor.generator import seed as seed
from chainrule.tensor.generator import set_rng_state as set_rng_state
from chainrule.tensor.grad_mode import enable_grad as enable_grad
from chainrule.tensor.grad_mode import inference_mode as inference_mode
from chainrule.tensor.grad_mode import is_grad_enabled as is_grad_enabled
from chainrule.tensor.grad_mode import is_inference_mode_enabled as is_inference_mode_enabled
from chainrule.tensor.grad_mode import no_grad as no_grad
from chainrule.tensor.grad_mode import set_grad_enabled as set_grad_enabled
from chainrule.tensor.legacy import BFloat16Tensor as BFloat16Tensor
from chainrule.tensor.legacy import BoolTensor as BoolTensor
from chainrule.tensor.legacy import ByteTensor as ByteTensor
from chainrule.tensor.legacy import CharTensor as CharTensor
from chainrule.tensor.legacy import DoubleTensor as DoubleTensor
from chainrule.tensor.legacy import FloatTensor as FloatTensor
from chainrule.tensor.legacy import HalfTensor as HalfTensor
from chainrule.tensor.legacy import IntTensor as IntTensor
from chainrule.tensor.legacy import LongTensor as LongTensor
from chainrule.tensor.legacy import ShortTensor as ShortTensor
from chainrule.tensor.printing import set_printoptions as set_printoptions
from chainrule.tensor.size import Size as Size
from chainrule.tensor.tensor import Tensor as Tensor
from chainrule.train.saving import load as load
from chainrule.train.saving import save as save
from chainrule.version import __version__ as __version__

bool, int, float = bool_, int32, float32  # PyTorch's other names
half, double, short, long = float16, float64, int16, int64

# inf and nan are results like others; NumPy's warnings about them stay out of programs
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"chainrule\.")

_keep_freed_memory()
