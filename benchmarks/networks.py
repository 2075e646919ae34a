"""The networks of the benchmark, each written once for PyTorch and for chainrule.

A network is a function of the framework's module, so that both run the same text. Its data
come from NumPy and are the same numbers in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass
class Task:
    """A network, its data, and what is minimized.

    `phases` are the pairs (module that learns, loss of features and targets) of one step: one,
    or two where two networks play against each other. `procedure` makes the step from their
    optimizers, where it is more than to minimize one loss after the other.
    """

    model: Any
    features: tuple
    targets: tuple
    phases: tuple[tuple[Any, Callable], ...]
    procedure: Callable[[list], Callable] | None = None


class Data:
    """Tensors of a framework, drawn by NumPy from one seed."""

    def __init__(self, torch: ModuleType) -> None:
        self.torch, self.rng = torch, np.random.default_rng(0)

    def normal(self, *shape: int) -> Any:
        return self.torch.from_numpy(self.rng.standard_normal(shape).astype(np.float32))

    def uniform(self, *shape: int) -> Any:
        return self.torch.from_numpy(self.rng.random(shape, np.float32))

    def integers(self, high: int, *shape: int) -> Any:
        return self.torch.from_numpy(self.rng.integers(0, high, shape))


def classifier(torch: ModuleType, model: Any, x: Any, y: Any) -> Task:
    """Cross entropy of logits (n, k, …) and labels (n, …)."""
    cross_entropy = torch.nn.functional.cross_entropy
    return Task(model, (x,), (y,), ((model, lambda x, y: cross_entropy(model(x), y)),))


def language_model(torch: ModuleType, model: Any, k: int, batch: int, length: int) -> Task:
    """Cross entropy of logits (n, t, k) and the next symbols (n, t)."""
    data, cross_entropy = Data(torch), torch.nn.functional.cross_entropy

    def loss(x: Any, y: Any) -> Any:
        return cross_entropy(model(x).flatten(0, 1), y.flatten())

    x, y = data.integers(k, batch, length), data.integers(k, batch, length)
    return Task(model, (x,), (y,), ((model, loss),))


def mlp(torch: ModuleType, batch: int = 32) -> Task:
    """784-256-256-10."""
    nn, data = torch.nn, Data(torch)
    model = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    return classifier(torch, model, data.normal(batch, 784), data.integers(10, batch))


def cnn(torch: ModuleType, batch: int = 64) -> Task:
    """Two convolutions and two linear layers on 28 × 28."""
    nn, data = torch.nn, Data(torch)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return classifier(torch, model, data.normal(batch, 1, 28, 28), data.integers(10, batch))


def conv_bn(nn: ModuleType, c: int, k: int, size: int = 3, stride: int = 1, groups: int = 1):
    """A convolution that keeps height and width (over stride), and BatchNorm."""
    convolution = nn.Conv2d(c, k, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(k))


def resnet20(torch: ModuleType, batch: int = 64) -> Task:
    """Three stages of three residual blocks, 16, 32 and 64 channels. He et al. 2016, §4.2"""
    nn, data = torch.nn, Data(torch)

    class Block(nn.Module):
        def __init__(self, c: int, k: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                conv_bn(nn, c, k, 3, stride), nn.ReLU(), conv_bn(nn, k, k)
            )
            self.shortcut = nn.Identity() if c == k else conv_bn(nn, c, k, 1, stride)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.body(x) + self.shortcut(x))

    blocks = [Block(16, 16, 1) for _ in range(3)]
    for c, k in ((16, 32), (32, 64)):
        blocks += [Block(c, k, 2), Block(k, k, 1), Block(k, k, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    model = nn.Sequential(conv_bn(nn, 3, 16), nn.ReLU(), *blocks, *head)
    return classifier(torch, model, data.normal(batch, 3, 32, 32), data.integers(10, batch))


def vgg11(torch: ModuleType, batch: int = 32) -> Task:
    """Eight convolutions with BatchNorm, five poolings. Simonyan & Zisserman 2015, table 1 A"""
    nn, data, layers, c = torch.nn, Data(torch), [], 3
    for k in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"):
        layers += [nn.MaxPool2d(2)] if k == "M" else [conv_bn(nn, c, k), nn.ReLU()]
        c = c if k == "M" else k
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))
    return classifier(torch, model, data.normal(batch, 3, 32, 32), data.integers(10, batch))


def mobilenet(torch: ModuleType, batch: int = 32) -> Task:
    """Ten blocks of a depthwise and a pointwise convolution. Howard et al. 2017, table 1"""
    nn, data = torch.nn, Data(torch)
    layers, c = [conv_bn(nn, 3, 32), nn.ReLU()], 32
    plan = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (256, 1), (512, 2), (512, 1),
            (512, 1), (512, 1))  # fmt: skip
    for k, stride in plan:
        layers += [conv_bn(nn, c, c, 3, stride, groups=c), nn.ReLU()]
        layers += [conv_bn(nn, c, k, 1), nn.ReLU()]
        c = k
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))
    return classifier(torch, model, data.normal(batch, 3, 32, 32), data.integers(10, batch))


def recurrent(
    torch: ModuleType, cell: str = "LSTM", batch: int = 8, length: int = 100, d: int = 512
) -> Task:
    """A language model: embedding 256, a recurrent layer, logits of 83 symbols."""
    nn = torch.nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(83, 256)
            self.recurrent = getattr(nn, cell)(256, d, batch_first=True)
            self.head = nn.Linear(d, 83)

        def forward(self, x: Any) -> Any:
            return self.head(self.recurrent(self.embedding(x))[0])

    return language_model(torch, Model(), 83, batch, length)


def attention_block(torch: ModuleType, d: int, heads: int, causal: bool, dropout: float):
    """A transformer's block, normalization first: x += attention(x), x += perceptron(x).

    It returns x and the keys and values that the next position needs.
    """
    nn, attention = torch.nn, torch.nn.functional.scaled_dot_product_attention

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
            self.qkv, self.project = nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.drop = nn.Dropout(dropout)
            self.mlp = nn.Sequential(
                nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d), nn.Dropout(dropout)
            )

        def split(self, x: Any) -> list:
            """Query, key and value of a normalized input, each (n, heads, t, d / heads)."""
            n, t, _ = x.shape
            return [
                part.view(n, t, heads, d // heads).transpose(1, 2)
                for part in self.qkv(x).split(d, dim=2)
            ]

        def forward(self, x: Any, cache: tuple = ()) -> tuple:
            q, k, v = self.split(self.norm1(x))
            if cache:  # the oldest position goes, this one comes
                k, v = (torch.cat([old[:, :, 1:], new], 2) for old, new in zip(cache, (k, v)))
            p = dropout if self.training else 0.0
            y = attention(q, k, v, dropout_p=p, is_causal=causal and not cache)
            y = self.project(y.transpose(1, 2).flatten(2))  # (n, t, d)
            x = x + self.drop(y)
            return x + self.mlp(self.norm2(x)), k, v

    return Block()


def gpt_model(torch: ModuleType, dropout: float, layers: int = 4, d: int = 128) -> Any:
    """Tokens (n, t) → logits (n, t, 65); with caches, one token → logits and new caches."""
    nn = torch.nn

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(65, d), nn.Embedding(64, d)
            self.drop, self.norm = nn.Dropout(dropout), nn.LayerNorm(d)
            blocks = [attention_block(torch, d, 4, True, dropout) for _ in range(layers)]
            self.blocks, self.head = nn.ModuleList(blocks), nn.Linear(d, 65, bias=False)

        def forward(self, x: Any, position: Any = None, *caches: Any) -> Any:
            at = torch.arange(x.shape[1]) if position is None else position
            x, new = self.drop(self.tokens(x) + self.positions(at)), []
            for i, block in enumerate(self.blocks):
                x, *pair = block(x, caches[2 * i : 2 * i + 2])
                new += pair
            logits = self.head(self.norm(x))
            return (logits, *new) if caches else logits

    return GPT()


def gpt(torch: ModuleType, batch: int = 12, length: int = 64, dropout: float = 0.0) -> Task:
    """Four layers, four heads, width 128, 65 symbols."""
    return language_model(torch, gpt_model(torch, dropout), 65, batch, length)


def gpt_decode(torch: ModuleType, length: int = 64) -> Task:
    """One token with the keys and values of the positions before it."""
    data, model = Data(torch), gpt_model(torch, 0.0)
    caches = [data.normal(1, 4, length, 32) for _ in range(8)]
    return Task(model, (data.integers(65, 1, 1), data.integers(64, 1), *caches), (), ())


def vit(torch: ModuleType, batch: int = 32, layers: int = 6, d: int = 192) -> Task:
    """Patches of 4 × 4, three heads, a class token. Dosovitskiy et al. 2021"""
    nn, data = torch.nn, Data(torch)

    class ViT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, d, 4, 4)
            self.token = nn.Parameter(torch.zeros(1, 1, d))
            self.positions = nn.Parameter(torch.zeros(1, 65, d))
            blocks = [attention_block(torch, d, 3, False, 0.0) for _ in range(layers)]
            self.blocks, self.norm = nn.ModuleList(blocks), nn.LayerNorm(d)
            self.head = nn.Linear(d, 10)

        def forward(self, x: Any) -> Any:
            x = self.patches(x).flatten(2).transpose(1, 2)  # (n, 64, d)
            x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
            for block in self.blocks:
                x, _, _ = block(x)
            return self.head(self.norm(x)[:, 0])

    return classifier(torch, ViT(), data.normal(batch, 3, 32, 32), data.integers(10, batch))


def vae(torch: ModuleType, batch: int = 64, d: int = 20) -> Task:
    """Convolutional encoder and decoder; the noise is an input. Kingma & Welling 2014"""
    nn, F, data = torch.nn, torch.nn.functional, Data(torch)

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(
                nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
                nn.Flatten(), nn.Linear(3136, 2 * d),
            )  # fmt: skip
            self.decoder = nn.Sequential(
                nn.Linear(d, 3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
                nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(),
                nn.ConvTranspose2d(32, 1, 4, 2, 1),
            )  # fmt: skip

        def forward(self, x: Any, noise: Any) -> Any:
            mean, log_variance = self.encoder(x).chunk(2, dim=1)
            z = mean + noise * torch.exp(0.5 * log_variance)
            return self.decoder(z), mean, log_variance

    model = VAE()

    def loss(x: Any, noise: Any) -> Any:
        logits, mean, log_variance = model(x, noise)
        image = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum()
        return (image + divergence) / x.shape[0]

    x, noise = data.uniform(batch, 1, 28, 28), data.normal(batch, d)
    return Task(model, (x, noise), (), ((model, loss),))


def unet(torch: ModuleType, batch: int = 8, side: int = 64) -> Task:
    """Three levels of 32, 64 and 128 channels, two classes. Ronneberger et al. 2015"""
    nn, data = torch.nn, Data(torch)

    def double(c: int, k: int) -> Any:
        return nn.Sequential(conv_bn(nn, c, k), nn.ReLU(), conv_bn(nn, k, k), nn.ReLU())

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2, self.bottom = double(3, 32), double(32, 64), double(64, 128)
            self.pool = nn.MaxPool2d(2)
            self.rise2, self.up2 = nn.ConvTranspose2d(128, 64, 2, 2), double(128, 64)
            self.rise1, self.up1 = nn.ConvTranspose2d(64, 32, 2, 2), double(64, 32)
            self.head = nn.Conv2d(32, 2, 1)

        def forward(self, x: Any) -> Any:
            a = self.down1(x)
            b = self.down2(self.pool(a))
            y = self.rise2(self.bottom(self.pool(b)))
            y = self.rise1(self.up2(torch.cat([b, y], 1)))
            return self.head(self.up1(torch.cat([a, y], 1)))

    x = data.normal(batch, 3, side, side)
    return classifier(torch, UNet(), x, data.integers(2, batch, side, side))
