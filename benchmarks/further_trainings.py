"""A third wave of networks: other things to minimize, and steps of other shapes."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from networks import Data, Task, classifier, gpt_model


def perceptron(nn: ModuleType, *sizes: int, activation: str = "ReLU") -> Any:
    """Linear layers with an activation between them."""
    layers: list = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), getattr(nn, activation)()]
    return nn.Sequential(*layers[:-1])


def radiance_field(torch: ModuleType, batch: int = 64, samples: int = 24) -> Task:
    """Colours of rays through a scene, positions as waves. Mildenhall et al. 2020"""
    nn, F, data = torch.nn, torch.nn.functional, Data(torch)
    waves = 2.0 ** torch.arange(6) * math.pi
    depths = torch.linspace(0.5, 2.0, samples)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = perceptron(nn, 36, 128, 128, 128)
            self.second = perceptron(nn, 36 + 128, 128, 128)
            self.density, self.colour = nn.Linear(128, 1), perceptron(nn, 128 + 3, 64, 3)

        def forward(self, starts: Any, directions: Any) -> Any:
            x = starts[:, None] + directions[:, None] * depths[:, None]  # (rays, samples, 3)
            angles = (x[..., None] * waves).flatten(2)
            x = torch.cat([angles.sin(), angles.cos()], -1)
            y = F.relu(self.second(torch.cat([F.relu(self.first(x)), x], -1)))
            view = directions[:, None].expand(-1, samples, -1)
            colour = torch.sigmoid(self.colour(torch.cat([y, view], -1)))
            opaque = 1 - torch.exp(-F.softplus(self.density(y)[..., 0]) * 1.5 / samples)
            through = torch.cumprod(1 - opaque + 1e-10, -1).roll(1, -1)
            through = torch.cat([torch.ones_like(through[:, :1]), through[:, 1:]], -1)
            return ((through * opaque)[..., None] * colour).sum(1)

    model = Net()

    def loss(starts: Any, directions: Any, colours: Any) -> Any:
        return F.mse_loss(model(starts, F.normalize(directions, dim=-1)), colours)

    rays = data.normal(batch, 3), data.normal(batch, 3)
    return Task(model, rays, (data.uniform(batch, 3),), ((model, loss),))


def sine_network(torch: ModuleType, batch: int = 1024, d: int = 128) -> Task:
    """A picture as a function of the place, sines as activations. Sitzmann et al. 2020"""
    nn, data = torch.nn, Data(torch)

    class Sine(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.sin(x)

    layers = []
    for a, b in itertools.pairwise((2, d, d, d)):
        layers += [nn.Linear(a, b), Sine()]
    model = nn.Sequential(*layers, nn.Linear(d, 3))

    def loss(x: Any, y: Any) -> Any:
        return nn.functional.mse_loss(model(30 * x), y)

    places, colours = 2 * data.uniform(batch, 2) - 1, data.uniform(batch, 3)
    return Task(model, (places,), (colours,), ((model, loss),))


def flow(torch: ModuleType, batch: int = 256, d: int = 32) -> Task:
    """A density made of invertible layers and their determinants. Dinh et al. 2017"""
    nn, data = torch.nn, Data(torch)

    class Coupling(nn.Module):
        def __init__(self, odd: int) -> None:
            super().__init__()
            self.net = perceptron(nn, d, 128, 128, 2 * d)
            self.register_buffer("seen", ((torch.arange(d) + odd) % 2).float())

        def forward(self, x: Any) -> tuple:
            scale, shift = self.net(x * self.seen).chunk(2, 1)
            scale = torch.tanh(scale) * (1 - self.seen)
            return x * scale.exp() + shift * (1 - self.seen), scale.sum(1)

    model = nn.ModuleList([Coupling(i) for i in range(6)])
    normal = torch.distributions.Normal(0.0, 1.0)

    def loss(z: Any) -> Any:
        total = torch.zeros(z.shape[0])
        for layer in model:
            z, log_determinant = layer(z)
            total = total + log_determinant
        return -(normal.log_prob(z).sum(1) + total).mean()

    return Task(model, (data.normal(batch, d),), (), ((model, loss),))


def codebook(torch: ModuleType, batch: int = 8, side: int = 32, d: int = 32) -> Task:
    """Images through the nearest of 256 vectors. Van den Oord et al. 2017"""
    nn, F, data = torch.nn, torch.nn.functional, Data(torch)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(
                nn.Conv2d(3, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(),
                nn.Conv2d(64, d, 1),
            )  # fmt: skip
            self.decoder = nn.Sequential(
                nn.ConvTranspose2d(d, 64, 4, 2, 1), nn.ReLU(),
                nn.ConvTranspose2d(64, 3, 4, 2, 1),
            )  # fmt: skip
            self.table = nn.Embedding(256, d)

        def forward(self, x: Any) -> tuple:
            z = self.encoder(x).permute(0, 2, 3, 1)
            nearest = torch.cdist(z.flatten(0, 2), self.table.weight).argmin(1)
            q = self.table(nearest).view(z.shape)
            commitment = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
            through = z + (q - z).detach()
            return self.decoder(through.permute(0, 3, 1, 2)), commitment

    model = Net()

    def loss(x: Any) -> Any:
        image, commitment = model(x)
        return F.mse_loss(image, x) + commitment

    return Task(model, (data.normal(batch, 3, side, side),), (), ((model, loss),))


def graph_attention(torch: ModuleType, nodes: int = 1000, heads: int = 4) -> Task:
    """Shares of a node's neighbours, a softmax over its edges. Velickovic et al. 2018"""
    nn, F, data = torch.nn, torch.nn.functional, Data(torch)

    class Layer(nn.Module):
        def __init__(self, c: int, d: int) -> None:
            super().__init__()
            self.linear = nn.Linear(c, heads * d, bias=False)
            self.source = nn.Parameter(torch.zeros(heads, d))
            self.target = nn.Parameter(torch.zeros(heads, d))

        def forward(self, x: Any, sources: Any, targets: Any) -> Any:
            h = self.linear(x).unflatten(1, (heads, -1))  # (nodes, heads, d)
            scores = (h * self.source).sum(-1)[sources] + (h * self.target).sum(-1)[targets]
            scores = F.leaky_relu(scores, 0.2)
            at = targets[:, None].expand(-1, heads)
            start = torch.full((x.shape[0], heads), float("-inf"))
            highest = start.scatter_reduce(0, at, scores.detach(), "amax")
            shares = torch.exp(scores - highest[targets])
            total = torch.zeros_like(highest).scatter_add(0, at, shares)
            shares = shares / total[targets]
            return torch.zeros_like(h).index_add(0, targets, shares[..., None] * h[sources])

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Layer(200, 16), Layer(16 * heads, 7)

        def forward(self, x: Any, sources: Any, targets: Any) -> Any:
            h = F.elu(self.first(x, sources, targets).flatten(1))
            return self.second(h, sources, targets).mean(1)

    model = Net()

    def loss(x: Any, sources: Any, targets: Any, y: Any) -> Any:
        return F.cross_entropy(model(x, sources, targets), y)

    itself = torch.arange(nodes)
    edges = (torch.cat([data.integers(nodes, 5 * nodes), itself]) for _ in range(2))
    features, labels = (data.normal(nodes, 200), *edges), data.integers(7, nodes)
    return Task(model, features, (labels,), ((model, loss),))


def factorization(torch: ModuleType, batch: int = 1024, fields: int = 20, d: int = 12) -> Task:
    """Pairs of embedded fields, and a perceptron beside them. Guo et al. 2017"""
    nn, F, data = torch.nn, torch.nn.functional, Data(torch)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.single, self.vectors = nn.Embedding(2000, 1), nn.Embedding(2000, d)
            self.deep = perceptron(nn, fields * d, 200, 100, 1)

        def forward(self, x: Any) -> Any:
            v = self.vectors(x)  # (n, fields, d)
            pairs = 0.5 * (v.sum(1).square() - v.square().sum(1)).sum(1)
            deep = self.deep(v.flatten(1))[:, 0]
            return torch.sigmoid(self.single(x).sum((1, 2)) + pairs + deep)

    model = Net()

    def loss(x: Any, y: Any) -> Any:
        return F.binary_cross_entropy(model(x), y.round())

    x, y = data.integers(2000, batch, fields), data.uniform(batch)
    return Task(model, (x,), (y,), ((model, loss),))


def policy_gradient(torch: ModuleType, batch: int = 64) -> Task:
    """A policy held near the old one, and values. Schulman et al. 2017"""
    nn, data = torch.nn, Data(torch)
    policy = perceptron(nn, 17, 64, 64, 6, activation="Tanh")
    values = perceptron(nn, 17, 64, 64, 1, activation="Tanh")
    log_deviation = nn.ParameterList([nn.Parameter(torch.zeros(6))])
    model = nn.ModuleList([policy, values, log_deviation])

    def loss(states: Any, actions: Any, gains: Any, returns: Any, old: Any) -> Any:
        chosen = torch.distributions.Normal(policy(states), log_deviation[0].exp())
        ratio = torch.exp(chosen.log_prob(actions).sum(1) - old)
        gains = (gains - gains.mean()) / (gains.std() + 1e-8)
        kept = torch.min(ratio * gains, ratio.clamp(0.8, 1.2) * gains).mean()
        errors = (values(states)[:, 0] - returns).square().mean()
        return 0.5 * errors - kept - 0.01 * chosen.entropy().sum(1).mean()

    seen = data.normal(batch, 17), data.normal(batch, 6)
    targets = data.normal(batch), data.normal(batch), data.normal(batch) - 9
    return Task(model, seen, targets, ((model, loss),))


def actor_critic(torch: ModuleType, batch: int = 256) -> Task:
    """Two critics, a policy, and slow copies of the critics. Haarnoja et al. 2018"""
    nn, F, data = torch.nn, torch.nn.functional, Data(torch)
    critics = nn.ModuleList([perceptron(nn, 23, 256, 256, 1) for _ in range(2)])
    policy, slow = perceptron(nn, 17, 256, 256, 12), copy.deepcopy(critics)

    def acted(states: Any, noise: Any) -> tuple:
        mean, log_deviation = policy(states).chunk(2, 1)
        log_deviation = log_deviation.clamp(-20, 2)
        raw = mean + noise * log_deviation.exp()
        density = -0.5 * noise.square() - log_deviation - 0.5 * math.log(2 * math.pi)
        squeeze = 2 * (math.log(2) - raw - F.softplus(-2 * raw))
        return torch.tanh(raw), (density - squeeze).sum(1)

    def least(pair: Any, states: Any, actions: Any) -> Any:
        both = torch.cat([states, actions], 1)
        return torch.min(pair[0](both), pair[1](both))[:, 0]

    def criticize(states: Any, actions: Any, rewards: Any, after: Any, noise: Any) -> Any:
        with torch.no_grad():
            then, density = acted(after, noise)
            wanted = rewards + 0.99 * (least(slow, after, then) - 0.2 * density)
        both = torch.cat([states, actions], 1)
        return sum(F.mse_loss(critic(both)[:, 0], wanted) for critic in critics)

    def act(states: Any, actions: Any, rewards: Any, after: Any, noise: Any) -> Any:
        made, density = acted(states, noise)
        return (0.2 * density - least(critics, states, made)).mean()

    def procedure(updates: list) -> Callable:
        def step(*inputs: Any) -> Any:
            for cost, optimizer in zip((criticize, act), updates, strict=True):
                optimizer.zero_grad()
                loss = cost(*inputs)
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                for copied, weight in zip(slow.parameters(), critics.parameters(), strict=True):
                    copied.mul_(0.995).add_(weight, alpha=0.005)
            return loss.detach()

        return step

    features = (
        data.normal(batch, 17), data.normal(batch, 6), data.normal(batch),
        data.normal(batch, 17), data.normal(batch, 6),
    )  # fmt: skip
    phases = (critics, criticize), (policy, act)
    nets = nn.ModuleList([critics, policy, slow])
    return Task(nets, features, (), phases, procedure)


def triplets(torch: ModuleType, batch: int = 16) -> Task:
    """Two images of a person nearer than one of another. Schroff et al. 2015"""
    nn, F, data, layers = torch.nn, torch.nn.functional, Data(torch), []
    for a, b in itertools.pairwise((1, 24, 48, 96)):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(864, 64))

    def loss(*images: Any) -> Any:
        vectors = (F.normalize(model(x), dim=1) for x in images)
        return F.triplet_margin_loss(*vectors, margin=0.5)

    images = tuple(data.normal(batch, 1, 24, 24) for _ in range(3))
    return Task(model, images, (), ((model, loss),))


def differential_equation(torch: ModuleType, batch: int = 64, steps: int = 10) -> Task:
    """A spiral followed by Runge and Kutta's four stages. Chen et al. 2018"""
    nn, data = torch.nn, Data(torch)
    model, h = perceptron(nn, 2, 50, 2, activation="Tanh"), 0.1

    def slope(y: Any) -> Any:
        return model(y**3)

    def loss(y: Any, path: Any) -> Any:
        found = []
        for _ in range(steps):
            k1 = slope(y)
            k2 = slope(y + h / 2 * k1)
            k3 = slope(y + h / 2 * k2)
            k4 = slope(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            found.append(y)
        return (torch.stack(found) - path).abs().mean()

    start, path = data.normal(batch, 2), data.normal(steps, batch, 2)
    return Task(model, (start,), (path,), ((model, loss),))


def logistic_regression(torch: ModuleType, batch: int = 1) -> Task:
    """One example at a time."""
    nn, data = torch.nn, Data(torch)
    model = nn.Linear(100, 1)

    def loss(x: Any, y: Any) -> Any:
        return nn.functional.binary_cross_entropy_with_logits(model(x)[:, 0], y)

    return Task(model, (data.normal(batch, 100),), (data.uniform(batch),), ((model, loss),))


def tiny_network(torch: ModuleType, batch: int = 1) -> Task:
    """Sixteen hidden units, one example."""
    model, data = perceptron(torch.nn, 4, 16, 16, 3, activation="Tanh"), Data(torch)
    return classifier(torch, model, data.normal(batch, 4), data.integers(3, batch))


def reparametrized(torch: ModuleType, batch: int = 32) -> Task:
    """Weight normalization and spectral normalization. Miyato et al. 2018"""
    nn, data = torch.nn, Data(torch)
    weight_norm = nn.utils.parametrizations.weight_norm
    spectral_norm = nn.utils.parametrizations.spectral_norm
    model = nn.Sequential(
        weight_norm(nn.Conv2d(3, 32, 3, padding=1)), nn.ReLU(), nn.AvgPool2d(2),
        spectral_norm(nn.Conv2d(32, 64, 4, 2, 1)), nn.LeakyReLU(0.1), nn.Flatten(),
        weight_norm(nn.Linear(1024, 128)), nn.ReLU(), spectral_norm(nn.Linear(128, 10)),
    )  # fmt: skip
    for name, buffer in model.named_buffers():  # the vectors of the power iteration
        if name.endswith(("_u", "_v")):
            buffer.copy_(nn.functional.normalize(data.normal(*buffer.shape), dim=0))
    return classifier(torch, model, data.normal(batch, 3, 16, 16), data.integers(10, batch))


def accumulated(torch: ModuleType, batch: int = 32, parts: int = 4) -> Task:
    """Gradients of four parts of a batch in one step."""
    nn, data = torch.nn, Data(torch)
    model, n = perceptron(nn, 784, 256, 256, 10, activation="GELU"), batch * parts
    task = classifier(torch, model, data.normal(n, 784), data.integers(10, n))
    ((_, cost),) = task.phases

    def procedure(updates: list) -> Callable:
        def step(x: Any, y: Any) -> Any:
            total = torch.zeros(())
            for part, wanted in zip(x.chunk(parts), y.chunk(parts), strict=True):
                loss = cost(part, wanted) / parts
                loss.backward()
                total += loss.detach()
            updates[0].step()
            updates[0].zero_grad()
            return total

        return step

    task.procedure = procedure
    return task


def averaged(torch: ModuleType, batch: int = 8, length: int = 64) -> Task:
    """Clipped gradients, and a running mean of the weights."""
    nn, data = torch.nn, Data(torch)
    model = gpt_model(torch, 0.0, layers=2, d=96)
    mean = copy.deepcopy(model)
    cross_entropy = nn.functional.cross_entropy

    def loss(x: Any, y: Any) -> Any:
        return cross_entropy(model(x).flatten(0, 1), y.flatten())

    def procedure(updates: list) -> Callable:
        def step(x: Any, y: Any) -> Any:
            updates[0].zero_grad()
            value = loss(x, y)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            updates[0].step()
            with torch.no_grad():
                for slow, weight in zip(mean.parameters(), model.parameters(), strict=True):
                    slow.lerp_(weight, 0.001)
            return value.detach()

        return step

    x, y = data.integers(65, batch, length), data.integers(65, batch, length)
    return Task(model, (x,), (y,), ((model, loss),), procedure)
