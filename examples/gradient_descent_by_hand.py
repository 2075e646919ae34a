"""Gradient descent on two weights, by hand and by autograd.

A line  ŷ = w₁ x + w₂  is to pass through a few points. How far off it is,

    J(w) = mean (w₁ x + w₂ - y)²

is a landscape over the plane of the two weights, here a valley with one lowest point. The
gradient points uphill, so a small step against it goes down:

    w ← w - η ∂J/∂w
    ∂J/∂w₁ = mean 2 (w₁ x + w₂ - y) x,     ∂J/∂w₂ = mean 2 (w₁ x + w₂ - y)

The learning rate η is the length of the stride. `loss.backward()` finds the same gradient
without anybody deriving it.
"""

import chainrule as cr

X = cr.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
Y = 2 * X - 1  # the line to be found: w = (2, -1)


def loss(w: cr.Tensor) -> cr.Tensor:
    """J(w)"""
    return ((w[0] * X + w[1] - Y) ** 2).mean()


def gradient_by_hand(w: cr.Tensor) -> cr.Tensor:
    """∂J/∂w, derived on paper"""
    error = w[0] * X + w[1] - Y
    return cr.stack([(2 * error * X).mean(), (2 * error).mean()])


def gradient_by_autograd(w: cr.Tensor) -> cr.Tensor:
    """∂J/∂w, by the chain rule"""
    w = w.clone().requires_grad_()
    loss(w).backward()
    return w.grad


def descend(gradient, learning_rate: float, steps: int) -> list[cr.Tensor]:
    """The path of w from (-2, 2) downhill, the starting point included."""
    path = [cr.tensor([-2.0, 2.0])]
    for _ in range(steps):
        w = path[-1]
        path.append(w - learning_rate * gradient(w))
    return path


def surface() -> str:
    """J(w) as a table: w₂ grows upwards, w₁ to the right."""
    w1 = [-2, -1, 0, 1, 2, 3, 4]
    lines = []
    for w2 in (2, 1, 0, -1, -2, -3):
        row = [loss(cr.tensor([float(a), float(w2)])).item() for a in w1]
        lines.append(f"w₂ = {w2:2} " + "".join(f"{value:7.1f}" for value in row))
    return "\n".join([*lines, "   w₁ =  " + "".join(f"{a:7}" for a in w1)])


def main() -> None:
    print(f"The loss over the two weights, lowest at (2, -1):\n\n{surface()}\n")
    by_hand = descend(gradient_by_hand, learning_rate=0.1, steps=20)
    by_autograd = descend(gradient_by_autograd, learning_rate=0.1, steps=20)
    print("step   w by hand           w by autograd       loss")
    for step in (0, 1, 2, 5, 10, 20):
        (a, b), (c, d) = by_hand[step].tolist(), by_autograd[step].tolist()
        print(f"{step:4}   ({a:7.4f}, {b:7.4f})  ({c:7.4f}, {d:7.4f})"
              f"  {loss(by_hand[step]):.6f}")  # fmt: skip
    print("\nThe stride decides:")
    for learning_rate in (0.001, 0.1, 0.6):
        last = loss(descend(gradient_by_hand, learning_rate, 20)[-1])
        print(f"  η = {learning_rate:5}: loss {last:.4g} after 20 steps")


if __name__ == "__main__":
    main()
