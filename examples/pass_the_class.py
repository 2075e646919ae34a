"""Will I pass this class?  A network with 2 inputs, 3 hidden neurons and 1 output.

    x₁  lectures attended          ─┐
                                    ├─ 3 hidden neurons ── probability of passing
    x₂  hours on the final project ─┘

Before training the weights are random and so is the answer. The loss measures how wrong the
answers are, and training lowers it. The twenty students are invented: whoever came to many
lectures or worked long on the project, or did a fair amount of both, has passed.
"""

import chainrule as cr
from chainrule import nn, optim

# lectures attended, hours on the final project, passed
STUDENTS = [
    (0, 1, 0), (0, 4, 0), (0, 8, 1), (1, 2, 0), (1, 5, 0), (1, 7, 1), (2, 0, 0), (2, 3, 0),
    (2, 6, 1), (3, 1, 0), (3, 3, 0), (3, 5, 1), (4, 2, 0), (4, 4, 1), (5, 0, 0), (5, 3, 1),
    (5, 6, 1), (6, 1, 0), (6, 2, 1), (7, 4, 1),
]  # fmt: skip
ME = (4, 5)  # four lectures, five hours
SEED = 81  # an unlucky start: a plain no where the answer is yes


def network() -> nn.Module:
    """2 → 3 → 1, the output between 0 and 1."""
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1), nn.Sigmoid())


@cr.no_grad()
def probability_of_passing(model: nn.Module, lectures: float, hours: float) -> float:
    """What the model says about one student."""
    return model(cr.tensor([lectures, hours]).float()).item()


def train(model: nn.Module, steps: int = 300) -> list[float]:
    """Learn from the students of other years; the loss at every step."""
    data = cr.tensor(STUDENTS).float()
    features, passed = data[:, :2], data[:, 2:]
    loss_fn = nn.BCELoss()
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(steps):
        loss = loss_fn(model(features), passed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    cr.manual_seed(SEED)
    model = network()
    print("I attended 4 lectures and worked 5 hours on my project. Will I pass?")
    print(f"  before training: {probability_of_passing(model, *ME):.2f}")
    losses = train(model)
    print(f"  (training: loss {losses[0]:.3f} → {losses[-1]:.3f})")
    print(f"  after training:  {probability_of_passing(model, *ME):.2f}")


if __name__ == "__main__":
    main()
