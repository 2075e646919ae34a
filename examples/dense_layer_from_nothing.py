"""A dense layer written from nothing: weights, a bias, a forward.

    y = x Wᵀ + b

Every output is connected with every input. That is all a layer is: some numbers that can be
learned, and a formula. `nn.Linear` is the same thing, and gets the same gradients.
"""

import chainrule as cr
from chainrule import nn


class Dense:
    """Weights (outputs, inputs), a bias (outputs,), and y = x Wᵀ + b."""

    def __init__(self, inputs: int, outputs: int) -> None:
        reach = inputs**-0.5  # more inputs, smaller weights: the sums stay of one size
        self.weight = cr.empty(outputs, inputs).uniform_(-reach, reach).requires_grad_()
        self.bias = cr.zeros(outputs, requires_grad=True)

    def forward(self, x: cr.Tensor) -> cr.Tensor:
        return x @ self.weight.T + self.bias

    __call__ = forward


def same_as_linear(dense: Dense) -> nn.Linear:
    """The library's layer with the same numbers."""
    outputs, inputs = dense.weight.shape
    linear = nn.Linear(inputs, outputs)
    linear.load_state_dict({"weight": dense.weight, "bias": dense.bias})
    return linear


def main() -> None:
    cr.manual_seed(0)
    dense = Dense(3, 2)
    linear = same_as_linear(dense)
    x = cr.randn(5, 3)
    print(f"from nothing:\n{dense(x)}\n")
    print(f"nn.Linear:\n{linear(x)}\n")
    for layer in (dense, linear):
        layer(x).sigmoid().sum().backward()
    print("values equal:             ", cr.allclose(dense(x), linear(x)))
    print("gradients of weight equal:", cr.allclose(dense.weight.grad, linear.weight.grad))
    print("gradients of bias equal:  ", cr.allclose(dense.bias.grad, linear.bias.grad))


if __name__ == "__main__":
    main()
