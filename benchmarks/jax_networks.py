"""The networks of the benchmark in JAX: pure functions, one jit around a whole step.

Weights have the names and first values that the modules give them, so that losses can be
compared. A network is a function of `Weights`, the inputs, and whether it is training; it
returns its outputs and the running statistics of its normalizations.

Layouts are those that JAX is quickest with: images (n, h, w, c), kernels (h, w, c, k).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax, nn
from jax import numpy as jnp
from workloads import LEARNING_RATE, Workload

import chainrule as cr

Weights = dict[str, jax.Array]  # with the running statistics
Outputs = tuple[jax.Array, Weights]  # and the statistics that are new

MOMENTUM = 0.1  # of running statistics
HEADS = 4
CHANNELS_LAST = {"images": (0, 2, 3, 1), "kernels": (2, 3, 1, 0)}


# -- layers --------------------------------------------------------------------------------


def linear(p: Weights, name: str, x: jax.Array) -> jax.Array:
    """x Wᵀ + b, without b where there is none"""
    y = x @ p[f"{name}.weight"].T
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def convolution(p: Weights, name: str, x: jax.Array, stride: int = 1) -> jax.Array:
    """Padded by half of the kernel."""
    w = p[f"{name}.weight"]
    half = w.shape[0] // 2
    y = lax.conv_general_dilated(
        x, w, (stride, stride), [(half, half)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def max_pool(x: jax.Array) -> jax.Array:
    """The largest of 2 × 2."""
    window = (1, 2, 2, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def batch_norm(p: Weights, name: str, x: jax.Array, training: bool) -> Outputs:
    """Normalized over images and places by the batch's statistics, or by the running ones."""
    mean, variance = p[f"{name}.running_mean"], p[f"{name}.running_var"]
    new = {}
    if training:
        old, count = (mean, variance), x.size // x.shape[-1]
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        unbiased = variance * count / (count - 1)
        new = {
            f"{name}.running_mean": old[0] + MOMENTUM * (mean - old[0]),
            f"{name}.running_var": old[1] + MOMENTUM * (unbiased - old[1]),
        }
    scale = p[f"{name}.weight"] * lax.rsqrt(variance + 1e-5)
    return (x - mean) * scale + p[f"{name}.bias"], new


def layer_norm(p: Weights, name: str, x: jax.Array) -> jax.Array:
    """Normalized over the last axis."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    y = (x - mean) * lax.rsqrt(variance + 1e-5)
    return y * p[f"{name}.weight"] + p[f"{name}.bias"]


# -- networks, under the names of those in networks.py -------------------------------------


def mlp(p: Weights, x: jax.Array, training: bool) -> Outputs:
    for name in ("0", "2"):
        x = nn.relu(linear(p, name, x))
    return linear(p, "4", x), {}


def cnn(p: Weights, x: jax.Array, training: bool) -> Outputs:
    for name in ("0", "3"):
        x = max_pool(nn.relu(convolution(p, name, x)))
    x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # the order that the weights know
    return linear(p, "9", nn.relu(linear(p, "7", x))), {}


def resnet20(p: Weights, x: jax.Array, training: bool) -> Outputs:
    statistics: Weights = {}

    def conv_bn(name: str, x: jax.Array, stride: int = 1) -> jax.Array:
        y, new = batch_norm(p, f"{name}.1", convolution(p, f"{name}.0", x, stride), training)
        statistics.update(new)
        return y

    x = nn.relu(conv_bn("0", x))
    for block in range(2, 11):
        stride = 2 if block in (5, 8) else 1
        y = nn.relu(conv_bn(f"{block}.body.0", x, stride))
        y = conv_bn(f"{block}.body.2", y)
        x = nn.relu(y + (conv_bn(f"{block}.shortcut", x, 2) if stride == 2 else x))
    return linear(p, "13", x.mean((1, 2))), statistics


def recurrent(p: Weights, x: jax.Array, training: bool, cell: str = "LSTM") -> Outputs:
    """The inputs' part of all steps is one product; the rest is a scan over time."""
    name = "recurrent.{}_{}_l0".format
    x = p["embedding.weight"][x.T]  # (t, n, d)
    x = x @ p[name("weight", "ih")].T + p[name("bias", "ih")]
    w, b = p[name("weight", "hh")].T, p[name("bias", "hh")]
    zeros = jnp.zeros((x.shape[1], len(w)))
    if cell == "LSTM":
        _, h = lax.scan(functools.partial(lstm_cell, w), (zeros, zeros), x + b)
    else:
        _, h = lax.scan(functools.partial(gru_cell, w, b), zeros, x)
    return linear(p, "head", h.swapaxes(0, 1)), {}  # (n, t, k)


def lstm_cell(w: jax.Array, state: tuple, x: jax.Array) -> tuple[tuple, jax.Array]:
    """Hochreiter & Schmidhuber 1997, with the forget gate."""
    h, c = state
    i, f, g, o = jnp.split(x + h @ w, 4, axis=1)
    c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
    h = nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru_cell(
    w: jax.Array, b: jax.Array, h: jax.Array, x: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Cho et al. 2014; the reset gate acts after the product."""
    (xr, xz, xn), (hr, hz, hn) = jnp.split(x, 3, axis=1), jnp.split(h @ w + b, 3, axis=1)
    r, z = nn.sigmoid(xr + hr), nn.sigmoid(xz + hz)
    n = jnp.tanh(xn + r * hn)
    h = n + z * (h - n)
    return h, h


def gpt(p: Weights, x: jax.Array, training: bool) -> Outputs:
    n, t = x.shape
    x = p["tokens.weight"][x] + p["positions.weight"][:t]
    for i in range(sum(name.endswith("qkv.weight") for name in p)):
        block = f"blocks.{i}"
        qkv = linear(p, f"{block}.qkv", layer_norm(p, f"{block}.norm1", x))
        q, k, v = (y.reshape(n, t, HEADS, -1) for y in jnp.split(qkv, 3, axis=2))
        y = nn.dot_product_attention(q, k, v, is_causal=True)  # (n, t, heads, d / heads)
        x += linear(p, f"{block}.project", y.reshape(n, t, -1))
        y = linear(p, f"{block}.mlp.0", layer_norm(p, f"{block}.norm2", x))
        x += linear(p, f"{block}.mlp.2", nn.gelu(y, approximate=False))
    return linear(p, "head", layer_norm(p, "norm", x)), {}


# -- steps ---------------------------------------------------------------------------------


def cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    """The mean over all labels."""
    chosen = jnp.take_along_axis(nn.log_softmax(logits), y[..., None], axis=-1)
    return -chosen.mean()


def adam(p: jax.Array, g: jax.Array, m: jax.Array, v: jax.Array, t: jax.Array) -> tuple:
    """Kingma & Ba 2015, algorithm 1; 1 - βᵗ without cancellation."""
    m = m + 0.1 * (g - m)
    v = v + 0.001 * (g * g - v)
    for_m, for_v = (-jnp.expm1(t * math.log(beta)) for beta in (0.9, 0.999))
    return p - LEARNING_RATE / for_m * m / (jnp.sqrt(v / for_v) + 1e-8), m, v


def training_step(network: Callable, learned: Weights, statistics: Weights) -> Callable:
    """Forward, loss, backward and update; a function of the inputs that returns the loss."""

    def loss(learned: Weights, statistics: Weights, x: jax.Array, y: jax.Array) -> tuple:
        logits, new = network(learned | statistics, x, True)
        return cross_entropy(logits, y), new

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state: tuple, x: jax.Array, y: jax.Array) -> tuple:
        learned, m, v, statistics, t = state
        (value, new), g = jax.value_and_grad(loss, has_aux=True)(learned, statistics, x, y)
        moved = {k: adam(learned[k], g[k], m[k], v[k], t + 1) for k in learned}
        learned, m, v = ({k: part[i] for k, part in moved.items()} for i in range(3))
        return (learned, m, v, statistics | new, t + 1), value

    zeros = [jax.tree.map(jnp.zeros_like, learned) for _ in range(2)]
    state = (learned, *zeros, statistics, jnp.zeros(()))

    def step(*inputs: jax.Array) -> jax.Array:
        nonlocal state
        state, value = update(state, *inputs)
        return value.block_until_ready()

    return step


def inference_step(network: Callable, weights: Weights) -> Callable:
    """The network's outputs."""
    run = jax.jit(lambda weights, x: network(weights, x, False)[0])
    return lambda x: run(weights, x).block_until_ready()


def array(x: Any, layout: str) -> jax.Array:
    """A tensor as an array of JAX; one with four axes in the other order."""
    values = x.detach().numpy()
    if values.ndim == 4:
        values = np.ascontiguousarray(values.transpose(CHANNELS_LAST[layout]))
    return jnp.array(values)


def prepared(workload: Workload, small: bool = False) -> tuple[Callable, tuple]:
    """The step of a workload, and what it is called with."""
    task = workload.build(cr, small)
    learned = {name: array(p, "kernels") for name, p in task.model.named_parameters()}
    statistics = {name: array(b, "kernels") for name, b in task.model.named_buffers()}
    options = {name: workload.arguments[name] for name in {"cell"} & {*workload.arguments}}
    network = functools.partial(globals()[workload.make.__name__], **options)
    inputs = tuple(array(x, "images") for x in workload.inputs(task))
    if not workload.training:
        return inference_step(network, learned | statistics), inputs
    return training_step(network, learned, statistics), inputs
