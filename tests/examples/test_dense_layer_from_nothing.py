"""The layer written from nothing is nn.Linear: same values, same gradients, and it learns."""

import numpy as np

import chainrule as cr


def test_forward_is_the_formula(lesson):
    dense = lesson.Dense(3, 2)
    x = cr.randn(4, 3)
    w, b = dense.weight.detach().numpy(), dense.bias.detach().numpy()
    expected = [[sum(x_i * w_i for x_i, w_i in zip(row, column, strict=True)) + b_k
                 for column, b_k in zip(w, b, strict=True)] for row in x.numpy()]  # fmt: skip
    np.testing.assert_allclose(dense(x).detach().numpy(), expected, rtol=1e-4, atol=1e-6)


def test_values_and_gradients_are_those_of_linear(lesson):
    cr.manual_seed(1)
    dense = lesson.Dense(5, 3)
    linear = lesson.same_as_linear(dense)
    x = cr.randn(7, 5)
    np.testing.assert_array_equal(dense(x).detach().numpy(), linear(x).detach().numpy())
    for layer in (dense, linear):
        (layer(x) ** 2).sum().backward()
    for a, b in ((dense.weight, linear.weight), (dense.bias, linear.bias)):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-5)


def test_it_learns(lesson):
    cr.manual_seed(0)
    dense = lesson.Dense(3, 1)
    x = cr.randn(64, 3)
    y = x @ cr.tensor([[1.0], [-2.0], [0.5]]) + 3
    optimizer = cr.optim.SGD([dense.weight, dense.bias], lr=0.2)
    for _ in range(100):
        optimizer.zero_grad()
        ((dense(x) - y) ** 2).mean().backward()
        optimizer.step()
    assert cr.allclose(dense.weight, cr.tensor([[1.0, -2.0, 0.5]]), atol=1e-3)
    assert cr.allclose(dense.bias, cr.tensor([3.0]), atol=1e-3)


def test_main_prints_the_comparison(lesson, capsys):
    lesson.main()
    printed = capsys.readouterr().out
    assert printed.count("equal") == printed.count("True") == 3
