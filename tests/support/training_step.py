"""A training step of a small network, compiled."""

import chainrule as cr
from chainrule import nn

ROWS, WIDTH = 8, 16


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(WIDTH, 32)
        self.last = nn.Linear(32, 4)

    def forward(self, x):
        return self.last(self.hidden(x).relu())


def trained(steps=2, engine="native"):
    """A compiled training step that has run, with its network and arguments."""
    cr.manual_seed(0)
    net, loss = Net(), nn.CrossEntropyLoss()
    optimizer = cr.optim.Adam(net.parameters())
    x, y = cr.randn(ROWS, WIDTH), cr.randint(0, 4, (ROWS,))

    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value

    compiled = cr.compile(step, engine=engine)
    for _ in range(steps):
        compiled(x, y)
    return compiled, net, (x, y)
