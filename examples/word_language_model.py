"""A word-level language model: an LSTM, a GRU or a Transformer says which word comes next.

    python examples/word_language_model.py                        # a toy language, 20 seconds
    python examples/word_language_model.py --model Transformer
    python examples/word_language_model.py --data some.txt --vocabulary 5000 --epochs 6 --tied

The text is cut into columns that are read side by side, `bptt` words at a time. A recurrent
network carries its hidden state from one piece to the next, but not the gradient: this is
backpropagation through time, truncated. The measure is the perplexity exp(loss): among how
many equally likely words the model hesitates.

Expect on the toy language a test perplexity of 3.6 to 3.7. Its sentences hold 11 random bits
in 6 words on average, so that 2^(11/6) = 3.56 is the best that is possible, and out of reach
for whoever forgets at the verb whether the sentence began with one dog or with many.
"""

import argparse
import math
from collections import Counter
from pathlib import Path
from random import Random

import chainrule as torch
import chainrule.nn as nn
import chainrule.nn.functional as F

NOUNS = ["bird", "boat", "cat", "cloud", "dog", "horse", "house", "tree"]
ADJECTIVES = ["big", "old", "red", "small"]
VERBS = ["fall", "jump", "sleep", "wait"]


def toy_text(sentences, seed=0):
    """Lines such as "many old dogs near a boat sleep": the verb agrees with its noun."""
    random = Random(seed)

    def thing(plural):
        return ("many " if plural else "a "), random.choice(NOUNS) + "s" * plural

    lines = []
    for _ in range(sentences):
        plural = random.random() < 0.5
        article, noun = thing(plural)
        adjective = random.choice(ADJECTIVES) + " " if random.random() < 0.5 else ""
        place = (
            " near " + "".join(thing(random.random() < 0.5)) if random.random() < 0.5 else ""
        )
        verb = random.choice(VERBS) + "s" * (not plural)
        lines.append(f"{article}{adjective}{noun}{place} {verb}\n")
    return "".join(lines)


class Vocabulary:
    """The most frequent words and their numbers; all others are <unk>, number 0."""

    def __init__(self, words, size):
        frequent = Counter(word for word in words if word != "<unk>").most_common(size - 1)
        self.words = ["<unk>", *(word for word, _ in frequent)]
        self.numbers = {word: i for i, word in enumerate(self.words)}

    def encode(self, words):
        return torch.tensor([self.numbers.get(word, 0) for word in words])


def tokenize(text):
    return text.replace("\n", " <eos> ").split()


def batchify(data, batch_size):
    """One long row of words as `batch_size` columns, (t, n)."""
    t = data.size(0) // batch_size
    return data.narrow(0, 0, t * batch_size).view(batch_size, t).t().contiguous()


def get_batch(source, i, bptt):
    """`bptt` words of every column, and the words that follow each of them."""
    t = min(bptt, len(source) - 1 - i)
    return source[i : i + t], source[i + 1 : i + 1 + t].view(-1)


class RNNModel(nn.Module):
    """Embedding, LSTM or GRU, and a decoder that may share its weights with the embedding."""

    def __init__(self, kind, vocabulary, width, layers, dropout=0.2, tied=False):
        super().__init__()
        self.kind, self.width, self.layers = kind, width, layers
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(vocabulary, width)
        self.rnn = getattr(nn, kind)(width, width, layers, dropout=dropout)
        self.decoder = nn.Linear(width, vocabulary)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, input, hidden):
        embedded = self.drop(self.encoder(input))
        output, hidden = self.rnn(embedded, hidden)
        return self.decoder(self.drop(output)), hidden  # (t, n, vocabulary)

    def init_hidden(self, batch_size):
        weight = next(self.parameters())
        zeros = weight.new_zeros(self.layers, batch_size, self.width)
        return (zeros, zeros.clone()) if self.kind == "LSTM" else zeros


class PositionalEncoding(nn.Module):
    """Sines and cosines of wavelengths from 2π to 20000π tell each word its place."""

    def __init__(self, width, max_len=1000):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = torch.zeros(max_len, 1, width)
        table[:, 0, 0::2] = torch.sin(position * rate)
        table[:, 0, 1::2] = torch.cos(position * rate)
        self.register_buffer("table", table)

    def forward(self, x):
        return x + self.table[: x.size(0)]


class TransformerModel(nn.Module):
    """Layers of attention in which no word sees a later one; it carries no hidden state."""

    def __init__(self, vocabulary, width, layers, heads=4, dropout=0.2, tied=False):
        super().__init__()
        self.width = width
        self.encoder = nn.Embedding(vocabulary, width)
        self.position = PositionalEncoding(width)
        self.drop = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout)
        self.transformer = nn.TransformerEncoder(layer, layers)
        self.decoder = nn.Linear(width, vocabulary)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, input, hidden=None):
        x = self.drop(self.position(self.encoder(input) * math.sqrt(self.width)))
        mask = nn.Transformer.generate_square_subsequent_mask(len(input)).to(x.device)
        return self.decoder(self.transformer(x, mask=mask)), None

    def init_hidden(self, batch_size):
        return None


def repackage_hidden(hidden):
    """The same numbers without their history."""
    if hidden is None:
        return None
    if isinstance(hidden, torch.Tensor):
        return hidden.detach()
    return tuple(repackage_hidden(h) for h in hidden)


def train(model, data, optimizer, bptt=35, clip=0.25):
    """Once through the data; the loss of every step."""
    model.train()
    hidden = model.init_hidden(data.size(1))
    losses = []
    for i in range(0, data.size(0) - 1, bptt):
        input, target = get_batch(data, i, bptt)
        hidden = repackage_hidden(hidden)
        optimizer.zero_grad()
        output, hidden = model(input, hidden)
        loss = F.cross_entropy(output.flatten(0, 1), target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def evaluate(model, data, bptt=35):
    """The mean loss of a word."""
    model.eval()
    hidden = model.init_hidden(data.size(1))
    total = 0.0
    for i in range(0, data.size(0) - 1, bptt):
        input, target = get_batch(data, i, bptt)
        output, hidden = model(input, hidden)
        total += len(input) * F.cross_entropy(output.flatten(0, 1), target).item()
    return total / (data.size(0) - 1)


@torch.no_grad()
def generate(model, vocabulary, words=40, bptt=35, temperature=1.0):
    """New text, one drawn word after the other."""
    model.eval()
    hidden = model.init_hidden(1)
    input = vocabulary.encode(["<eos>"]).view(1, 1)
    text = []
    for _ in range(words):
        output, hidden = model(input, hidden)
        weights = torch.exp(output[-1, 0] / temperature)
        word = torch.multinomial(weights, 1)
        text.append(vocabulary.words[word.item()])
        input = torch.cat([input, word.view(1, 1)])
        # what a recurrent network has read is in its state; a Transformer reads it again
        input = input[-1:] if hidden is not None else input[-bptt:]
    return " ".join(text).replace(" <eos> ", "\n").removesuffix(" <eos>")


def arguments(argv=None):
    parser = argparse.ArgumentParser(description="Word-level language model")
    parser.add_argument("--data", help="a text file (default: a toy language)")
    parser.add_argument("--test", help="a text file to test on (default: the last tenth)")
    parser.add_argument("--model", default="LSTM", choices=["LSTM", "GRU", "Transformer"])
    parser.add_argument("--vocabulary", type=int, default=10000, help="how many words")
    parser.add_argument("--width", type=int, default=64, help="of embedding and layers")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4, help="of the Transformer")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--tied", action="store_true", help="decode with the embedding")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--clip", type=float, default=0.25, help="largest gradient norm")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--bptt", type=int, default=35, help="words per piece")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=4000, help="of the toy language")
    parser.add_argument("--words", type=int, default=40, help="to generate at the end")
    return parser.parse_args(argv)


def read(args):
    """The words to train on and those to test on."""
    text = Path(args.data).read_text("utf-8") if args.data else toy_text(args.sentences)
    words = tokenize(text)
    if args.test:
        return words, tokenize(Path(args.test).read_text("utf-8"))
    return words[: len(words) * 9 // 10], words[len(words) * 9 // 10 :]


def build(args, vocabulary):
    if args.model == "Transformer":
        return TransformerModel(
            vocabulary, args.width, args.layers, args.heads, args.dropout, args.tied
        )
    return RNNModel(args.model, vocabulary, args.width, args.layers, args.dropout, args.tied)


def main(argv=None):
    args = arguments(argv)
    torch.manual_seed(args.seed)
    train_words, test_words = read(args)
    vocabulary = Vocabulary(train_words, args.vocabulary)
    train_data = batchify(vocabulary.encode(train_words), args.batch_size)
    test_data = batchify(vocabulary.encode(test_words), args.batch_size)
    model = build(args, len(vocabulary.words))
    print(model)
    print(f"{len(train_words)} words to train on, {len(vocabulary.words)} different ones")

    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.25, patience=0)
    best = math.inf
    for epoch in range(1, args.epochs + 1):
        losses = train(model, train_data, optimizer, args.bptt, args.clip)
        loss = evaluate(model, test_data, args.bptt)
        schedule.step(loss)
        best = min(best, loss)
        print(
            f"epoch {epoch:2d}   training perplexity {math.exp(sum(losses) / len(losses)):8.2f}"
            f"   test perplexity {math.exp(loss):8.2f}   next lr {schedule.get_last_lr()[0]:g}"
        )
    print(generate(model, vocabulary, args.words, args.bptt))
    return math.exp(best)


if __name__ == "__main__":
    main()
