"""A third wave of networks: words and other sequences, as people train them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from networks import Data, Task, language_model


def split_heads(x: Any, heads: int) -> Any:
    """(n, t, d) → (n, heads, t, d / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def llama(torch: ModuleType, batch: int = 4, length: int = 96, d: int = 192) -> Task:
    """RMSNorm, rotary positions, shared keys, SwiGLU, tied embedding. Touvron et al. 2023"""
    nn, F = torch.nn, torch.nn.functional
    heads, groups, width, words = 6, 2, d // 6, 1000
    speeds = 10000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.outer(torch.arange(length).float(), speeds)  # (t, width / 2)
    cos, sin = torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()

    def rotated(x: Any) -> Any:
        a, b = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-b, a], -1) * sin

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.RMSNorm(d), nn.RMSNorm(d)
            self.query, self.project = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
            self.key = nn.Linear(d, groups * width, bias=False)
            self.value = nn.Linear(d, groups * width, bias=False)
            self.gate, self.up = (nn.Linear(d, 8 * d // 3, bias=False) for _ in range(2))
            self.down = nn.Linear(8 * d // 3, d, bias=False)

        def forward(self, x: Any) -> Any:
            y = self.norm1(x)
            q, k = rotated(split_heads(self.query(y), heads)), split_heads(self.key(y), groups)
            k, v = (
                part.repeat_interleave(heads // groups, 1)
                for part in (rotated(k), split_heads(self.value(y), groups))
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.project(y.transpose(1, 2).flatten(2))
            y = self.norm2(x)
            return x + self.down(F.silu(self.gate(y)) * self.up(y))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.norm = nn.Embedding(words, d), nn.RMSNorm(d)
            self.blocks = nn.Sequential(*(Block() for _ in range(3)))

        def forward(self, x: Any) -> Any:
            return F.linear(self.norm(self.blocks(self.words(x))), self.words.weight)

    return language_model(torch, Net(), words, batch, length)


def relative_transformer(torch: ModuleType, batch: int = 8, length: int = 48) -> Task:
    """An encoder and a decoder with learned biases for distances. Raffel et al. 2020"""
    nn, d, heads = torch.nn, 128, 4
    offsets = torch.arange(length)[None, :] - torch.arange(length)[:, None]
    far = 8 + (torch.log(offsets.abs().clamp(min=8) / 8.0) * 4).long().clamp(max=7)
    distances = torch.where(offsets.abs() < 8, offsets.abs(), far)
    later = offsets > 0

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = (nn.Linear(d, d, bias=False) for _ in range(4))
            self.query, self.key, self.value, self.project = layers

        def forward(self, x: Any, context: Any, bias: Any) -> Any:
            q, k, v = (
                split_heads(part, heads)
                for part in (self.query(x), self.key(context), self.value(context))
            )
            shares = torch.softmax(q @ k.transpose(-2, -1) / (d // heads) ** 0.5 + bias, -1)
            return self.project((shares @ v).transpose(1, 2).flatten(2))

    class Block(nn.Module):
        def __init__(self, attentions: int) -> None:
            super().__init__()
            self.norms = nn.ModuleList([nn.RMSNorm(d) for _ in range(attentions)])
            self.attentions = nn.ModuleList([Attention() for _ in range(attentions)])
            self.perceptron = nn.Sequential(
                nn.RMSNorm(d), nn.Linear(d, 4 * d, bias=False), nn.ReLU(),
                nn.Linear(4 * d, d, bias=False),
            )  # fmt: skip

        def forward(self, x: Any, bias: Any, context: Any = None) -> Any:
            y = self.norms[0](x)
            x = x + self.attentions[0](y, y, bias)
            if context is not None:
                x = x + self.attentions[1](self.norms[1](x), context, 0.0)
            return x + self.perceptron(x)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.head = nn.Embedding(500, d), nn.Linear(d, 500, bias=False)
            self.there_bias, self.back_bias = nn.Embedding(32, heads), nn.Embedding(16, heads)
            self.encoder = nn.ModuleList([Block(1) for _ in range(2)])
            self.decoder = nn.ModuleList([Block(2) for _ in range(2)])

        def forward(self, x: Any) -> Any:
            bias = self.there_bias(distances + 16 * later).permute(2, 0, 1)
            read = self.words(x)
            for block in self.encoder:
                read = block(read, bias)
            bias = self.back_bias(distances).permute(2, 0, 1)
            bias = bias.masked_fill(later, torch.finfo(torch.float32).min)
            written = self.words(x.roll(1, 1))
            for block in self.decoder:
                written = block(written, bias, read)
            return self.head(written)

    return language_model(torch, Net(), 500, batch, length)


def masked_words(torch: ModuleType, batch: int = 8, length: int = 64, d: int = 128) -> Task:
    """Hidden words guessed from both sides, sentences of many lengths. Devlin et al. 2019"""
    nn, F, data, heads = torch.nn, torch.nn.functional, Data(torch), 4

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(d, heads, batch_first=True)
            self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
            self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

        def forward(self, x: Any, padding: Any) -> Any:
            y, _ = self.attention(x, x, x, key_padding_mask=padding, need_weights=False)
            x = self.norm1(x + y)
            return self.norm2(x + self.mlp(x))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(800, d, padding_idx=0), nn.Embedding(128, d)
            self.norm, self.bias = nn.LayerNorm(d), nn.Parameter(torch.zeros(800))
            self.blocks = nn.ModuleList([Block() for _ in range(3)])
            self.change = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.LayerNorm(d))

        def forward(self, x: Any, lengths: Any, hidden: Any) -> Any:
            at = torch.arange(length)
            padding = at >= lengths[:, None]
            y = self.norm(self.words(x.masked_fill(padding, 0)) + self.places(at))
            for block in self.blocks:
                y = block(y, padding)
            y = y.gather(1, hidden[:, :, None].expand(-1, -1, d))
            return F.linear(self.change(y), self.words.weight, self.bias)

    model = Net()

    def loss(x: Any, lengths: Any, hidden: Any) -> Any:
        logits = model(x.scatter(1, hidden, 1), lengths, hidden)
        return F.cross_entropy(logits.flatten(0, 1), x.gather(1, hidden).flatten())

    lengths = data.integers(length // 2, batch) + length // 2 + 1
    hidden = data.integers(length // 2, batch, length // 5)
    features = data.integers(800, batch, length), lengths, hidden
    return Task(model, features, (), ((model, loss),))


def experts(torch: ModuleType, batch: int = 8, length: int = 64, d: int = 128) -> Task:
    """Each word goes to the best two of eight perceptrons. Lepikhin et al. 2021"""
    nn, F, count = torch.nn, torch.nn.functional, 8
    room = max(4, batch * length // 2)  # words that an expert takes at most

    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.router = nn.Linear(d, count, bias=False)
            self.up = nn.Parameter(torch.zeros(count, d, 2 * d))
            self.down = nn.Parameter(torch.zeros(count, 2 * d, d))

        def forward(self, x: Any) -> Any:
            best, chosen = torch.softmax(self.router(x), -1).topk(2, -1)
            shares = best / best.sum(-1, keepdim=True)
            wanted = F.one_hot(chosen, count).flatten(0, 1)  # (words · 2, experts)
            place = ((wanted.cumsum(0) - 1) * wanted).sum(-1)
            kept = (place < room).float() * shares.flatten()
            target = chosen.flatten() * room + place.clamp(max=room - 1)
            copies = x.repeat_interleave(2, 0)
            given = torch.zeros(count * room, d).index_add(
                0, target, copies * (kept > 0).float()[:, None]
            )
            hidden = F.gelu(torch.bmm(given.view(count, room, d), self.up))
            y = torch.bmm(hidden, self.down).flatten(0, 1)[target] * kept[:, None]
            return y.view(-1, 2, d).sum(1)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.head = nn.Embedding(300, d), nn.Linear(d, 300)
            self.layers = nn.ModuleList([Experts() for _ in range(2)])

        def forward(self, x: Any) -> Any:
            y = self.words(x).flatten(0, 1)
            for layer in self.layers:
                y = y + layer(F.layer_norm(y, (d,)))
            return self.head(y).unflatten(0, x.shape)

    return language_model(torch, Net(), 300, batch, length)


def linear_attention(torch: ModuleType, batch: int = 4, length: int = 128) -> Task:
    """Attention as running sums of keys times values. Katharopoulos et al. 2020"""
    nn, F, d, heads = torch.nn, torch.nn.functional, 64, 4

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.qkv, self.project = (
                nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
            )  # fmt: skip

        def forward(self, x: Any) -> Any:
            q, k, v = (split_heads(part, heads) for part in self.qkv(self.norm(x)).chunk(3, -1))
            q, k = F.elu(q) + 1, F.elu(k) + 1
            memory = torch.einsum("nhti,nhtj->nhtij", k, v).cumsum(2)
            total = torch.einsum("nhti,nhti->nht", q, k.cumsum(2))
            y = torch.einsum("nhti,nhtij->nhtj", q, memory) / total[..., None]
            return x + self.project(y.transpose(1, 2).flatten(2))

    model = nn.Sequential(nn.Embedding(100, d), Block(), Block(), nn.Linear(d, 100))
    return language_model(torch, model, 100, batch, length)


def wavenet(torch: ModuleType, batch: int = 4, length: int = 512, c: int = 32) -> Task:
    """Gated convolutions of doubling dilation that see no future. Van den Oord et al. 2016"""
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, dilation: int) -> None:
            super().__init__()
            self.dilation = dilation
            self.convolution = nn.Conv1d(c, 2 * c, 2, dilation=dilation)
            self.project, self.skip = nn.Conv1d(c, c, 1), nn.Conv1d(c, 2 * c, 1)

        def forward(self, x: Any) -> tuple:
            value, gate = self.convolution(F.pad(x, (self.dilation, 0))).chunk(2, 1)
            y = torch.tanh(value) * torch.sigmoid(gate)
            return x + self.project(y), self.skip(y)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.levels = nn.Embedding(256, c)
            self.blocks = nn.ModuleList([Block(2**i) for i in range(8)])
            self.head = nn.Sequential(
                nn.ReLU(), nn.Conv1d(2 * c, 64, 1), nn.ReLU(), nn.Conv1d(64, 256, 1)
            )

        def forward(self, x: Any) -> Any:
            x, total = self.levels(x).transpose(1, 2), 0
            for block in self.blocks:
                x, skip = block(x)
                total = total + skip
            return self.head(total).transpose(1, 2)

    return language_model(torch, Net(), 256, batch, length)


def speech(torch: ModuleType, batch: int = 4, frames: int = 160, bands: int = 40) -> Task:
    """Convolutions over a spectrogram, a GRU of both directions, CTC. Amodei et al. 2016"""
    nn, F, data, letters = torch.nn, torch.nn.functional, Data(torch), 29

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.front = nn.Sequential(
                nn.Conv2d(1, 16, (11, 7), 2, (5, 3)), nn.BatchNorm2d(16), nn.Hardtanh(0, 20),
                nn.Conv2d(16, 16, (7, 5), (1, 2), (3, 2)), nn.BatchNorm2d(16),
                nn.Hardtanh(0, 20),
            )  # fmt: skip
            self.body = nn.GRU(16 * bands // 4, 96, bidirectional=True)
            self.head = nn.Linear(192, letters)

        def forward(self, x: Any) -> Any:
            y = self.front(x).permute(2, 0, 1, 3).flatten(2)  # (t, n, d)
            return F.log_softmax(self.head(self.body(y)[0]), -1)

    model = Net()

    def loss(x: Any, said: Any, lengths: Any) -> Any:
        heard = torch.full((batch,), frames // 2)
        return F.ctc_loss(model(x), said, heard, lengths)

    said = data.integers(letters - 1, batch, frames // 8) + 1
    targets = said, data.integers(frames // 16, batch) + frames // 16
    return Task(model, (data.normal(batch, 1, frames, bands),), targets, ((model, loss),))


def packed_translator(torch: ModuleType, batch: int = 16, length: int = 20) -> Task:
    """Sentences of many lengths, packed; a GRU cell writes word by word. Cho et al. 2014"""
    nn, F, data, d = torch.nn, torch.nn.functional, Data(torch), 128
    lengths = [length - 3 * i % length for i in range(batch)]

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.theirs, self.ours = nn.Embedding(300, 64), nn.Embedding(300, 64)
            self.reader = nn.GRU(64, d, batch_first=True)
            self.cell, self.head = nn.GRUCell(64 + d, d), nn.Linear(2 * d, 300)

        def forward(self, x: Any, y: Any) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(
                self.theirs(x), lengths, batch_first=True, enforce_sorted=False
            )
            read, state = self.reader(packed)
            read, _ = nn.utils.rnn.pad_packed_sequence(read, batch_first=True)
            ends = torch.tensor(lengths)[:, None]
            padding = torch.arange(read.shape[1]) >= ends
            state, logits = state[0], []
            for word in self.ours(y).unbind(1):
                scores = (read @ state[:, :, None])[..., 0].masked_fill(padding, -1e9)
                context = (scores.softmax(1)[:, None] @ read)[:, 0]
                state = self.cell(torch.cat([word, context], 1), state)
                logits.append(self.head(torch.cat([state, context], 1)))
            return torch.stack(logits, 1)

    model = Net()

    def loss(x: Any, y: Any) -> Any:
        return F.cross_entropy(model(x, y[:, :-1]).flatten(0, 1), y[:, 1:].flatten())

    x, y = data.integers(300, batch, length), data.integers(300, batch, length // 2 + 1)
    return Task(model, (x,), (y,), ((model, loss),))


def convolutional_lstm(torch: ModuleType, batch: int = 4, side: int = 24) -> Task:
    """Frames foretold by an LSTM whose gates are convolutions. Shi et al. 2015"""
    nn, F, data, c = torch.nn, torch.nn.functional, Data(torch), 16

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gates, self.head = nn.Conv2d(1 + c, 4 * c, 3, padding=1), nn.Conv2d(c, 1, 1)

        def forward(self, frames: Any) -> Any:
            h = cell = torch.zeros(frames.shape[0], c, side, side)
            made = []
            for x in frames.unbind(1):
                i, f, o, g = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
                cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(cell)
                made.append(self.head(h))
            return torch.stack(made, 1)

    model = Net()

    def loss(frames: Any) -> Any:
        return F.binary_cross_entropy_with_logits(model(frames[:, :-1]), frames[:, 1:])

    return Task(model, (data.uniform(batch, 9, 1, side, side),), (), ((model, loss),))


def word_vectors(torch: ModuleType, batch: int = 512, words: int = 5000) -> Task:
    """A word from the mean of those around it, and ten wrong ones. Mikolov et al. 2013"""
    nn, F, data, d = torch.nn, torch.nn.functional, Data(torch), 100

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.around = nn.EmbeddingBag(words, d, mode="mean")
            self.middle = nn.Embedding(words, d)

        def forward(self, context: Any, candidates: Any) -> Any:
            return (self.middle(candidates) @ self.around(context)[..., None])[..., 0]

    model = Net()

    def loss(context: Any, word: Any, wrong: Any) -> Any:
        scores = model(context, torch.cat([word, wrong], 1))
        return -(F.logsigmoid(scores[:, :1]) + F.logsigmoid(-scores[:, 1:]).sum(1)).mean()

    found = (data.integers(words, batch, k) for k in (8, 1, 10))
    return Task(model, tuple(found), (), ((model, loss),))
