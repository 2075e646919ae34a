"""Models of names, letter by letter: bigrams, an MLP, an RNN, a GRU and a Transformer.

    python examples/character_models.py          # 200 built-in names, a minute
    python examples/character_models.py --data names.txt --model gru --steps 3000

A name is a row of letters between two dots; the model says from the letters so far which one
comes next, and new names are made by drawing letters until the dot. The loss is what one
letter costs: with ln 27 = 3.30 nats (4.75 bits) nothing is learned yet.

Expect on 32000 first names, after 3000 steps, a test loss in nats per letter of about
    bigram 2.47    mlp 2.18    rnn 2.10    gru 2.06    transformer 2.06
and from the GRU names such as Kaleea, Ryenn or Asayla. The built-in names the networks soon
know by heart: the training loss falls on and the test loss rises.
"""

import argparse
import math
from pathlib import Path

import chainrule as torch
import chainrule.nn as nn
import chainrule.nn.functional as F
from chainrule.utils.data import DataLoader, Dataset, RandomSampler, random_split

NAMES = """
ada adele agnes albert alice alina amelie amos andrea anna anton arthur astrid aurelia barbara
basil beatrice benjamin bernard bertha bruno caleb camilla carla carmen caroline cecilia celia
charles charlotte clara clemens colette conrad cora cordelia cornelia damian daniel daria david
deborah diana dominic dora dorothy edgar edith edmund edward elena elias elisa elizabeth ella
elliot eloise elsa emil emilia emma enid erica ernest esther ethan eugene eva evelyn fabian
felicia felix fiona flora florence frances frank frederick gabriel george gerald gloria grace
greta gustav hannah harold harriet hazel hector helen helena henry herbert hilda hugo ida ines
irene iris isaac isabel isadora ivan ivy jacob james jane jasper joan joel johanna john jonah
jonathan joseph josephine judith julia julian juliet karin karl katharina kira lara laura lea
leander leo leonard leonora lewis lilian lina linda lorenz louis louisa lucas lucia lucy ludwig
luna lydia magda malcolm marcus margaret maria marian marina mark martha martin mathilda maud
max maya melanie milan miles mira miriam mona moritz nadia naomi nathan nell nicholas nina nora
norman oliver olivia oscar otto pamela patrick paul paula peter petra philip phoebe quentin
rachel ralph rebecca regina robert robin roland rosa rose ruben rufus ruth samuel sara sebastian
selma silas simon sofia stella stephen susan sylvia theo theodora theresa thomas tilda tobias
ursula valentin vera victor victoria vincent viola virginia walter wanda werner william winifred
"""


class Names(Dataset):
    """Each name as its letters after a dot, and as the letters before the closing dot."""

    def __init__(self, names):
        self.names = names
        self.letters = [".", *sorted(set("".join(names)))]
        self.numbers = {letter: i for i, letter in enumerate(self.letters)}
        self.longest = max(len(name) for name in names)

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        name = torch.tensor([self.numbers[letter] for letter in self.names[i]])
        x = torch.zeros(self.longest + 1, dtype=torch.long)
        y = torch.full((self.longest + 1,), -1)  # -1: after the end, counts for nothing
        x[1 : 1 + len(name)] = name
        y[: len(name)] = name
        y[len(name)] = 0
        return x, y


class Bigram(nn.Module):
    """A table: the logits of the next letter for each letter."""

    def __init__(self, letters, **_):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(letters, letters))

    def forward(self, x):
        return self.table[x]  # (n, t, letters)


class MLP(nn.Module):
    """The last three letters, embedded and laid side by side (Bengio et al. 2003)."""

    def __init__(self, letters, width, context=3, **_):
        super().__init__()
        self.context = context
        self.embedding = nn.Embedding(letters, width // 4)
        self.layers = nn.Sequential(
            nn.Linear(context * (width // 4), 2 * width),
            nn.Tanh(),
            nn.Linear(2 * width, letters),
        )

    def forward(self, x):
        x = F.pad(x, (self.context - 1, 0)).unfold(1, self.context, 1)  # (n, t, context)
        return self.layers(self.embedding(x).flatten(2))


class Recurrent(nn.Module):
    """A hidden state that reads letter after letter."""

    def __init__(self, letters, width, layer=nn.RNN, **_):
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.start = nn.Parameter(torch.zeros(1, 1, width))
        self.layer = layer(width, width, batch_first=True)
        self.head = nn.Linear(width, letters)

    def forward(self, x):
        start = self.start.expand(-1, x.size(0), -1).contiguous()
        h, _ = self.layer(self.embedding(x), start)
        return self.head(h)


class GRU(Recurrent):
    def __init__(self, letters, width, **_):
        super().__init__(letters, width, nn.GRU)


class Transformer(nn.Module):
    """Every letter looks back at all earlier ones (Vaswani et al. 2017)."""

    def __init__(self, letters, width, longest, heads=4, layers=2, **_):
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.position = nn.Parameter(0.02 * torch.randn(longest + 1, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu",
            batch_first=True, norm_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, letters, bias=False)

    def forward(self, x):
        t = x.size(1)
        future = torch.ones(t, t, dtype=torch.bool).triu(1)
        x = self.layers(self.embedding(x) + self.position[:t], mask=future)
        return self.head(self.norm(x))


MODELS = {
    "bigram": Bigram,
    "mlp": MLP,
    "rnn": Recurrent,
    "gru": GRU,
    "transformer": Transformer,
}


def loss_of(model, x, y):
    """Nats per letter."""
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=-1)


def train(model, loader, optimizer, report=500):
    """One step for every batch; the losses."""
    model.train()
    losses = []
    for step, (x, y) in enumerate(loader, 1):
        loss = loss_of(model, x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % report == 0:
            print(f"step {step:5d}   loss {sum(losses[-report:]) / report:.4f}")
    return losses


@torch.inference_mode()
def evaluate(model, dataset):
    """The mean loss of a letter over a whole dataset."""
    model.eval()
    total = letters = 0
    for x, y in DataLoader(dataset, batch_size=500):
        n = (y >= 0).sum().item()
        total += n * loss_of(model, x, y).item()
        letters += n
    return total / letters


@torch.no_grad()
def sample(model, names, count, temperature=1.0):
    """New names, drawn side by side until each has met its dot."""
    model.eval()
    x = torch.zeros(count, 1, dtype=torch.long)
    for _ in range(names.longest):
        logits = model(x)[:, -1, :] / temperature
        letter = torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)
        x = torch.cat((x, letter), dim=1)
    rows = ["".join(names.letters[i] for i in row) for row in x[:, 1:].tolist()]
    return [row.split(".")[0] for row in rows]


def arguments(argv=None):
    parser = argparse.ArgumentParser(description="Models of names, letter by letter")
    parser.add_argument("--data", help="a text file with one name per line")
    parser.add_argument("--model", choices=[*MODELS, "all"], default="all")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.002)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


def read(args):
    text = Path(args.data).read_text("utf-8") if args.data else NAMES
    return Names(sorted({name.lower() for name in text.split()}))


def build(args, names, model):
    return MODELS[model](letters=len(names.letters), width=args.width, longest=names.longest)


def make_optimizer(args, model):
    # a table of logits bears much longer strides than a network
    lr = 50 * args.lr if isinstance(model, Bigram) else args.lr
    return torch.optim.AdamW(
        model.parameters(), lr=lr, weight_decay=args.weight_decay, betas=(0.9, 0.99)
    )


def main(argv=None):
    args = arguments(argv)
    names = read(args)
    held_out = min(1000, len(names) // 10)
    results = {}
    for name in MODELS if args.model == "all" else [args.model]:
        torch.manual_seed(args.seed)
        train_set, test_set = random_split(names, [len(names) - held_out, held_out])
        sampler = RandomSampler(
            train_set, replacement=True, num_samples=args.steps * args.batch_size
        )
        loader = DataLoader(train_set, batch_size=args.batch_size, sampler=sampler)
        model = build(args, names, name)
        print(f"\n{name}: {sum(p.numel() for p in model.parameters())} parameters")

        losses = train(model, loader, make_optimizer(args, model))
        recent = sum(losses[-200:]) / len(losses[-200:])
        results[name] = loss = evaluate(model, test_set)
        bits = loss / math.log(2)
        print(f"training loss {recent:.4f}   test loss {loss:.4f} = {bits:.3f} bits per letter")
        print(", ".join(new.capitalize() for new in sample(model, names, args.samples)))
    return results


if __name__ == "__main__":
    main()
