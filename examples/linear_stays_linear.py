"""A network of linear layers is one linear layer; a non-linearity between them changes that.

    W₃ (W₂ (W₁ x + b₁) + b₂) + b₃  =  (W₃ W₂ W₁) x + (W₃ W₂ b₁ + W₃ b₂ + b₃)

However many such layers are stacked, what they compute is a straight line, a plane, a
hyperplane. With a bend such as ReLU after each layer no single layer can do the same.
"""

import chainrule as cr
from chainrule import nn


def stack_of_layers(activation: type[nn.Module] = nn.Identity) -> nn.Sequential:
    """Three linear layers, 2 → 16 → 16 → 1, with `activation` between them."""
    cr.manual_seed(0)
    return nn.Sequential(
        nn.Linear(2, 16), activation(),
        nn.Linear(16, 16), activation(),
        nn.Linear(16, 1),
    )  # fmt: skip


def collapse(network: nn.Sequential) -> nn.Linear:
    """One layer with the product of all weights and the biases carried through."""
    first, *rest = (layer for layer in network if isinstance(layer, nn.Linear))
    weight, bias = first.weight, first.bias
    for layer in rest:
        weight, bias = layer.weight @ weight, layer.weight @ bias + layer.bias
    one = nn.Linear(weight.shape[1], weight.shape[0])
    one.load_state_dict({"weight": weight, "bias": bias})
    return one


@cr.no_grad()
def largest_difference(network: nn.Sequential) -> float:
    """How far the network and its single layer are apart, over a square of inputs."""
    points = cr.rand(1000, 2, generator=cr.Generator().manual_seed(1)) * 20 - 10
    return (network(points) - collapse(network)(points)).abs().max().item()


def main() -> None:
    layers = stack_of_layers()
    numbers = sum(p.numel() for p in layers.parameters())
    one = collapse(layers)
    (a, b), (c,) = one.weight[0].tolist(), one.bias.tolist()
    print(f"Three linear layers with {numbers} numbers compute")
    print(f"  y = {a:.4f} x₁ {b:+.4f} x₂ {c:+.4f},")
    print("one layer with 3 numbers. Largest difference over 1,000 points:")
    print(f"  without an activation  {largest_difference(layers):.6f}")
    print(f"  with ReLU              {largest_difference(stack_of_layers(nn.ReLU)):.6f}")


if __name__ == "__main__":
    main()
