"""Further networks of many kinds, with which the compiler was tried after it was built."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

from networks import Data, Task, classifier, conv_bn, language_model


def bottleneck(torch: ModuleType, batch: int = 8, side: int = 96) -> Task:
    """Six bottleneck blocks of 1 × 1 and 3 × 3 convolutions. He et al. 2016, figure 5 right"""
    nn, data = torch.nn, Data(torch)

    class Block(nn.Module):
        def __init__(self, c: int, narrow: int, stride: int) -> None:
            super().__init__()
            k = 4 * narrow
            self.body = nn.Sequential(
                conv_bn(nn, c, narrow, 1), nn.ReLU(),
                conv_bn(nn, narrow, narrow, 3, stride), nn.ReLU(), conv_bn(nn, narrow, k, 1),
            )  # fmt: skip
            self.shortcut = nn.Identity() if c == k else conv_bn(nn, c, k, 1, stride)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.body(x) + self.shortcut(x))

    layers, c = [conv_bn(nn, 3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for narrow, stride in ((64, 1), (128, 2), (256, 2)):
        layers += [Block(c, narrow, stride), Block(4 * narrow, narrow, 1)]
        c = 4 * narrow
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 100))
    x = data.normal(batch, 3, side, side)
    return classifier(torch, model, x, data.integers(100, batch))


def efficientnet(torch: ModuleType, batch: int = 32) -> Task:
    """Inverted residuals with squeeze and excitation. Tan & Le 2019"""
    nn, data = torch.nn, Data(torch)

    class Excitation(nn.Module):
        def __init__(self, c: int, narrow: int) -> None:
            super().__init__()
            self.gate = nn.Sequential(
                nn.Conv2d(c, narrow, 1), nn.SiLU(), nn.Conv2d(narrow, c, 1), nn.Sigmoid()
            )

        def forward(self, x: Any) -> Any:
            return x * self.gate(x.mean((2, 3), keepdim=True))

    class Block(nn.Module):
        def __init__(self, c: int, k: int, stride: int, size: int) -> None:
            super().__init__()
            wide = 4 * c
            self.body = nn.Sequential(
                conv_bn(nn, c, wide, 1), nn.SiLU(),
                conv_bn(nn, wide, wide, size, stride, groups=wide), nn.SiLU(),
                Excitation(wide, max(c // 4, 4)), conv_bn(nn, wide, k, 1),
            )  # fmt: skip
            self.is_residual = c == k and stride == 1

        def forward(self, x: Any) -> Any:
            y = self.body(x)
            return x + y if self.is_residual else y

    layers, c = [conv_bn(nn, 3, 16), nn.SiLU()], 16
    plan = ((16, 1, 3), (24, 2, 3), (24, 1, 3), (40, 2, 5), (40, 1, 5), (80, 2, 3), (80, 1, 3))
    for k, stride, size in plan:
        layers += [Block(c, k, stride, size)]
        c = k
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(320, 10)]
    model = nn.Sequential(*layers, conv_bn(nn, c, 320, 1), nn.SiLU(), *head)
    return classifier(torch, model, data.normal(batch, 3, 32, 32), data.integers(10, batch))


def convnext(torch: ModuleType, batch: int = 16, side: int = 64) -> Task:
    """Depthwise 7 × 7 convolutions, LayerNorm over the channels, GELU. Liu et al. 2022"""
    nn, data = torch.nn, Data(torch)

    class Norm(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(c)

        def forward(self, x: Any) -> Any:
            return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    class Block(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(c, c, 7, padding=3, groups=c)
            self.rest = nn.Sequential(
                nn.LayerNorm(c), nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c)
            )

        def forward(self, x: Any) -> Any:
            y = self.rest(self.depthwise(x).permute(0, 2, 3, 1))
            return x + y.permute(0, 3, 1, 2)

    model = nn.Sequential(
        nn.Conv2d(3, 48, 4, 4), Norm(48), Block(48), Block(48),
        Norm(48), nn.Conv2d(48, 96, 2, 2), Block(96), Block(96),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10),
    )  # fmt: skip
    x = data.normal(batch, 3, side, side)
    return classifier(torch, model, x, data.integers(10, batch))


def alexnet(torch: ModuleType, batch: int = 16) -> Task:
    """Five convolutions and three linear layers on 127 × 127. Krizhevsky et al. 2012"""
    nn, data = torch.nn, Data(torch)
    model = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(2304, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(),
        nn.Linear(1024, 100),
    )  # fmt: skip
    x = data.normal(batch, 3, 127, 127)
    return classifier(torch, model, x, data.integers(100, batch))


def inception(torch: ModuleType, batch: int = 32) -> Task:
    """Four blocks of parallel convolutions of several sizes. Szegedy et al. 2015"""
    nn, data = torch.nn, Data(torch)

    class Block(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.branches = nn.ModuleList([
                conv_bn(nn, c, 16, 1),
                nn.Sequential(conv_bn(nn, c, 16, 1), nn.ReLU(), conv_bn(nn, 16, 24, 3)),
                nn.Sequential(conv_bn(nn, c, 8, 1), nn.ReLU(), conv_bn(nn, 8, 12, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), conv_bn(nn, c, 12, 1)),
            ])  # fmt: skip

        def forward(self, x: Any) -> Any:
            return torch.relu(torch.cat([branch(x) for branch in self.branches], 1))

    model = nn.Sequential(
        conv_bn(nn, 3, 32), nn.ReLU(), Block(32), nn.MaxPool2d(2), Block(64), Block(64),
        nn.MaxPool2d(2), Block(64), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    return classifier(torch, model, data.normal(batch, 3, 32, 32), data.integers(10, batch))


def denoiser(torch: ModuleType, batch: int = 32) -> Task:
    """Residual blocks with GroupNorm and SiLU, as diffusion models have. Ho et al. 2020"""
    nn, data = torch.nn, Data(torch)

    class Block(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            layers = []
            for _ in range(2):
                layers += [nn.GroupNorm(8, c), nn.SiLU(), nn.Conv2d(c, c, 3, padding=1)]
            self.body = nn.Sequential(*layers)

        def forward(self, x: Any) -> Any:
            return x + self.body(x)

    model = nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), Block(64), nn.Conv2d(64, 128, 3, 2, 1), Block(128),
        nn.Upsample(scale_factor=2), nn.Conv2d(128, 3, 3, padding=1),
    )  # fmt: skip

    def loss(x: Any, noise: Any) -> Any:
        return nn.functional.mse_loss(model(x), noise)

    x, noise = data.normal(batch, 3, 16, 16), data.normal(batch, 3, 16, 16)
    return Task(model, (x,), (noise,), ((model, loss),))


def dilated_segmentation(torch: ModuleType, batch: int = 4, side: int = 96) -> Task:
    """Parallel dilated convolutions, enlarged bilinearly. Chen et al. 2017"""
    nn, data = torch.nn, Data(torch)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(
                conv_bn(nn, 3, 32, 3, 2), nn.ReLU(), conv_bn(nn, 32, 64, 3, 2), nn.ReLU()
            )
            self.branches = nn.ModuleList(
                [nn.Conv2d(64, 32, 3, padding=d, dilation=d) for d in (1, 2, 4)]
            )
            self.head = nn.Conv2d(96, 12, 1)

        def forward(self, x: Any) -> Any:
            y = self.trunk(x)
            y = self.head(torch.cat([torch.relu(branch(y)) for branch in self.branches], 1))
            return nn.functional.interpolate(
                y, size=x.shape[2:], mode="bilinear", align_corners=False
            )

    x, y = data.normal(batch, 3, side, side), data.integers(12, batch, side, side)
    return classifier(torch, Net(), x, y)


def video(torch: ModuleType, batch: int = 4, side: int = 32) -> Task:
    """Two convolutions of height, width and time on eight frames."""
    nn, data = torch.nn, Data(torch)
    model = nn.Sequential(
        nn.Conv3d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2),
        nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    x = data.normal(batch, 3, 8, side, side)
    return classifier(torch, model, x, data.integers(10, batch))


def points(torch: ModuleType, batch: int = 16, count: int = 512) -> Task:
    """Clouds of points: one network for each point, then the maximum. Qi et al. 2017"""
    nn, data = torch.nn, Data(torch)

    class Maximum(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.max(2).values

    layers = []
    for a, b in itertools.pairwise((3, 64, 64, 128, 512)):
        layers += [nn.Conv1d(a, b, 1), nn.BatchNorm1d(b), nn.ReLU()]
    head = [nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10)]
    model = nn.Sequential(*layers, Maximum(), *head)
    return classifier(torch, model, data.normal(batch, 3, count), data.integers(10, batch))


def q_network(torch: ModuleType, batch: int = 32) -> Task:
    """Values of actions from four frames of 84 × 84. Mnih et al. 2015"""
    nn, data = torch.nn, Data(torch)
    model = nn.Sequential(
        nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(),
        nn.Linear(512, 6),
    )  # fmt: skip

    def loss(x: Any, actions: Any, wanted: Any) -> Any:
        values = model(x).gather(1, actions[:, None])[:, 0]
        return nn.functional.smooth_l1_loss(values, wanted)

    targets = data.integers(6, batch), data.normal(batch)
    return Task(model, (data.uniform(batch, 4, 84, 84),), targets, ((model, loss),))


def contrastive(torch: ModuleType, batch: int = 32) -> Task:
    """Two views of each image are told from those of the others. Chen et al. 2020"""
    nn, data = torch.nn, Data(torch)
    layers = []
    for a, b in itertools.pairwise((3, 32, 64, 128)):
        layers += [conv_bn(nn, a, b, 3, 2), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 64)]
    model = nn.Sequential(*layers, *head)

    def loss(a: Any, b: Any) -> Any:
        z = nn.functional.normalize(model(torch.cat([a, b])), dim=1)
        alike = (z @ z.T) / 0.5
        alike = alike.masked_fill(torch.eye(2 * batch, dtype=torch.bool), float("-inf"))
        partner = torch.cat([torch.arange(batch, 2 * batch), torch.arange(batch)])
        return nn.functional.cross_entropy(alike, partner)

    views = data.normal(batch, 3, 32, 32), data.normal(batch, 3, 32, 32)
    return Task(model, views, (), ((model, loss),))


def masked_encoder(torch: ModuleType, batch: int = 8, length: int = 128, d: int = 256) -> Task:
    """A transformer encoder that does not look at padding. Devlin et al. 2019"""
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(
                d, 4, 4 * d, dropout=0.0, batch_first=True, activation="gelu", norm_first=True
            )
            self.words = nn.Embedding(1000, d)
            self.places = nn.Parameter(torch.zeros(length, d))
            self.body = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
            self.head = nn.Linear(d, 1000)

        def forward(self, x: Any) -> Any:
            y = self.body(self.words(x) + self.places, src_key_padding_mask=x == 0)
            return self.head(y)

    return language_model(torch, Net(), 1000, batch, length)


def translator(torch: ModuleType, batch: int = 16, length: int = 20) -> Task:
    """A GRU that looks at the states of another one, of both directions. Luong et al. 2015"""
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(200, 64)
            self.reader = nn.GRU(64, 128, batch_first=True, bidirectional=True)
            self.writer = nn.GRU(64, 128, batch_first=True)
            self.query, self.head = nn.Linear(128, 256), nn.Linear(384, 200)

        def forward(self, x: Any) -> Any:
            read, written = self.reader(self.words(x))[0], self.writer(self.words(x))[0]
            share = torch.softmax(self.query(written) @ read.transpose(1, 2) / 16, -1)
            return self.head(torch.cat([written, share @ read], -1))

    return language_model(torch, Net(), 200, batch, length)


def recurrent_tagger(
    torch: ModuleType, cell: str = "LSTM", batch: int = 32, length: int = 50, **options: Any
) -> Task:
    """Words labelled by a recurrent network."""
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(300, 100)
            self.body = getattr(nn, cell)(100, 128, batch_first=True, **options)
            self.head = nn.Linear(256 if options.get("bidirectional") else 128, 300)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(self.words(x))[0])

    return language_model(torch, Net(), 300, batch, length)


def recommender(torch: ModuleType, batch: int = 1024) -> Task:
    """26 embedded categories and 13 numbers. Cheng et al. 2016, the deep part"""
    nn, data = torch.nn, Data(torch)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(2600, 16)
            self.body = nn.Sequential(
                nn.Linear(26 * 16 + 13, 400), nn.ReLU(), nn.Linear(400, 200), nn.ReLU(),
                nn.Linear(200, 1),
            )  # fmt: skip

        def forward(self, categories: Any, numbers: Any) -> Any:
            features = torch.cat([self.table(categories).flatten(1), numbers], 1)
            return self.body(features)[:, 0]

    model, cost = Net(), nn.functional.binary_cross_entropy_with_logits

    def loss(categories: Any, numbers: Any, clicks: Any) -> Any:
        return cost(model(categories, numbers), clicks)

    features = data.integers(2600, batch, 26), data.normal(batch, 13)
    return Task(model, features, (data.uniform(batch),), ((model, loss),))


def wide_mlp(torch: ModuleType, batch: int = 256, width: int = 1024) -> Task:
    """Three wide layers with BatchNorm."""
    nn, data = torch.nn, Data(torch)
    layers = []
    for a, b in itertools.pairwise((512, width, width, width)):
        layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU(0.1)]
    model = nn.Sequential(*layers, nn.Linear(width, 50))
    return classifier(torch, model, data.normal(batch, 512), data.integers(50, batch))


def graph_network(torch: ModuleType, nodes: int = 2708) -> Task:
    """Two graph convolutions over random edges. Kipf & Welling 2017"""
    nn, data = torch.nn, Data(torch)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(500, 64), nn.Linear(64, 7)

        def forward(self, x: Any, sources: Any, targets: Any) -> Any:
            def gathered(h: Any) -> Any:
                return torch.zeros_like(h).index_add(0, targets, h[sources])

            h = torch.relu(gathered(self.first(x)))
            return self.second(gathered(h)) / 4

    model, cross_entropy = Net(), nn.functional.cross_entropy

    def loss(x: Any, sources: Any, targets: Any, y: Any) -> Any:
        return cross_entropy(model(x, sources, targets), y)

    edges = data.integers(nodes, 4 * nodes), data.integers(nodes, 4 * nodes)
    features = (data.normal(nodes, 500), *edges)
    return Task(model, features, (data.integers(7, nodes),), ((model, loss),))


def critic(torch: ModuleType, batch: int = 64) -> Task:
    """The critic of a Wasserstein GAN with its gradient penalty. Gulrajani et al. 2017"""
    nn, data = torch.nn, Data(torch)
    model = nn.Sequential(
        nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )  # fmt: skip

    def loss(real: Any, fake: Any) -> Any:
        between = ((real + fake) / 2).detach().requires_grad_()
        (slope,) = torch.autograd.grad(model(between).sum(), between, create_graph=True)
        penalty = ((slope.square().sum(1) + 1e-12).sqrt() - 1).square().mean()
        return model(fake).mean() - model(real).mean() + 10 * penalty

    return Task(model, (data.normal(batch, 64), data.normal(batch, 64)), (), ((model, loss),))


def physics(torch: ModuleType, batch: int = 1000) -> Task:
    """Burgers' equation, whose second derivative is in the loss. Raissi et al. 2019"""
    nn, data = torch.nn, Data(torch)
    layers = [nn.Linear(2, 64), nn.Tanh()]
    for _ in range(2):
        layers += [nn.Linear(64, 64), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(64, 1))

    def loss(places: Any) -> Any:
        places = places.detach().requires_grad_()
        u = model(places)
        (slope,) = torch.autograd.grad(u.sum(), places, create_graph=True)
        u_x, u_t = slope[:, 0], slope[:, 1]
        (bend,) = torch.autograd.grad(u_x.sum(), places, create_graph=True)
        return (u_t + u[:, 0] * u_x - 0.003 * bend[:, 0]).square().mean()

    return Task(model, (data.normal(batch, 2),), (), ((model, loss),))
