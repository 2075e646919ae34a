"""XOR, one or the other but not both: one layer cannot learn it, two layers can.

    x₁ x₂   0 0   0 1   1 0   1 1
    XOR      0     1     1     0

One neuron divides the plane with one straight line, and no straight line has (0, 1) and
(1, 0) on one side and (0, 0) and (1, 1) on the other. A hidden layer first bends the plane
so that a line can (Minsky & Papert 1969; Rumelhart, Hinton & Williams 1986).
"""

import chainrule as cr
from chainrule import nn, optim

POINTS = cr.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = cr.tensor([[0.0], [1.0], [1.0], [0.0]])


def one_layer() -> nn.Module:
    """A single neuron with two inputs."""
    return nn.Linear(2, 1)


def two_layers() -> nn.Module:
    """A hidden layer of four neurons, then one neuron."""
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))


def train(model: nn.Module, steps: int = 200) -> float:
    """Teach the model the four points; the loss at the end."""
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    for _ in range(steps):
        loss = loss_fn(model(POINTS), XOR)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


@cr.no_grad()
def predict(model: nn.Module) -> list[float]:
    """The model's probability of a 1 at each of the four points."""
    return model(POINTS).sigmoid().flatten().tolist()


def main() -> None:
    print("                  0 0    0 1    1 0    1 1    loss")
    for name, build in (("one layer", one_layer), ("two layers", two_layers)):
        cr.manual_seed(0)
        model = build()
        loss = train(model)
        row = "".join(f"{p:7.3f}" for p in predict(model))
        print(f"{name:14}{row}   {loss:.4f}")
    print(f"wanted        {''.join(f'{y:7.0f}' for y in XOR.flatten().tolist())}")
    print("\nln 2 = 0.6931 is the loss of a model that says 1/2 to everything.")


if __name__ == "__main__":
    main()
