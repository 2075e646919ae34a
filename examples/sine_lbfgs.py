"""Two LSTM cells learn sine waves by LBFGS and carry them on beyond what they have seen.

    python examples/sine_lbfgs.py                          # 20 seconds
    python examples/sine_lbfgs.py --steps 15 --future 500

The waves have one frequency and different phases. At each time the network reads one value
and says the next; for the future it reads what it said itself. As no batch is drawn, the loss
is a fixed function of the weights, and LBFGS (Nocedal & Wright 2006, §7.2) uses how the
gradient changed to guess the curvature: it asks the closure for loss and gradient several
times in each step.

Expect the test loss to fall from about 0.5 (half the wave's height, squared and averaged) to
below 0.001 in 5 steps, and the waves that are carried on to be off by a few hundredths.
"""

import argparse
import math

import chainrule as torch
import chainrule.nn as nn
import chainrule.optim as optim


class SequencePredictor(nn.Module):
    """Value → LSTM cell → LSTM cell → next value."""

    def __init__(self, hidden_size=32):
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm1 = nn.LSTMCell(1, hidden_size)
        self.lstm2 = nn.LSTMCell(hidden_size, hidden_size)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, input, future=0):
        n = input.size(0)
        h1, c1, h2, c2 = (torch.zeros(n, self.hidden_size, dtype=input.dtype) for _ in range(4))
        outputs = []
        for x in input.split(1, dim=1):
            h1, c1 = self.lstm1(x, (h1, c1))
            h2, c2 = self.lstm2(h1, (h2, c2))
            output = self.linear(h2)
            outputs.append(output)
        for _ in range(future):
            h1, c1 = self.lstm1(output, (h1, c1))
            h2, c2 = self.lstm2(h1, (h2, c2))
            output = self.linear(h2)
            outputs.append(output)
        return torch.cat(outputs, dim=1)  # (n, t + future)


def waves(count, length, period=20.0, dtype=torch.float64):
    """Sine waves that begin at random places, (count, length)."""
    phase = 2 * math.pi * torch.rand(count, 1, dtype=dtype)
    return torch.sin(2 * math.pi / period * torch.arange(length, dtype=dtype) + phase)


def train_step(model, optimizer, criterion, input, target):
    """One step of LBFGS; the losses that it asked for on its way."""
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = criterion(model(input), target)
        loss.backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    return losses


@torch.no_grad()
def evaluate(model, data, future):
    """The loss where true values are read, the mean error where its own are, and these."""
    t = data.size(1) - 1 - future
    predicted = model(data[:, :t], future)
    wrong = predicted - data[:, 1:]
    loss, error = wrong[:, :t].square().mean(), wrong[:, t:].abs().mean()
    return loss.item(), error.item(), predicted[:, t:]


def picture(values):
    """A row of characters for a row of values between -1 and 1."""
    marks = "▁▂▃▄▅▆▇█"
    return "".join(marks[min(7, max(0, int(4 * (v + 1))))] for v in values)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Sine waves, LSTM cells, LBFGS")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--waves", type=int, default=32)
    parser.add_argument("--length", type=int, default=100, help="values of a training wave")
    parser.add_argument("--future", type=int, default=60, help="values to carry on")
    parser.add_argument("--lr", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    torch.manual_seed(args.seed)
    train = waves(args.waves, args.length)
    test = waves(4, args.length + args.future)
    model = SequencePredictor(args.hidden).double()
    criterion = nn.MSELoss()
    optimizer = optim.LBFGS(model.parameters(), lr=args.lr)

    for step in range(1, args.steps + 1):
        losses = train_step(model, optimizer, criterion, train[:, :-1], train[:, 1:])
        loss, error, carried_on = evaluate(model, test, args.future)
        print(
            f"step {step:2d}   loss {losses[0]:.6f} → {losses[-1]:.6f}   test loss {loss:.6f}"
            f"   error of the {args.future} values carried on {error:.4f}"
        )
    print("true      ", picture(test[0, -args.future :].tolist()))
    print("carried on", picture(carried_on[0].tolist()))
    return loss, error


if __name__ == "__main__":
    main()
