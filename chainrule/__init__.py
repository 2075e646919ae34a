"""chainrule: a deep-learning framework that a person can read whole."""

import importlib as _importlib
import warnings
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from chainrule import accelerator as accelerator
from chainrule import amp as amp
from chainrule import autograd as autograd
from chainrule import backends as backends
from chainrule import cuda as cuda
from chainrule import distributed as distributed
from chainrule import fft as fft
from chainrule import func as func
from chainrule import fx as fx
from chainrule import hub as hub
from chainrule import jit as jit
from chainrule import linalg as linalg
from chainrule import nn as nn
from chainrule import onnx as onnx
from chainrule import optim as optim
from chainrule import profiler as profiler
from chainrule import quantization as quantization
from chainrule import random as random
from chainrule import sparse as sparse
from chainrule import special as special
from chainrule import testing as testing
from chainrule import utils as utils
from chainrule.absent import top_level as _top_level
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
from chainrule.functional.activation import celu as celu
from chainrule.functional.activation import celu_ as celu_
from chainrule.functional.activation import hardshrink as hardshrink
from chainrule.functional.activation import prelu as prelu
from chainrule.functional.activation import rrelu as rrelu
from chainrule.functional.activation import rrelu_ as rrelu_
from chainrule.functional.activation import selu as selu
from chainrule.functional.activation import selu_ as selu_
from chainrule.functional.activation import threshold as threshold
from chainrule.functional.activation import threshold_ as threshold_
from chainrule.functional.adaptive_pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from chainrule.functional.adaptive_pooling import adaptive_max_pool1d as adaptive_max_pool1d
from chainrule.functional.bilinear import bilinear as bilinear
from chainrule.functional.convolution import conv1d as conv1d
from chainrule.functional.convolution import conv2d as conv2d
from chainrule.functional.convolution import conv3d as conv3d
from chainrule.functional.convolution import conv_transpose1d as conv_transpose1d
from chainrule.functional.convolution import conv_transpose2d as conv_transpose2d
from chainrule.functional.convolution import conv_transpose3d as conv_transpose3d
from chainrule.functional.distance import pairwise_distance as pairwise_distance
from chainrule.functional.distance import pdist as pdist
from chainrule.functional.dropout import dropout as dropout
from chainrule.functional.einsum import einsum as einsum
from chainrule.functional.linalg.factorization import lu_unpack as lu_unpack
from chainrule.functional.linalg.low_rank import pca_lowrank as pca_lowrank
from chainrule.functional.linalg.low_rank import svd_lowrank as svd_lowrank
from chainrule.functional.linalg.products import chain_matmul as chain_matmul
from chainrule.functional.normalization import cosine_similarity as cosine_similarity
from chainrule.functional.normalization import group_norm as group_norm
from chainrule.functional.normalization import layer_norm as layer_norm
from chainrule.functional.normalization import rms_norm as rms_norm
from chainrule.functional.pixel_shuffle import channel_shuffle as channel_shuffle
from chainrule.functional.pixel_shuffle import pixel_shuffle as pixel_shuffle
from chainrule.functional.pixel_shuffle import pixel_unshuffle as pixel_unshuffle
from chainrule.functional.pooling import avg_pool1d as avg_pool1d
from chainrule.functional.pooling import max_pool1d as max_pool1d
from chainrule.functional.pooling import max_pool2d as max_pool2d
from chainrule.functional.pooling import max_pool3d as max_pool3d
from chainrule.memory import keep_freed_memory as _keep_freed_memory
from chainrule.memory_format import channels_last as channels_last
from chainrule.memory_format import channels_last_3d as channels_last_3d
from chainrule.memory_format import contiguous_format as contiguous_format
from chainrule.memory_format import memory_format as memory_format
from chainrule.memory_format import preserve_format as preserve_format
from chainrule.optim.grad_scaler import GradScaler as GradScaler
from chainrule.switches import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
)
from chainrule.switches import get_default_device as get_default_device
from chainrule.switches import get_float32_matmul_precision as get_float32_matmul_precision
from chainrule.switches import set_default_device as set_default_device
from chainrule.switches import set_float32_matmul_precision as set_float32_matmul_precision
from chainrule.switches import use_deterministic_algorithms as use_deterministic_algorithms
from chainrule.tensor.anomaly import is_anomaly_enabled as is_anomaly_enabled
from chainrule.tensor.autocast import autocast as autocast
from chainrule.tensor.autocast import is_autocast_enabled as is_autocast_enabled
from chainrule.tensor.buffers import empty_permuted as empty_permuted
from chainrule.tensor.buffers import empty_strided as empty_strided
from chainrule.tensor.buffers import frombuffer as frombuffer
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
from chainrule.tensor.creation import range as range
from chainrule.tensor.creation import scalar_tensor as scalar_tensor
from chainrule.tensor.creation import set_default_dtype as set_default_dtype
from chainrule.tensor.creation import tensor as tensor
from chainrule.tensor.creation import zeros as zeros
from chainrule.tensor.creation import zeros_like as zeros_like
from chainrule.tensor.functions.attributes import *
from chainrule.tensor.functions.axes import atleast_1d as atleast_1d
from chainrule.tensor.functions.axes import atleast_2d as atleast_2d
from chainrule.tensor.functions.axes import atleast_3d as atleast_3d
from chainrule.tensor.functions.axes import meshgrid as meshgrid
from chainrule.tensor.functions.combining import block_diag as block_diag
from chainrule.tensor.functions.combining import broadcast_shapes as broadcast_shapes
from chainrule.tensor.functions.combining import broadcast_tensors as broadcast_tensors
from chainrule.tensor.functions.combining import cartesian_prod as cartesian_prod
from chainrule.tensor.functions.combining import combinations as combinations
from chainrule.tensor.functions.combining import unravel_index as unravel_index
from chainrule.tensor.functions.combining import vander as vander
from chainrule.tensor.functions.comparison import *
from chainrule.tensor.functions.distance import cdist as cdist
from chainrule.tensor.functions.elementwise import *
from chainrule.tensor.functions.inplace import *
from chainrule.tensor.functions.joining import cat as cat
from chainrule.tensor.functions.joining import column_stack as column_stack
from chainrule.tensor.functions.joining import concat as concat
from chainrule.tensor.functions.joining import concatenate as concatenate
from chainrule.tensor.functions.joining import dstack as dstack
from chainrule.tensor.functions.joining import hstack as hstack
from chainrule.tensor.functions.joining import row_stack as row_stack
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
from chainrule.tensor.functions.search import bucketize as bucketize
from chainrule.tensor.functions.search import polygamma as polygamma
from chainrule.tensor.functions.variates import binomial as binomial
from chainrule.tensor.functions.variates import poisson as poisson
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
from chainrule.tensor.index_creation import tril_indices as tril_indices
from chainrule.tensor.index_creation import triu_indices as triu_indices
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
from chainrule.tensor.legacy import set_default_tensor_type as set_default_tensor_type
from chainrule.tensor.printing import set_printoptions as set_printoptions
from chainrule.tensor.signal_windows import bartlett_window as bartlett_window
from chainrule.tensor.signal_windows import blackman_window as blackman_window
from chainrule.tensor.signal_windows import hamming_window as hamming_window
from chainrule.tensor.signal_windows import hann_window as hann_window
from chainrule.tensor.signal_windows import kaiser_window as kaiser_window
from chainrule.tensor.size import Size as Size
from chainrule.tensor.tensor import Tensor as Tensor
from chainrule.threads import get_num_interop_threads as get_num_interop_threads
from chainrule.threads import get_num_threads as get_num_threads
from chainrule.threads import set_num_interop_threads as set_num_interop_threads
from chainrule.threads import set_num_threads as set_num_threads
from chainrule.train.saving import load as load
from chainrule.train.saving import save as save
from chainrule.version import __version__ as __version__

if _TYPE_CHECKING:
    from chainrule import data as data
    from chainrule import datasets as datasets
    from chainrule import distributions as distributions
    from chainrule import doctor as doctor
    from chainrule import journal as journal
    from chainrule import metrics as metrics
    from chainrule import models as models
    from chainrule import pictures as pictures
    from chainrule import report as report
    from chainrule import train as train
    from chainrule import transforms as transforms

#: what is loaded when it is first used, so that importing chainrule is quick
_LATER = (
    "data",
    "datasets",
    "distributions",
    "doctor",
    "journal",
    "metrics",
    "models",
    "pictures",
    "report",
    "train",
    "transforms",
)


def __getattr__(name: str) -> _Any:
    """A part of chainrule that is loaded later, or the error for a name that is not here."""
    return _importlib.import_module(f"chainrule.{name}") if name in _LATER else _top_level(name)


bool, int, float = bool_, int32, float32  # PyTorch's other names
newaxis = None
half, double, short, long = float16, float64, int16, int64

# inf and nan are results like others; NumPy's warnings about them stay out of programs
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"chainrule\.")

_keep_freed_memory()
