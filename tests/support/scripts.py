"""Programs that people give to the doctor."""

import textwrap

HEAD = """
import chainrule as torch
import chainrule.nn.functional as F
from chainrule import nn
torch.manual_seed(0)
x = torch.randn(96, 6)
y = x[:, :3].argmax(1)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
"""
LOOP = """
optimizer = torch.optim.SGD(model.parameters(), lr={lr})
def step(x, y):
    optimizer.zero_grad()
    loss = {loss}
    loss.backward()
    optimizer.step()
    return loss
{compiled}
for epoch in range({epochs}):
    for i in range(0, 96, 32):
        step(x[i : i + 32], y[i : i + 32])
    print("epoch", epoch)
"""


def program(
    *, lr=0.1, loss="F.cross_entropy(model(x), y)", compiled=False, epochs=100, model=""
):
    """A program that trains."""
    compiling = 'step = torch.compile(step, engine="reference")' if compiled else ""
    return (
        HEAD + model + "\n" + LOOP.format(lr=lr, loss=loss, compiled=compiling, epochs=epochs)
    )


GAN = """
import argparse
import chainrule as torch
import chainrule.nn.functional as F
from chainrule import nn
parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, required=True)
torch.manual_seed(0)
maker = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
judge = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
a = torch.optim.Adam(maker.parameters(), 1e-3)
b = torch.optim.Adam(judge.parameters(), 1e-3)
criterion = F.binary_cross_entropy_with_logits
for _ in range(parser.parse_args().steps):
    x, z = torch.randn(32, 2) * 0.5 + 1, torch.randn(32, 4)
    b.zero_grad()
    fake = criterion(judge(maker(z).detach()), torch.zeros(32, 1))
    (criterion(judge(x), torch.ones(32, 1)) + fake).backward()
    b.step()
    a.zero_grad()
    criterion(judge(maker(z)), torch.ones(32, 1)).backward()
    a.step()
"""


def write(folder, text, name="train.py"):
    """Put a program into a folder."""
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path
