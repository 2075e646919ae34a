"""autograd.Function: derivatives written by the user."""

import pytest

import chainrule as cr
from chainrule.autograd import Function, grad, gradcheck, gradgradcheck, once_differentiable
from chainrule.errors import GradientError


def leaf(*values):
    return cr.tensor(values, dtype=cr.float64, requires_grad=True)


class ProductAndSum(Function):
    @staticmethod
    def forward(ctx, x, y, factor):
        ctx.save_for_backward(x, y)
        ctx.factor = factor
        positive = x > 0
        ctx.mark_non_differentiable(positive)
        return x * y * factor, x + y, positive

    @staticmethod
    def backward(ctx, g_product, g_sum, _):
        x, y = ctx.saved_tensors
        return g_product * y * ctx.factor + g_sum, g_product * x * ctx.factor + g_sum, None


class Exponential(Function):
    """Saves its output."""

    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


def returning(*gradients):
    """A function of one input whose backward returns what is given."""

    class Returning(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return gradients

    return Returning


def test_several_outputs_and_arguments_that_are_no_tensors():
    x, y = leaf(1.0, -2.0), leaf(3.0, 4.0)
    product, total, positive = ProductAndSum.apply(x, y, 2.0)
    assert product.tolist() == [6.0, -16.0]
    assert (product.requires_grad, positive.requires_grad) == (True, False)
    (product.sum() + (total * total).sum()).backward()
    assert x.grad.tolist() == [6.0 + 8.0, 8.0 + 4.0]
    assert y.grad.tolist() == [2.0 + 8.0, -4.0 + 4.0]


def test_outputs_that_nothing_depends_on_get_zeros():
    x, y = leaf(1.0), leaf(3.0)
    ProductAndSum.apply(x, y, 2.0)[0].sum().backward()
    assert (x.grad.item(), y.grad.item()) == (6.0, 2.0)


def test_or_none_if_the_function_wishes():
    class Second(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, first, second):
            assert first is None
            return second * 2

    x = leaf(1.0)
    Second.apply(x)[1].sum().backward()
    assert x.grad.item() == 2.0


def test_first_and_second_derivatives_through_saved_inputs_and_outputs():
    x, y = leaf(0.3, -0.7), leaf(1.1, 0.4)

    def product(x, y):
        return ProductAndSum.apply(x, y, 1.5)[:2]

    assert gradcheck(product, [x, y])
    assert gradgradcheck(product, [x, y])
    assert gradcheck(Exponential.apply, [x])
    assert gradgradcheck(Exponential.apply, [x])


def test_needs_input_grad_says_which_gradients_are_wanted():
    seen = []

    class Sum(Function):
        @staticmethod
        def forward(ctx, x, y):
            seen.append(ctx.needs_input_grad)
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, None

    Sum.apply(leaf(1.0), cr.ones(1))
    assert seen == [(True, False)]


def test_nothing_is_recorded_without_need():
    assert not Exponential.apply(cr.ones(2)).requires_grad
    with cr.no_grad():
        assert not Exponential.apply(leaf(1.0)).requires_grad


def test_once_differentiable_stops_at_the_first_derivative():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    x = leaf(3.0)
    (first,) = grad(Square.apply(x).sum(), x, create_graph=True)
    assert (first.item(), first.requires_grad) == (6.0, False)


def test_a_gradient_that_was_broadcast_is_summed():
    x = leaf(1.0, 2.0)
    returning(cr.ones(3, 2, dtype=cr.float64)).apply(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("gradients", [(), (1, 2), (cr.ones(3),), (cr.tensor(1.0),)])
def test_gradients_that_do_not_fit_are_refused(gradients):
    x = leaf(1.0, 2.0)
    with pytest.raises(GradientError, match="CR311"):
        returning(*gradients).apply(x).sum().backward()


def test_a_second_backward_needs_the_graph():
    y = Exponential.apply(leaf(1.0)).sum()
    y.backward()
    with pytest.raises(GradientError, match="CR301"):
        y.backward()
