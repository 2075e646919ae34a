"""A convolutional network in NumPy alone, forward and backward by hand.

It reads real handwritten digits: 1,797 images of 8x8 pixels.

    image (1, 8, 8)
      → convolution 3x3 → ReLU → max-pool 2x2      (16, 4, 4)
      → convolution 3x3 → ReLU                       (32, 4, 4)
      → dense → softmax                                10 probabilities

Every layer is a pair of functions: `layer` computes y, and `layer_backward`, right under it,
receives g = ∂L/∂y, how the loss L changes with each output, and returns how L changes with
each input. Training is then: run the layers down, run their backwards up, step downhill.

Axes:  n images, o output channels, c input channels, h w height and width, d features,
k classes;  p q are the row and column inside a 3x3 kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

Array = np.ndarray
Parameters = dict[str, Array]

DIGITS = Path(__file__).resolve().parents[1] / "chainrule" / "data" / "digits.npz"

# ── The layers, each with its derivative ────────────────────────────────────────────────────


def patches(x: Array) -> Array:
    """The 3x3 neighbourhood of every pixel, with zeros around the image."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))  # nchwpq


def convolution(x: Array, weight: Array, bias: Array) -> Array:
    """Lay the kernel on every pixel, multiply, add up.

    y[n,o,h,w] = bias[o] + Σ_cpq weight[o,c,p,q] x[n,c,h+p-1,w+q-1]
    """
    y = np.einsum("nchwpq,ocpq->nohw", patches(x), weight, optimize=True)
    return y + bias[:, None, None]


def convolution_backward(g: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """The weight saw every patch; the input is seen through the kernel turned by 180°.

    ∂L/∂weight[o,c,p,q] = Σ_nhw g[n,o,h,w] x[n,c,h+p-1,w+q-1]
    ∂L/∂bias[o]         = Σ_nhw g[n,o,h,w]
    ∂L/∂x[n,c,h,w]      = Σ_opq weight[o,c,p,q] g[n,o,h-p+1,w-q+1]
    """
    g_weight = np.einsum("nchwpq,nohw->ocpq", patches(x), g, optimize=True)
    g_bias = g.sum(axis=(0, 2, 3))
    turned = weight[:, :, ::-1, ::-1]
    g_x = np.einsum("nohwpq,ocpq->nchw", patches(g), turned, optimize=True)
    return g_x, g_weight, g_bias


def relu(x: Array) -> Array:
    """y = max(x, 0)"""
    return np.maximum(x, 0)


def relu_backward(g: Array, y: Array) -> Array:
    """∂L/∂x = g where y > 0, else 0"""
    return g * (y > 0)


def blocks(x: Array) -> Array:
    """Images as 2x2 blocks, the four pixels of a block in one row."""
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4)
    return x.reshape(n, c, h // 2, w // 2, 4)


def max_pool(x: Array) -> Array:
    """Of every 2x2 block the largest pixel:  y[n,c,h,w] = max x[n,c,2h:2h+2,2w:2w+2]"""
    return blocks(x).max(axis=-1)


def max_pool_backward(g: Array, x: Array) -> Array:
    """∂L/∂x = g at the largest pixel of the block (the first of equals), else 0"""
    n, c, h, w = x.shape
    g_blocks = np.zeros((n, c, h // 2, w // 2, 4), g.dtype)
    winner = blocks(x).argmax(axis=-1, keepdims=True)
    np.put_along_axis(g_blocks, winner, g[..., None], axis=-1)
    g_blocks = g_blocks.reshape(n, c, h // 2, w // 2, 2, 2)
    return g_blocks.swapaxes(3, 4).reshape(x.shape)


def dense(x: Array, weight: Array, bias: Array) -> Array:
    """y[n,k] = bias[k] + Σ_d x[n,d] weight[k,d]"""
    return x @ weight.T + bias


def dense_backward(g: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """∂L/∂x = g weight      ∂L/∂weight = gᵀ x      ∂L/∂bias[k] = Σ_n g[n,k]"""
    return g @ weight, g.T @ x, g.sum(axis=0)


def softmax(logits: Array) -> Array:
    """p[k] = exp(z[k]) / Σ_j exp(z[j]).  Subtracting the largest z keeps exp from overflow."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(logits: Array, labels: Array) -> float:
    """L = -1/n Σ_n ln p[n, label n]:  how surprised the network is by the right answers."""
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(labels)), labels].mean())


def cross_entropy_backward(logits: Array, labels: Array) -> Array:
    """∂L/∂z[n,k] = (p[n,k] - [k = label n]) / n:  what was said, minus what is true."""
    g = softmax(logits)
    g[np.arange(len(labels)), labels] -= 1
    return g / len(labels)


# ── The network: layers down, derivatives up ────────────────────────────────────────────────


class Network:
    """conv1 → ReLU → max-pool → conv2 → ReLU → dense.

    Parameters have the names and shapes that frameworks give them: convolution weights
    (o, c, 3, 3), dense weights (k, d).
    """

    def __init__(self, seed: int = 0, dtype: type = np.float32) -> None:
        rng = np.random.default_rng(seed)
        self.parameters: Parameters = {}
        for name, shape in (
            ("conv1", (16, 1, 3, 3)),
            ("conv2", (32, 16, 3, 3)),
            ("dense", (10, 32 * 4 * 4)),
        ):
            # He et al. 2015: variance 2 / fan-in keeps the signal's size through ReLU layers
            scale = np.sqrt(2 / np.prod(shape[1:]))
            self.parameters[f"{name}.weight"] = rng.normal(0, scale, shape).astype(dtype)
            self.parameters[f"{name}.bias"] = np.zeros(shape[0], dtype)

    def forward(self, x: Array) -> dict[str, Array]:
        """Every result on the way, by name; the backward pass needs them again."""
        p, y = self.parameters, {"x": x}
        y["relu1"] = relu(convolution(x, p["conv1.weight"], p["conv1.bias"]))  # (n, 16, 8, 8)
        y["pool"] = max_pool(y["relu1"])  # (n, 16, 4, 4)
        y["relu2"] = relu(convolution(y["pool"], p["conv2.weight"], p["conv2.bias"]))
        y["flat"] = y["relu2"].reshape(len(x), -1)  # (n, 512)
        y["logits"] = dense(y["flat"], p["dense.weight"], p["dense.bias"])  # (n, 10)
        return y

    def backward(self, y: dict[str, Array], labels: Array) -> Parameters:
        """∂L/∂parameter, by name: the lines of `forward` from the last to the first."""
        p, grads = self.parameters, {}
        g = cross_entropy_backward(y["logits"], labels)
        g, grads["dense.weight"], grads["dense.bias"] = dense_backward(
            g, y["flat"], p["dense.weight"]
        )
        g = relu_backward(g.reshape(y["relu2"].shape), y["relu2"])
        g, grads["conv2.weight"], grads["conv2.bias"] = convolution_backward(
            g, y["pool"], p["conv2.weight"]
        )
        g = relu_backward(max_pool_backward(g, y["relu1"]), y["relu1"])
        _, grads["conv1.weight"], grads["conv1.bias"] = convolution_backward(
            g, y["x"], p["conv1.weight"]
        )
        return grads

    def loss_and_gradients(self, x: Array, labels: Array) -> tuple[float, Parameters]:
        """L on these images, and its derivative with respect to every parameter."""
        y = self.forward(x)
        return cross_entropy(y["logits"], labels), self.backward(y, labels)

    def accuracy(self, x: Array, labels: Array) -> float:
        """The share of images whose most probable class is the right one."""
        return float(np.mean(self.forward(x)["logits"].argmax(axis=1) == labels))


# ── Training ────────────────────────────────────────────────────────────────────────────────


class SGD:
    """Gradient descent with momentum:  v ← μ v + ∂L/∂p,   p ← p - lr v."""

    def __init__(self, parameters: Parameters, lr: float, momentum: float) -> None:
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.velocity = {name: np.zeros_like(p) for name, p in parameters.items()}

    def step(self, gradients: Parameters) -> None:
        """One step downhill, written into the parameters."""
        for name, v in self.velocity.items():
            v *= self.momentum
            v += gradients[name]
            self.parameters[name] -= self.lr * v


def load_digits(path: Path = DIGITS) -> tuple[Array, Array]:
    """Images (1797, 1, 8, 8) with values from 0 to 1, and their classes (1797,)."""
    with np.load(path, allow_pickle=False) as file:
        return file["images"][:, None].astype(np.float32) / 16, file["labels"]


def batches(
    x: Array, labels: Array, size: int, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """All images in a new order, `size` at a time."""
    order = rng.permutation(len(x))
    for start in range(0, len(x), size):
        chosen = order[start : start + size]
        yield x[chosen], labels[chosen]


def main(epochs: int = 12, seed: int = 0, lr: float = 0.1, batch_size: int = 32) -> float:
    """Train on four fifths of the digits; print and return the accuracy on the other fifth."""
    rng = np.random.default_rng(seed)
    x, labels = load_digits()
    test, train = np.split(rng.permutation(len(x)), [len(x) // 5])
    network = Network(seed)
    optimizer = SGD(network.parameters, lr, momentum=0.9)
    start = perf_counter()
    for epoch in range(epochs):
        optimizer.lr = lr * (1 - epoch / epochs)  # ever smaller steps, to settle in the valley
        losses = []
        for batch in batches(x[train], labels[train], batch_size, rng):
            loss, gradients = network.loss_and_gradients(*batch)
            optimizer.step(gradients)
            losses.append(loss)
        accuracy = network.accuracy(x[test], labels[test])
        print(
            f"epoch {epoch + 1:2}  loss {np.mean(losses):.4f}"
            f"  test accuracy {accuracy:.1%}  {perf_counter() - start:.1f} s"
        )
    return accuracy


if __name__ == "__main__":
    main()
