"""Healthy trainings of many kinds, each a loop as people write them, that the doctor may find
nothing wrong with. A kind is a function that runs its loop inside `watched(model, optimizer)`.
"""

import itertools
import math

import numpy as np
from set_up_data import circles, digits, line, split, table

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch

KINDS = {}


def kind(function):
    KINDS[function.__name__] = function
    return function


class Watched:
    """Collects what the doctors of one training say."""

    def __init__(self):
        self.doctors, self.told = [], []

    def __call__(self, model, *optimizers):
        self.doctors.append(watch(model, *optimizers, tell=self.told.append))
        return self.doctors[-1]

    def end(self):
        for doctor in self.doctors:
            doctor.diagnose()
            doctor.verify()
            doctor.close()
        return self.told


def batches(x, y, size, epochs, seed=0):
    rng = np.random.default_rng(seed)
    x, y = cr.tensor(x), cr.tensor(y)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x) - size + 1, size):
            rows = cr.tensor(order[i : i + size])
            yield x[rows], y[rows]


def fit(
    watched, model, optimizer, data, loss=F.cross_entropy, *, size=32, epochs=4, after=None
):
    watched(model, optimizer)
    x, y, vx, vy = data
    for epoch in range(epochs):
        model.train()
        for a, b in batches(x, y, size, 1, epoch):
            optimizer.zero_grad()
            value = loss(model(a), b)
            value.backward()
            optimizer.step()
            if after is not None:
                after()
        model.eval()
        with cr.no_grad():
            loss(model(cr.tensor(vx)), cr.tensor(vy))


def text(n=400, length=16, vocabulary=20, seed=0):
    """Sequences in which each sign follows mostly from the one before."""
    rng = np.random.default_rng(seed)
    nxt = rng.permutation(vocabulary)
    rows = np.zeros((n, length + 1), np.int64)
    rows[:, 0] = rng.integers(0, vocabulary, n)
    for t in range(length):
        random = rng.integers(0, vocabulary, n)
        rows[:, t + 1] = np.where(rng.uniform(size=n) < 0.8, nxt[rows[:, t]], random)
    return split(rows[:, :-1], rows[:, 1:], seed)


def of_characters(outputs, targets):
    return F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1))


def images():
    x, y, vx, vy = digits()
    return [x.reshape(-1, 1, 8, 8), y, vx.reshape(-1, 1, 8, 8), vy]


class Recurrent(nn.Module):
    def __init__(self, layer, vocabulary=20, width=32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.recurrent = layer(width, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.head(self.recurrent(self.embedding(ids))[0])


class Block(nn.Module):
    def __init__(self, width, heads=4, dropout=0.1):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, x, mask):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, vocabulary=20, width=32, length=16, tied=True):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(2)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        for p in (self.tokens.weight, self.places.weight):
            nn.init.normal_(p, std=0.02)
        if tied:
            self.head.weight = self.tokens.weight
        self.mask = cr.full((length, length), -math.inf).triu(1)

    def forward(self, ids):
        x = self.tokens(ids) + self.places(cr.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x, self.mask)
        return self.head(self.norm(x))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(x + self.bn2(self.conv2(y)))


class LowRank(nn.Module):
    """A frozen layer and a trained change of low rank, which begins at zero."""

    def __init__(self, layer, rank=4):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.a = nn.Parameter(cr.randn(rank, layer.in_features) / math.sqrt(layer.in_features))
        self.b = nn.Parameter(cr.zeros(layer.out_features, rank))

    def forward(self, x):
        return self.layer(x) + x @ self.a.T @ self.b.T


def mlp(*sizes, act=nn.ReLU):
    layers = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers[:-1])


def pretrained():
    """A network that knows half of the digits already."""
    model = mlp(64, 64, 64, 10)
    x, y, _, _ = digits()
    optimizer = cr.optim.Adam(model.parameters(), lr=3e-3)
    for a, b in batches(x, y, 32, 3):
        optimizer.zero_grad()
        F.cross_entropy(model(a), b).backward()
        optimizer.step()
    return model


@kind
def rnn(watched):
    model = Recurrent(nn.RNN)
    fit(watched, model, cr.optim.Adam(model.parameters(), 3e-3), text(), of_characters)


@kind
def lstm(watched):
    model = Recurrent(nn.LSTM)
    fit(watched, model, cr.optim.Adam(model.parameters(), 3e-3), text(), of_characters)


@kind
def gru_clipped(watched):
    model = Recurrent(nn.GRU)
    optimizer = cr.optim.SGD(model.parameters(), 1.0)
    watched(model, optimizer)
    x, y, _, _ = text()
    for a, b in batches(x, y, 20, 5):
        optimizer.zero_grad()
        of_characters(model(a), b).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()


@kind
def truncated_in_time(watched):
    model, head = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, 1)
    optimizer = cr.optim.Adam([*model.parameters(), *head.parameters()], 3e-3)
    watched(model, optimizer)
    state = None
    t = np.arange(4000) / 7
    wave = np.sin(t + np.arange(4)[:, None]).astype(np.float32)
    for i in range(80):
        x = cr.tensor(wave[:, 8 * i : 8 * i + 64].reshape(4, 8, 8))
        y = cr.tensor(wave[:, 8 * i + 64 : 8 * i + 65])
        optimizer.zero_grad()
        out, state = model(x, state)
        F.mse_loss(head(out[:, -1]), y).backward()
        state = tuple(s.detach() for s in state)
        optimizer.step()


@kind
def transformer_tied(watched):
    model = Transformer()
    optimizer = cr.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.1)
    schedule = cr.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, (i + 1) / 100))
    fit(watched, model, optimizer, text(), of_characters, size=20, after=schedule.step)


@kind
def transformer_slow_warm_up(watched):
    model = Transformer(tied=False)
    optimizer = cr.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    schedule = cr.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, (i + 1) / 2000))
    fit(watched, model, optimizer, text(), of_characters, size=10, after=schedule.step)


@kind
def frozen_embedding(watched):
    model = Recurrent(nn.GRU)
    model.embedding.weight.requires_grad_(False)
    optimizer = cr.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    fit(watched, model, optimizer, text(), of_characters)


@kind
def residual_zero_gamma(watched):
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        Residual(8), Residual(8), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    optimizer = cr.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    schedule = cr.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=200)
    fit(watched, model, optimizer, images(), epochs=2, after=schedule.step)


@kind
def low_rank(watched):
    base = pretrained()
    model = nn.Sequential(*[LowRank(m) if isinstance(m, nn.Linear) else m for m in base])
    optimizer = cr.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-3)
    x, y, vx, vy = digits()
    fit(watched, model, optimizer, [1 - x, y, 1 - vx, vy])


@kind
def frozen_backbone(watched):
    base = pretrained()
    base.requires_grad_(False)
    base[4] = nn.Linear(64, 10)
    fit(watched, base, cr.optim.Adam(base[4].parameters(), 3e-3), digits())


@kind
def only_the_head(watched):
    base = pretrained()
    base[4] = nn.Linear(64, 10)
    fit(watched, base, cr.optim.SGD(base[4].parameters(), 0.1), digits())


@kind
def zero_head(watched):
    model = mlp(64, 64, 10)
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    fit(watched, model, cr.optim.Adam(model.parameters(), 1e-2), digits())


@kind
def summed_accumulation(watched):
    model = mlp(64, 64, 10)
    optimizer = cr.optim.SGD(model.parameters(), 0.1)
    watched(model, optimizer)
    x, y, _, _ = digits()
    parts = []
    for a, b in batches(x, y, 8, 4):
        parts.append(F.cross_entropy(model(a), b))
        if len(parts) == 4:
            optimizer.zero_grad()
            sum(parts).backward()
            optimizer.step()
            parts = []


@kind
def divided_accumulation(watched):
    model = mlp(64, 64, 10)
    optimizer = cr.optim.SGD(model.parameters(), 0.1)
    watched(model, optimizer)
    x, y, _, _ = digits()
    for i, (a, b) in enumerate(batches(x, y, 4, 3)):
        (F.cross_entropy(model(a), b) / 32).backward()
        if (i + 1) % 32 == 0:
            optimizer.step()
            optimizer.zero_grad()


@kind
def sum_reduction(watched):
    model = mlp(64, 64, 10)
    optimizer = cr.optim.SGD(model.parameters(), 0.003)
    fit(watched, model, optimizer, digits(),
        lambda o, t: F.cross_entropy(o, t, reduction="sum"))  # fmt: skip


@kind
def encoder_and_decoder(watched):
    encoder, decoder = mlp(64, 32, 16), mlp(16, 32, 64)
    first = cr.optim.Adam(encoder.parameters(), 3e-3)
    second = cr.optim.Adam(decoder.parameters(), 3e-3)
    watched(encoder, first)
    watched(decoder, second)
    x = digits()[0]
    for a, _ in batches(x, x, 32, 4):
        first.zero_grad()
        second.zero_grad()
        F.mse_loss(decoder(encoder(a)), a).backward()
        first.step()
        second.step()


def gan(watched, *, together, pair, steps=160):
    generator = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
    critic = nn.Sequential(
        nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(32, 1)
    )
    first = cr.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.999))
    second = cr.optim.Adam(critic.parameters(), 1e-3, betas=(0.5, 0.999))
    if pair:
        watched(generator, first)
        watched(critic, second)
    else:
        watched(nn.ModuleList([generator, critic]), first, second)
    rng, loss = np.random.default_rng(0), nn.BCEWithLogitsLoss()
    ones, zeros = cr.ones(32, 1), cr.zeros(32, 1)
    for step in range(steps):
        angle = rng.uniform(0, 6.28, 32)
        real = cr.tensor(np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32))
        fake = generator(cr.randn(32, 8))
        second.zero_grad()
        if together:
            (loss(critic(real), ones) + loss(critic(fake.detach()), zeros)).backward()
        else:
            loss(critic(real), ones).backward()
            loss(critic(fake.detach()), zeros).backward()
        second.step()
        first.zero_grad()
        loss(critic(fake), ones).backward()
        first.step()
        if step % 40 == 0:
            with cr.no_grad():
                critic(generator(cr.randn(16, 8)))


@kind
def gan_two_passes(watched):
    gan(watched, together=False, pair=True)


@kind
def gan_one_pass(watched):
    gan(watched, together=True, pair=True)


@kind
def gan_in_one_module(watched):
    gan(watched, together=True, pair=False)


@kind
def minimax_gan(watched):
    generator, critic = mlp(8, 32, 2), mlp(2, 32, 1)
    first = cr.optim.SGD(generator.parameters(), 0.05)
    second = cr.optim.SGD(critic.parameters(), 0.05)
    watched(generator, first)
    watched(critic, second)
    rng = np.random.default_rng(0)
    for _ in range(150):
        real = cr.tensor(rng.normal(1, 0.3, (32, 2)).astype(np.float32))
        fake = generator(cr.randn(32, 8))
        second.zero_grad()
        (F.softplus(-critic(real)).mean() + F.softplus(critic(fake.detach())).mean()).backward()
        second.step()
        first.zero_grad()
        (-F.binary_cross_entropy_with_logits(critic(fake), cr.zeros(32, 1))).backward()
        first.step()


class Variational(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = mlp(64, 64, 16), mlp(8, 64, 64)

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * cr.randn_like(mean)
        return self.decoder(z).sigmoid(), mean, log_variance


@kind
def variational(watched):
    def loss(outputs, x):
        y, mean, log_variance = outputs
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return F.binary_cross_entropy(y, x, reduction="sum") + divergence

    x, _, vx, _ = digits()
    model = Variational()
    fit(watched, model, cr.optim.Adam(model.parameters(), 1e-3), [x, x, vx, vx], loss)


@kind
def contrastive(watched):
    model = mlp(64, 64, 16)
    optimizer = cr.optim.Adam(model.parameters(), 1e-3)
    watched(model, optimizer)
    x = digits()[0]
    rng = np.random.default_rng(0)
    for a, _ in batches(x, x, 32, 4):
        noise = [cr.tensor(rng.normal(0, 0.1, a.shape).astype(np.float32)) for _ in range(2)]
        first, second = (F.normalize(model(a + n), dim=1) for n in noise)
        optimizer.zero_grad()
        F.cross_entropy(first @ second.T / 0.07, cr.arange(32)).backward()
        optimizer.step()


@kind
def pairwise_distances(watched):
    model = mlp(64, 32, 8)
    optimizer = cr.optim.Adam(model.parameters(), 1e-3)
    watched(model, optimizer)
    x, y, _, _ = digits()
    for a, b in batches(x, y, 32, 4):
        z = model(a)
        squares = (z**2).sum(1)
        distances = (squares.unsqueeze(1) + squares - 2 * z @ z.T).clamp(min=0)
        same = (b.unsqueeze(1) == b).float()
        optimizer.zero_grad()
        (same * distances + (1 - same) * F.relu(1 - distances)).mean().backward()
        optimizer.step()


@kind
def huber_with_outliers(watched):
    x, y, vx, vy = line(10, 0)
    y = y.copy()
    y[::20] *= 30
    model = mlp(10, 64, 1)
    fit(watched, model, cr.optim.Adam(model.parameters(), 3e-3), [x, y, vx, vy], F.huber_loss,
        size=4)  # fmt: skip


@kind
def multi_label(watched):
    x, y, vx, vy = digits()
    marks = np.stack([y % 2 == 0, y > 4, y % 3 == 0, y == 7], 1).astype(np.float32)
    theirs = np.stack([vy % 2 == 0, vy > 4, vy % 3 == 0, vy == 7], 1).astype(np.float32)
    model = mlp(64, 64, 4)
    fit(watched, model, cr.optim.Adam(model.parameters(), 3e-3), [x, marks, vx, theirs],
        F.binary_cross_entropy_with_logits)  # fmt: skip


@kind
def segmentation(watched):
    x, _, vx, _ = images()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1)
    )
    y, vy = ((z[:, 0] > 0.3).astype(np.int64) + (z[:, 0] > 0.8) for z in (x, vx))
    fit(watched, model, cr.optim.Adam(model.parameters(), 1e-2), [x, y, vx, vy])


@kind
def imbalanced_but_weighted(watched):
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=1600) < 0.04).astype(np.int64)
    x = (rng.normal(0, 1, (1600, 10)) + 1.2 * y[:, None]).astype(np.float32)
    model = mlp(10, 16, 2)
    weight = cr.tensor([0.52, 12.5])
    fit(watched, model, cr.optim.Adam(model.parameters(), 3e-3), split(x, y),
        lambda o, t: F.cross_entropy(o, t, weight))  # fmt: skip


@kind
def pixels_logistic(watched):
    model = nn.Linear(64, 10)
    fit(watched, model, cr.optim.SGD(model.parameters(), 0.1, momentum=0.9), digits())


@kind
def bag_of_words(watched):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 1200)
    likely = rng.uniform(size=(4, 300)) ** 8 * 0.2
    x = (rng.uniform(size=(1200, 300)) < likely[y]).astype(np.float32)
    model = mlp(300, 64, 4)
    fit(watched, model, cr.optim.Adagrad(model.parameters(), 0.05), split(x, y), size=16)


@kind
def embedding_bag(watched):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 1200)
    x = rng.integers(0, 50, (1200, 12)) * 4 + np.where(
        rng.uniform(size=(1200, 12)) < 0.4, y[:, None], rng.integers(0, 4, (1200, 12))
    )
    model = nn.Sequential(nn.EmbeddingBag(200, 16), nn.Linear(16, 4))
    fit(watched, model, cr.optim.Adam(model.parameters(), 1e-2), split(x, y), size=16)


@kind
def smoothed_labels(watched):
    model = mlp(64, 128, 10)
    fit(watched, model, cr.optim.AdamW(model.parameters(), 1e-3), digits(),
        nn.CrossEntropyLoss(label_smoothing=0.1))  # fmt: skip


@kind
def mixed_precision(watched):
    model = mlp(64, 64, 10)
    optimizer = cr.optim.Adam(model.parameters(), 3e-3)
    watched(model, optimizer)
    scaler = cr.amp.GradScaler("cpu")
    x, y, _, _ = digits()
    for a, b in batches(x, y, 32, 3):
        optimizer.zero_grad()
        with cr.autocast("cpu", dtype=cr.bfloat16):
            loss = F.cross_entropy(model(a), b)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()


@kind
def full_batch(watched):
    model = mlp(2, 32, 1, act=nn.Tanh)
    x, y, vx, vy = circles(0)
    fit(watched, model, cr.optim.Adam(model.parameters(), 2e-2), [x, y, vx, vy],
        nn.BCEWithLogitsLoss(), size=len(x), epochs=150)  # fmt: skip


@kind
def tiny_batches(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, cr.optim.SGD(model.parameters(), 0.02, momentum=0.9), digits(), size=4,
        epochs=2)  # fmt: skip


@kind
def xor(watched):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    model = mlp(2, 8, 1, act=nn.Tanh)
    fit(watched, model, cr.optim.SGD(model.parameters(), 0.5), [x, y, x, y],
        nn.BCEWithLogitsLoss(), size=4, epochs=400)  # fmt: skip


@kind
def early_stopping(watched):
    x, y, vx, vy = digits()
    model = mlp(64, 64, 10)
    optimizer = cr.optim.Adam(model.parameters(), 1e-3, weight_decay=1e-4)
    watched(model, optimizer)
    best, waited = math.inf, 0
    for epoch in range(25):
        for a, b in batches(x, y, 64, 1, epoch):
            optimizer.zero_grad()
            F.cross_entropy(model(a), b).backward()
            optimizer.step()
        with cr.no_grad():
            value = F.cross_entropy(model(cr.tensor(vx)), cr.tensor(vy)).item()
        best, waited = (value, 0) if value < best else (best, waited + 1)
        if waited == 3:
            break


@kind
def reinforce(watched):
    policy = mlp(4, 32, 2)
    optimizer = cr.optim.Adam(policy.parameters(), 1e-2)
    watched(policy, optimizer)
    rng = np.random.default_rng(0)
    for _ in range(80):
        states = rng.normal(0, 1, (50, 4)).astype(np.float32)
        log_p = F.log_softmax(policy(cr.tensor(states)), dim=1)
        p = log_p.exp().detach().numpy()
        actions = (rng.uniform(size=50) < p[:, 1]).astype(np.int64)
        reward = (actions == (states[:, 0] > 0)) * rng.exponential(3, 50)
        chosen = log_p[cr.arange(50), cr.tensor(actions)]
        optimizer.zero_grad()
        (-(chosen * cr.tensor(reward.astype(np.float32))).sum()).backward()
        optimizer.step()


@kind
def actor_critic(watched):
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(4, 32)
            self.actor, self.critic = nn.Linear(32, 2), nn.Linear(32, 1)

        def forward(self, x):
            h = self.body(x).relu()
            return self.actor(h), self.critic(h)

    model = Both()
    optimizer = cr.optim.Adam(model.parameters(), 3e-3)
    watched(model, optimizer)
    rng = np.random.default_rng(0)
    for i in range(80):
        states = rng.normal(0, 1, (40, 4)).astype(np.float32)
        scores, values = model(cr.tensor(states))
        log_p = F.log_softmax(scores, dim=1)
        actions = rng.integers(0, 2, 40)
        returns = cr.tensor(((actions == (states[:, 0] > 0)) * (1 + i / 4)).astype(np.float32))
        advantage = returns - values.detach().squeeze(1)
        chosen = log_p[cr.arange(40), cr.tensor(actions)]
        optimizer.zero_grad()
        loss = -(chosen * advantage).mean() + F.smooth_l1_loss(values.squeeze(1), returns)
        loss.backward()
        optimizer.step()


@kind
def deep_q(watched):
    model, target = mlp(4, 32, 2), mlp(4, 32, 2)
    target.load_state_dict(model.state_dict())
    optimizer = cr.optim.Adam(model.parameters(), 2e-3)
    watched(model, optimizer)
    rng = np.random.default_rng(0)
    for i in range(200):
        s = cr.tensor(rng.normal(0, 1, (32, 4)).astype(np.float32))
        with cr.no_grad():
            y = 1 + 0.99 * target(s).max(1).values
        optimizer.zero_grad()
        F.smooth_l1_loss(model(s)[:, 0], y).backward()
        optimizer.step()
        if i % 20 == 0:
            target.load_state_dict(model.state_dict())


@kind
def pseudo_labels(watched):
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    optimizer = cr.optim.Adam(model.parameters(), 1e-3)
    watched(model, optimizer)
    x, y, vx, _ = digits()
    for a, b in batches(x, y, 32, 3):
        with cr.no_grad():
            guess = model(cr.tensor(vx[:32])).argmax(1)
        optimizer.zero_grad()
        guessed = F.cross_entropy(model(cr.tensor(vx[:32])), guess)
        (F.cross_entropy(model(a), b) + 0.1 * guessed).backward()
        optimizer.step()


@kind
def own_head_outside(watched):
    body, head = mlp(64, 64, 32), nn.Linear(32, 10)
    model = nn.Sequential(body, nn.ReLU())
    optimizer = cr.optim.Adam([*model.parameters(), *head.parameters()], 1e-3)
    watched(model, optimizer)
    x, y, _, _ = digits()
    for a, b in batches(x, y, 32, 3):
        optimizer.zero_grad()
        F.cross_entropy(head(model(a)), b).backward()
        optimizer.step()


@kind
def rare_classes_of_many(watched):
    rng = np.random.default_rng(0)
    p = 1 / np.arange(1, 21)
    y = rng.choice(20, 1600, p=p / p.sum())
    x = (rng.normal(0, 1, (20, 16))[y] * 1.5 + rng.normal(0, 1, (1600, 16))).astype(np.float32)
    model = mlp(16, 64, 20)
    fit(watched, model, cr.optim.Adam(model.parameters(), 5e-3), split(x, y), epochs=6)


@kind
def batch_norm_on_raw_columns(watched):
    x, y, vx, vy = table(13, 3, 0, scales=True, n=400)
    model = nn.Sequential(nn.BatchNorm1d(13), nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    fit(watched, model, cr.optim.Adam(model.parameters(), 1e-2), [x, y, vx, vy], epochs=10)


@kind
def siamese(watched):
    encoder, predictor = mlp(64, 64, 32), mlp(32, 16, 32)
    model = nn.ModuleList([encoder, predictor])
    optimizer = cr.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    watched(model, optimizer)
    x = digits()[0]
    rng = np.random.default_rng(0)
    for a, _ in batches(x, x, 32, 3):
        one, two = (
            encoder(a + cr.tensor(rng.normal(0, 0.2, a.shape).astype(np.float32)))
            for _ in range(2)
        )
        loss = -F.cosine_similarity(predictor(one), two.detach(), dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
