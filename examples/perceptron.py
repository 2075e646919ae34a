"""One neuron, the perceptron: weigh the inputs, add a bias, bend the sum.

    z = b + w · x          the weighted sum
    y = σ(z) = 1 / (1 + e⁻ᶻ)     between 0 and 1

This neuron has the bias 1 and the weights (3, -2). Where z = 0, that is on the line
1 + 3 x₁ - 2 x₂ = 0, it is undecided; on one side of the line it says yes, on the other no.
"""

import chainrule as cr

BIAS = cr.tensor(1.0)
WEIGHTS = cr.tensor([3.0, -2.0])


def weighted_sum(x: cr.Tensor) -> cr.Tensor:
    """z = 1 + 3 x₁ - 2 x₂, for one point (2,) or for many (…, 2)"""
    return BIAS + x @ WEIGHTS


def perceptron(x: cr.Tensor) -> cr.Tensor:
    """y = σ(z)"""
    return cr.sigmoid(weighted_sum(x))


def picture(size: int = 4) -> str:
    """The plane from -size to size: + where the neuron says yes, - where it says no."""
    axis = cr.arange(-size, size + 1).float()
    x1 = axis.expand(len(axis), -1)  # grows to the right
    x2 = axis.flip(0).unsqueeze(1).expand(-1, len(axis))  # grows upwards
    signs = weighted_sum(cr.stack([x1, x2], -1)).sign()
    return "\n".join(" ".join("0+-"[int(sign)] for sign in row) for row in signs)


def main() -> None:
    x = cr.tensor([-1.0, 2.0])
    z, y = weighted_sum(x), perceptron(x)
    print("At the point x = (-1, 2):")
    print(f"  z = 1 + 3·(-1) - 2·2 = {z.item():g}")
    print(f"  y = σ({z.item():g}) = {y.item():.4f}")
    print("\nThe plane from (-4, -4) to (4, 4), + where z > 0:\n")
    print(picture())


if __name__ == "__main__":
    main()
