"""The functions of layers, under PyTorch's name; the formulas are in chainrule/functional."""

from chainrule.functional.activation import celu as celu
from chainrule.functional.activation import celu_ as celu_
from chainrule.functional.activation import elu as elu
from chainrule.functional.activation import elu_ as elu_
from chainrule.functional.activation import gelu as gelu
from chainrule.functional.activation import glu as glu
from chainrule.functional.activation import gumbel_softmax as gumbel_softmax
from chainrule.functional.activation import hardshrink as hardshrink
from chainrule.functional.activation import hardsigmoid as hardsigmoid
from chainrule.functional.activation import hardswish as hardswish
from chainrule.functional.activation import hardtanh as hardtanh
from chainrule.functional.activation import hardtanh_ as hardtanh_
from chainrule.functional.activation import leaky_relu as leaky_relu
from chainrule.functional.activation import leaky_relu_ as leaky_relu_
from chainrule.functional.activation import logsigmoid as logsigmoid
from chainrule.functional.activation import mish as mish
from chainrule.functional.activation import prelu as prelu
from chainrule.functional.activation import relu as relu
from chainrule.functional.activation import relu6 as relu6
from chainrule.functional.activation import relu_ as relu_
from chainrule.functional.activation import rrelu as rrelu
from chainrule.functional.activation import rrelu_ as rrelu_
from chainrule.functional.activation import selu as selu
from chainrule.functional.activation import selu_ as selu_
from chainrule.functional.activation import sigmoid as sigmoid
from chainrule.functional.activation import silu as silu
from chainrule.functional.activation import softplus as softplus
from chainrule.functional.activation import softshrink as softshrink
from chainrule.functional.activation import softsign as softsign
from chainrule.functional.activation import tanh as tanh
from chainrule.functional.activation import tanhshrink as tanhshrink
from chainrule.functional.activation import threshold as threshold
from chainrule.functional.activation import threshold_ as threshold_
from chainrule.functional.adaptive_pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from chainrule.functional.adaptive_pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from chainrule.functional.adaptive_pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from chainrule.functional.adaptive_pooling import adaptive_max_pool1d as adaptive_max_pool1d
from chainrule.functional.adaptive_pooling import (
    adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices,
)
from chainrule.functional.adaptive_pooling import adaptive_max_pool2d as adaptive_max_pool2d
from chainrule.functional.adaptive_pooling import (
    adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices,
)
from chainrule.functional.adaptive_pooling import adaptive_max_pool3d as adaptive_max_pool3d
from chainrule.functional.adaptive_pooling import (
    adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices,
)
from chainrule.functional.attention import (
    multi_head_attention_forward as multi_head_attention_forward,
)
from chainrule.functional.attention import (
    scaled_dot_product_attention as scaled_dot_product_attention,
)
from chainrule.functional.bilinear import bilinear as bilinear
from chainrule.functional.convolution import conv1d as conv1d
from chainrule.functional.convolution import conv2d as conv2d
from chainrule.functional.convolution import conv3d as conv3d
from chainrule.functional.convolution import conv_transpose1d as conv_transpose1d
from chainrule.functional.convolution import conv_transpose2d as conv_transpose2d
from chainrule.functional.convolution import conv_transpose3d as conv_transpose3d
from chainrule.functional.cross_entropy import cross_entropy as cross_entropy
from chainrule.functional.cross_entropy import nll_loss as nll_loss
from chainrule.functional.ctc import ctc_loss as ctc_loss
from chainrule.functional.distance import pairwise_distance as pairwise_distance
from chainrule.functional.distance import pdist as pdist
from chainrule.functional.dropout import alpha_dropout as alpha_dropout
from chainrule.functional.dropout import dropout as dropout
from chainrule.functional.dropout import dropout1d as dropout1d
from chainrule.functional.dropout import dropout2d as dropout2d
from chainrule.functional.dropout import dropout3d as dropout3d
from chainrule.functional.dropout import feature_alpha_dropout as feature_alpha_dropout
from chainrule.functional.embedding import embedding as embedding
from chainrule.functional.embedding import one_hot as one_hot
from chainrule.functional.embedding_bag import embedding_bag as embedding_bag
from chainrule.functional.fold import fold as fold
from chainrule.functional.fold import unfold as unfold
from chainrule.functional.fractional_pooling import (
    fractional_max_pool2d as fractional_max_pool2d,
)
from chainrule.functional.fractional_pooling import (
    fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices,
)
from chainrule.functional.fractional_pooling import (
    fractional_max_pool3d as fractional_max_pool3d,
)
from chainrule.functional.fractional_pooling import (
    fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices,
)
from chainrule.functional.grid_sample import affine_grid as affine_grid
from chainrule.functional.grid_sample import grid_sample as grid_sample
from chainrule.functional.interpolation import interpolate as interpolate
from chainrule.functional.interpolation import upsample as upsample
from chainrule.functional.interpolation import upsample_bilinear as upsample_bilinear
from chainrule.functional.interpolation import upsample_nearest as upsample_nearest
from chainrule.functional.likelihood import gaussian_nll_loss as gaussian_nll_loss
from chainrule.functional.likelihood import poisson_nll_loss as poisson_nll_loss
from chainrule.functional.linear import linear as linear
from chainrule.functional.loss import binary_cross_entropy as binary_cross_entropy
from chainrule.functional.loss import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from chainrule.functional.loss import huber_loss as huber_loss
from chainrule.functional.loss import kl_div as kl_div
from chainrule.functional.loss import l1_loss as l1_loss
from chainrule.functional.loss import mse_loss as mse_loss
from chainrule.functional.loss import smooth_l1_loss as smooth_l1_loss
from chainrule.functional.margin_loss import cosine_embedding_loss as cosine_embedding_loss
from chainrule.functional.margin_loss import hinge_embedding_loss as hinge_embedding_loss
from chainrule.functional.margin_loss import margin_ranking_loss as margin_ranking_loss
from chainrule.functional.margin_loss import multi_margin_loss as multi_margin_loss
from chainrule.functional.margin_loss import multilabel_margin_loss as multilabel_margin_loss
from chainrule.functional.margin_loss import (
    multilabel_soft_margin_loss as multilabel_soft_margin_loss,
)
from chainrule.functional.margin_loss import soft_margin_loss as soft_margin_loss
from chainrule.functional.margin_loss import triplet_margin_loss as triplet_margin_loss
from chainrule.functional.margin_loss import (
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from chainrule.functional.normalization import batch_norm as batch_norm
from chainrule.functional.normalization import cosine_similarity as cosine_similarity
from chainrule.functional.normalization import group_norm as group_norm
from chainrule.functional.normalization import instance_norm as instance_norm
from chainrule.functional.normalization import layer_norm as layer_norm
from chainrule.functional.normalization import local_response_norm as local_response_norm
from chainrule.functional.normalization import normalize as normalize
from chainrule.functional.normalization import rms_norm as rms_norm
from chainrule.functional.pad import pad as pad
from chainrule.functional.pixel_shuffle import channel_shuffle as channel_shuffle
from chainrule.functional.pixel_shuffle import pixel_shuffle as pixel_shuffle
from chainrule.functional.pixel_shuffle import pixel_unshuffle as pixel_unshuffle
from chainrule.functional.pooling import avg_pool1d as avg_pool1d
from chainrule.functional.pooling import avg_pool2d as avg_pool2d
from chainrule.functional.pooling import avg_pool3d as avg_pool3d
from chainrule.functional.pooling import lp_pool1d as lp_pool1d
from chainrule.functional.pooling import lp_pool2d as lp_pool2d
from chainrule.functional.pooling import lp_pool3d as lp_pool3d
from chainrule.functional.pooling import max_pool1d as max_pool1d
from chainrule.functional.pooling import max_pool1d_with_indices as max_pool1d_with_indices
from chainrule.functional.pooling import max_pool2d as max_pool2d
from chainrule.functional.pooling import max_pool2d_with_indices as max_pool2d_with_indices
from chainrule.functional.pooling import max_pool3d as max_pool3d
from chainrule.functional.pooling import max_pool3d_with_indices as max_pool3d_with_indices
from chainrule.functional.softmax import log_softmax as log_softmax
from chainrule.functional.softmax import softmax as softmax
from chainrule.functional.softmax import softmin as softmin
from chainrule.functional.unpooling import max_unpool1d as max_unpool1d
from chainrule.functional.unpooling import max_unpool2d as max_unpool2d
from chainrule.functional.unpooling import max_unpool3d as max_unpool3d
