"""What the benchmark runs: training steps and inference of many networks.

Each runs in PyTorch and in chainrule from one text, with the same data and initial weights:

    workload = WORKLOADS["mlp-32"]
    task = workload.build(chainrule)                    # or torch
    step = workload.step(chainrule, task)
    loss = chainrule.compile(step)(*workload.inputs(task))

`UNSEEN` are networks that the compiler was not built with in mind; `OTHER` are many more kinds,
tried when it was done, of which two showed a defect: `bottleneck` and `physics`. `FURTHER` is a
third wave; of its 35 one was computed wrongly, `detector`, and one slowly, `swin`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import further_images as images
import further_sequences as sequences
import further_trainings as trainings
import numpy as np
import other_networks as other
from networks import (
    Data,
    Task,
    classifier,
    cnn,
    gpt,
    gpt_decode,
    language_model,
    mlp,
    mobilenet,
    recurrent,
    resnet20,
    unet,
    vae,
    vgg11,
    vit,
)

LEARNING_RATE = 1e-3
#: the sizes of very small copies, for tests
SMALL = {"batch": 2}
SEQUENCE = {"batch": 2, "length": 5}
RECURRENT = SEQUENCE | {"d": 8}


@dataclass(frozen=True)
class Workload:
    """A function that makes a task, its arguments, and those of a very small copy."""

    make: Callable[..., Task]
    arguments: dict[str, Any] = field(default_factory=dict)
    tiny: dict[str, Any] = field(default_factory=lambda: SMALL)
    optimizer: str = "Adam"
    training: bool = True
    images: bool = False  # may also be laid out with the channels last
    comparable: bool = True  # the loss is the same number in every framework

    def build(self, torch: ModuleType, small: bool = False) -> Task:
        """The task with its weights set, in training or evaluation mode."""
        task = self.make(torch, **self.arguments | (self.tiny if small else {}))
        set_weights(torch, task.model)
        task.model.train(self.training)
        return task

    def step(self, torch: ModuleType, task: Task, **options: Any) -> Callable:
        """One step of training or inference, a function of `inputs(task)`.

        Args:
            options: further arguments of the optimizers, such as fused=True
        """
        if not self.training:
            return inference_step(torch, task)
        return training_step(task, optimizers(torch, task, self.optimizer, **options))

    def inputs(self, task: Task) -> tuple:
        """What a step is called with: targets are for training only."""
        return task.features + task.targets if self.training else task.features


def set_weights(torch: ModuleType, model: Any) -> None:
    """Weights from NumPy by LeCun's rule; scales of normalizations 1, biases 0."""
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shape = tuple(parameter.shape)
            value = np.full(shape, float("weight" in name), np.float32)
            if len(shape) > 1:
                scale = math.sqrt(1 / math.prod(shape[1:]))
                value = (rng.standard_normal(shape) * scale).astype(np.float32)
            parameter.copy_(torch.from_numpy(value))


def optimizers(torch: ModuleType, task: Task, name: str = "Adam", **options: Any) -> list:
    """One optimizer for each phase: Adam, or SGD as residual networks are trained."""
    if name == "SGD":
        options |= {"momentum": 0.9, "weight_decay": 5e-4}
    make = getattr(torch.optim, name)
    return [make(m.parameters(), lr=LEARNING_RATE, **options) for m, _ in task.phases]


def training_step(task: Task, updates: list) -> Callable:
    """Forward, loss, backward and update; a function of the inputs that returns the loss."""
    if task.procedure:
        return task.procedure(updates)

    def step(*inputs: Any) -> Any:
        for (_, loss_function), optimizer in zip(task.phases, updates, strict=True):
            optimizer.zero_grad()
            loss = loss_function(*inputs)
            loss.backward()
            optimizer.step()
        return loss.detach()

    return step


def inference_step(torch: ModuleType, task: Task) -> Callable:
    """The network's outputs without gradients."""

    def step(*features: Any) -> Any:
        with torch.no_grad():
            return task.model(*features)

    return step


def autoencoder(torch: ModuleType, batch: int = 50) -> Task:
    """A perceptron of odd sizes that repeats its input."""
    nn, data = torch.nn, Data(torch)
    sizes, layers = (487, 211, 97, 13, 97, 211, 487), []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.SiLU()]
    model = nn.Sequential(*layers[:-1])

    def loss(x: Any) -> Any:
        return nn.functional.mse_loss(model(x), x)

    return Task(model, (data.normal(batch, 487),), (), ((model, loss),))


def sequence_cnn(torch: ModuleType, batch: int = 16, length: int = 256) -> Task:
    """Dilated one-dimensional convolutions with GroupNorm on sequences of 12 channels."""
    nn, data = torch.nn, Data(torch)
    layers, c = [], 12
    for k, dilation in ((48, 1), (48, 2), (96, 4), (96, 8)):
        layers += [nn.Conv1d(c, k, 5, padding=2 * dilation, dilation=dilation)]
        layers += [nn.GroupNorm(8, k), nn.ELU(), nn.AvgPool1d(2)]
        c = k
    model = nn.Sequential(*layers, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(c, 7))
    return classifier(torch, model, data.normal(batch, 12, length), data.integers(7, batch))


def densenet(torch: ModuleType, batch: int = 32, growth: int = 12) -> Task:
    """Two dense blocks of four layers, each layer sees all before it. Huang et al. 2017"""
    nn, data = torch.nn, Data(torch)

    class Layer(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            convolution = nn.Conv2d(c, growth, 3, padding=1, bias=False)
            self.body = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), convolution)

        def forward(self, x: Any) -> Any:
            return torch.cat([x, self.body(x)], 1)

    layers, c = [nn.Conv2d(3, 24, 3, padding=1)], 24
    for _ in range(2):
        layers += [Layer(c + i * growth) for i in range(4)]
        c += 4 * growth
        layers += [nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, c // 2, 1), nn.AvgPool2d(2)]
        c //= 2
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))
    return classifier(torch, model, data.normal(batch, 3, 32, 32), data.integers(10, batch))


def encoder(torch: ModuleType, batch: int = 16, length: int = 40) -> Task:
    """Two layers of PyTorch's own transformer encoder that label each of 40 words."""
    nn = torch.nn
    layer = nn.TransformerEncoderLayer(96, 6, 200, dropout=0.0, batch_first=True)
    model = nn.Sequential(
        nn.Embedding(500, 96), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
        nn.Linear(96, 17),
    )  # fmt: skip
    task = language_model(torch, model, 17, batch, length)
    return replace(task, features=(Data(torch).integers(500, batch, length),))


def dcgan(torch: ModuleType, batch: int = 32) -> Task:
    """A generator and a discriminator of 28 × 28, one step of each. Radford et al. 2016"""
    nn, F, data = torch.nn, torch.nn.functional, Data(torch)
    generator = nn.Sequential(
        nn.ConvTranspose2d(64, 64, 7), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 1, 7), nn.Flatten(),
    )  # fmt: skip

    def judged(images: Any, real: bool) -> Any:
        logits = discriminator(images)
        wanted = torch.ones_like(logits) if real else torch.zeros_like(logits)
        return F.binary_cross_entropy_with_logits(logits, wanted)

    def discriminate(x: Any, noise: Any) -> Any:
        return judged(x, True) + judged(generator(noise).detach(), False)

    def generate(x: Any, noise: Any) -> Any:
        return judged(generator(noise), True)

    both = nn.ModuleList([generator, discriminator])
    phases = ((discriminator, discriminate), (generator, generate))
    return Task(both, (data.normal(batch, 1, 28, 28), data.normal(batch, 64, 1, 1)), (), phases)


TRAINING = {
    "mlp-32": Workload(mlp, {"batch": 32}),
    "mlp-128": Workload(mlp, {"batch": 128}),
    "cnn": Workload(cnn, images=True),
    "resnet20": Workload(resnet20, images=True),
    "resnet20-sgd": Workload(resnet20, optimizer="SGD", images=True),
    "vgg11": Workload(vgg11, images=True),
    "mobilenet": Workload(mobilenet, images=True),
    "lstm": Workload(recurrent, {"cell": "LSTM"}, RECURRENT),
    "gru": Workload(recurrent, {"cell": "GRU"}, RECURRENT),
    "gpt": Workload(gpt, tiny=SEQUENCE),
    "gpt-dropout": Workload(gpt, {"dropout": 0.1}, SEQUENCE, comparable=False),
    "vit": Workload(vit, tiny={"batch": 2, "layers": 1, "d": 24}, images=True),
    "vae": Workload(vae, images=True),
    "unet": Workload(unet, tiny={"batch": 2, "side": 8}, images=True),
}
INFERENCE = {
    f"{name}-inference-{batch}": Workload(
        make, {"batch": batch}, SEQUENCE if make is gpt else SMALL, training=False,
        images=make in (cnn, resnet20),
    )
    for name, make in {"mlp": mlp, "cnn": cnn, "resnet20": resnet20, "gpt": gpt}.items()
    for batch in (1, 64)
} | {"gpt-decode": Workload(gpt_decode, tiny={"length": 4}, training=False)}  # fmt: skip
UNSEEN = {
    "autoencoder": Workload(autoencoder),
    "sequence-cnn": Workload(sequence_cnn, tiny={"batch": 2, "length": 32}),
    "densenet": Workload(densenet, images=True),
    "encoder": Workload(encoder, tiny=SEQUENCE),
    "dcgan": Workload(dcgan, images=True),
}
OTHER = {
    "bottleneck": Workload(other.bottleneck, {}, SMALL | {"side": 32}, images=True),
    "efficientnet": Workload(other.efficientnet, images=True),
    "convnext": Workload(other.convnext, {}, SMALL | {"side": 32}, images=True),
    "alexnet": Workload(other.alexnet, images=True),
    "inception": Workload(other.inception, images=True),
    "denoiser": Workload(other.denoiser, images=True),
    "dilated-segmentation": Workload(
        other.dilated_segmentation, {}, SMALL | {"side": 16}, images=True
    ),
    "video": Workload(other.video, {}, SMALL | {"side": 8}),
    "points": Workload(other.points, {}, SMALL | {"count": 9}),
    "q-network": Workload(other.q_network, images=True),
    "contrastive": Workload(other.contrastive, images=True),
    "masked-encoder": Workload(other.masked_encoder, {}, SEQUENCE | {"d": 16}),
    "translator": Workload(other.translator, {}, SEQUENCE),
    "lstm-both-ways": Workload(
        other.recurrent_tagger, {"num_layers": 2, "bidirectional": True}, SEQUENCE
    ),
    "rnn": Workload(other.recurrent_tagger, {"cell": "RNN"}, SEQUENCE),
    "recommender": Workload(other.recommender),
    "wide-mlp": Workload(other.wide_mlp, {}, SMALL | {"width": 30}),
    "graph": Workload(other.graph_network, {}, {"nodes": 9}),
    "critic": Workload(other.critic),
    "physics": Workload(other.physics),
}
OTHER |= {
    f"{name}-inference-{batch}": replace(
        OTHER[name], arguments=OTHER[name].arguments | {"batch": batch}, training=False
    )
    for name, batch in (
        ("efficientnet", 1), ("efficientnet", 32), ("convnext", 1), ("bottleneck", 1),
        ("alexnet", 1), ("masked-encoder", 1), ("lstm-both-ways", 32), ("points", 16),
    )
}  # fmt: skip
FURTHER = {
    "llama": Workload(sequences.llama, {}, SEQUENCE | {"d": 24}),
    "relative-transformer": Workload(sequences.relative_transformer, {}, SEQUENCE),
    "masked-words": Workload(sequences.masked_words, {}, SEQUENCE | {"d": 16}),
    "experts": Workload(sequences.experts, {}, SEQUENCE | {"d": 12}),
    "linear-attention": Workload(sequences.linear_attention, {}, SEQUENCE),
    "wavenet": Workload(sequences.wavenet, {}, SEQUENCE | {"c": 4}),
    "speech": Workload(sequences.speech, {}, SMALL | {"frames": 32, "bands": 8}),
    "packed-translator": Workload(sequences.packed_translator, {}, SEQUENCE),
    "swin": Workload(images.swin, {}, SMALL | {"side": 32}, images=True),
    "mixer": Workload(images.mixer, {}, SMALL | {"d": 16}, images=True),
    "shufflenet": Workload(images.shufflenet, images=True),
    "resnext": Workload(images.resnext, images=True),
    "squeezenet": Workload(images.squeezenet, images=True),
    "super-resolution": Workload(images.super_resolution, {}, SMALL | {"side": 4}, images=True),
    "style-transfer": Workload(images.style_transfer, {}, SMALL | {"side": 16}, images=True),
    "cycle-gan": Workload(images.cycle_gan, {}, {"side": 16}, images=True),
    "detector": Workload(images.detector, {}, SMALL | {"side": 32}, images=True),
    "convolutional-lstm": Workload(sequences.convolutional_lstm, {}, SMALL | {"side": 4}),
    "capsules": Workload(images.capsules, {}, SMALL | {"side": 14}, images=True),
    "radiance-field": Workload(trainings.radiance_field, {}, SMALL | {"samples": 3}),
    "sine-network": Workload(trainings.sine_network, {}, SMALL | {"d": 8}),
    "flow": Workload(trainings.flow),
    "codebook": Workload(trainings.codebook, {}, SMALL | {"side": 8}, images=True),
    "graph-attention": Workload(trainings.graph_attention, {}, {"nodes": 9}),
    "word-vectors": Workload(sequences.word_vectors, {}, SMALL | {"words": 50}),
    "factorization": Workload(trainings.factorization),
    "policy-gradient": Workload(trainings.policy_gradient),
    "actor-critic": Workload(trainings.actor_critic),
    "triplets": Workload(trainings.triplets, images=True),
    "differential-equation": Workload(
        trainings.differential_equation, {}, SMALL | {"steps": 2}
    ),
    "logistic-regression": Workload(trainings.logistic_regression),
    "tiny-network": Workload(trainings.tiny_network),
    "reparametrized": Workload(trainings.reparametrized, images=True),
    "accumulated": Workload(trainings.accumulated),
    "averaged": Workload(trainings.averaged, {}, SEQUENCE),
}
WORKLOADS = TRAINING | INFERENCE | UNSEEN | OTHER | FURTHER
