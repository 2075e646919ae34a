"""Attention and transformers: what they refuse, how they start, laws of their own.

What they compute is compared with PyTorch in support/layer_cases/attention.py.
"""

from __future__ import annotations

import copy
import math

import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from chainrule.nn.attention import SDPBackend, sdpa_kernel

LAYER = {"d_model": 8, "nhead": 2, "dim_feedforward": 6, "dropout": 0.0}


def spread(*shape):
    steps = (cr.arange(cr.Size(shape).numel()) * 7919 + 3) % 1009
    return (steps.double() / 1009 * 2 - 1).reshape(shape)


def test_first_and_second_derivative_of_attention():
    inputs = [x.requires_grad_() for x in (spread(2, 2, 3), spread(2, 3, 3), spread(2, 3, 2))]

    def masked(q, k, v):
        mask = cr.tensor([[True, False, True], [False, False, False]])
        return F.scaled_dot_product_attention(q, k, v, mask)

    assert gradcheck(masked, inputs) and gradgradcheck(masked, inputs)


def test_a_query_that_sees_no_key_gets_zero_and_no_gradient_is_lost():
    x = spread(3, 4).requires_grad_()
    y = F.scaled_dot_product_attention(x, x, x, cr.zeros(3, 3, dtype=cr.bool))
    y.sum().backward()
    assert y.eq(0).all() and x.grad.eq(0).all()
    layer = nn.MultiheadAttention(4, 2, bias=False)
    y, weights = layer(*[cr.ones(3, 1, 4)] * 3, key_padding_mask=cr.ones(1, 3, dtype=cr.bool))
    assert y.eq(0).all() and weights.eq(0).all()


def test_nobody_sees_the_future():
    layer = nn.TransformerEncoder(nn.TransformerEncoderLayer(**LAYER), 2).double()
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=cr.float64)
    x = spread(5, 2, 8).requires_grad_()
    weighted = layer(x, mask)[2] * spread(2, 8)
    (g,) = cr.autograd.grad(weighted.sum(), [x])
    assert g[:3].abs().sum(-1).min() > 0 and g[3:].eq(0).all()


def test_dropout_of_the_weights_is_always_there_in_the_function_only():
    q = cr.randn(2, 6, 4)
    once = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
    assert not all(
        once.equal(F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)) for _ in range(4)
    )
    layer = nn.MultiheadAttention(4, 2, dropout=0.5)
    assert not all(layer(q, q, q)[0].equal(layer(q, q, q)[0]) for _ in range(4))
    layer.eval()
    assert layer(q, q, q)[0].equal(layer(q, q, q)[0])


def test_compiled_equals_eager():
    net = nn.Transformer(8, 2, 1, 1, 6, 0.1, batch_first=True, norm_first=True)
    padding = cr.tensor([[False, False, True], [False, False, False]])

    def step(src, tgt, padding):
        net.zero_grad()
        mask = net.generate_square_subsequent_mask(4)
        y = net(src, tgt, tgt_mask=mask, src_key_padding_mask=padding)
        y.square().mean().backward()
        return y.detach(), net.encoder.layers[0].self_attn.in_proj_weight.grad.clone()

    found = []
    for run in (step, cr.compile(step)):
        cr.manual_seed(1)
        found.append(run(cr.ones(2, 3, 8), cr.ones(2, 4, 8), padding))
    for ours, theirs in zip(*found, strict=True):
        assert ours.equal(theirs)


def test_where_the_parameters_start():
    cr.manual_seed(0)
    layer = nn.MultiheadAttention(32, 4, add_bias_kv=True)
    bound = math.sqrt(6 / (32 + 96))
    assert 0.95 * bound < layer.in_proj_weight.abs().max() <= bound
    assert layer.in_proj_bias.eq(0).all() and layer.out_proj.bias.eq(0).all()
    assert layer.out_proj.weight.abs().max() <= 1 / math.sqrt(32)
    assert layer.bias_k.ne(0).all()
    unlike = nn.MultiheadAttention(32, 4, kdim=8, vdim=16)
    assert unlike.in_proj_weight is None and unlike.k_proj_weight.shape == (32, 8)
    net = nn.Transformer(32, 4, 1, 1, 64)
    bound = math.sqrt(6 / 64)
    assert 0.95 * bound < net.encoder.layers[0].self_attn.out_proj.weight.abs().max() <= bound


def test_the_layers_of_a_stack_are_copies():
    layer = nn.TransformerDecoderLayer(**LAYER)
    stack = nn.TransformerDecoder(layer, 2)
    first, second = (one.linear1.weight for one in stack.layers)
    assert first is not second and first is not layer.linear1.weight and first.equal(second)
    assert stack.num_layers == 2 and copy.deepcopy(stack).norm is None


def test_an_activation_may_be_a_function_and_stacks_may_be_one_s_own():
    silu = nn.TransformerEncoderLayer(**LAYER, activation=F.silu)
    assert silu.activation is F.silu
    encoder = nn.TransformerEncoder(silu, 1, enable_nested_tensor=False, mask_check=False)
    net = nn.Transformer(8, 2, 1, 1, 6, custom_encoder=encoder)
    assert net.encoder is encoder and net(cr.ones(3, 8), cr.ones(2, 8)).shape == (2, 8)


def test_backends_are_accepted():
    q = spread(3, 4)
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH], set_priority=True):
        inside = F.scaled_dot_product_attention(q, q, q)
    assert inside.equal(F.scaled_dot_product_attention(q, q, q))
    for wrong in ("math", ["math"], 1.5):
        with pytest.raises(ArgumentTypeError, match="CR599"), sdpa_kernel(wrong):
            pass


def mha(*shapes, **options):
    return nn.MultiheadAttention(4, 2)(*[cr.zeros(*shape) for shape in shapes], **options)


SQUARE = [(3, 2, 4)] * 3
REFUSED = {
    "CR595 uneven": lambda: nn.MultiheadAttention(5, 2),
    "CR595 none": lambda: nn.MultiheadAttention(0, 2),
    "CR596 features": lambda: mha(*[(3, 2, 5)] * 3),
    "CR596 vectors": lambda: mha((4,), (4,), (4,)),
    "CR596 one with a batch": lambda: mha((3, 4), (3, 2, 4), (3, 2, 4)),
    "CR596 fewer values": lambda: mha((3, 2, 4), (3, 2, 4), (2, 2, 4)),
    "CR596 batches": lambda: mha((3, 2, 4), (3, 1, 4), (3, 1, 4)),
    "CR596 keys": lambda: F.scaled_dot_product_attention(
        cr.zeros(3, 4), cr.zeros(3, 5), cr.zeros(3, 5)
    ),
    "CR596 one vector": lambda: F.scaled_dot_product_attention(*[cr.zeros(3)] * 3),
    "CR596 values": lambda: F.scaled_dot_product_attention(
        cr.zeros(3, 4), cr.zeros(3, 4), cr.zeros(2, 4)
    ),
    "CR596 groups": lambda: F.scaled_dot_product_attention(
        cr.zeros(2, 4, 3, 4), *[cr.zeros(2, 3, 3, 4)] * 2, enable_gqa=True
    ),
    "CR102 heads": lambda: F.scaled_dot_product_attention(
        cr.zeros(2, 4, 3, 4), *[cr.zeros(2, 2, 3, 4)] * 2
    ),
    "CR597 mask": lambda: mha(*SQUARE, attn_mask=cr.zeros(2, 3)),
    "CR597 masks": lambda: mha(*SQUARE, attn_mask=cr.zeros(2, 3, 3)),
    "CR597 padding": lambda: mha(*SQUARE, key_padding_mask=cr.zeros(3, 2)),
    "CR598 features": lambda: nn.Transformer(4, 2)(cr.zeros(3, 2, 4), cr.zeros(3, 2, 5)),
    "CR598 batch": lambda: nn.Transformer(4, 2)(cr.zeros(3, 2, 4), cr.zeros(3, 3, 4)),
    "CR598 activation": lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"),
    "CR597 hint": lambda: mha(*SQUARE, is_causal=True),
    "CR597 both": lambda: F.scaled_dot_product_attention(
        *[cr.zeros(3, 4)] * 3, cr.zeros(3, 3), is_causal=True
    ),
    "CR597 whole numbers": lambda: mha(*SQUARE, attn_mask=cr.zeros(3, 3).int()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what):
    with pytest.raises((ArgumentError, ShapeError, DtypeError), match=what.split()[0]):
        REFUSED[what]()
