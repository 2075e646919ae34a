"""Small things that notebooks use: older names, `out=`, printed results, in-place shapes."""

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ChainruleError, GradientError


def test_a_number_in_an_f_string_stands_for_itself():
    loss = cr.tensor(2.5, requires_grad=True)
    assert f"{loss} {cr.tensor(3)} {loss:.2f}" == "2.5 3 2.50"
    assert f"{cr.tensor([1.0])}" == "tensor([1.])"
    assert f"{cr.nn.Parameter(cr.tensor(1.0))}".startswith("Parameter containing")


@pytest.mark.parametrize(
    "found, name",
    [
        (cr.tensor([[3, 1]]).max(1), "max"),
        (cr.tensor([[3, 1]]).min(1), "min"),
        (cr.tensor([3, 1]).sort(), "sort"),
        (cr.tensor([3, 1]).topk(1), "topk"),
        (cr.tensor([3, 1]).median(0), "median"),
        (cr.tensor([3, 1]).kthvalue(1), "kthvalue"),
        (cr.tensor([3, 1]).mode(), "mode"),
    ],
)
def test_pairs_print_under_the_name_of_their_function(found, name):
    assert repr(found) == (
        f"chainrule.return_types.{name}(\nvalues={found.values!r},\nindices={found.indices!r})"
    )


def test_out_stores_the_result():
    x, y = cr.tensor([[1.0, 2.0], [3.0, 4.0]]), cr.zeros(2, 2)
    assert cr.matmul(x, x, out=y) is y
    assert y.tolist() == [[7.0, 10.0], [15.0, 22.0]]
    with pytest.raises(ChainruleError, match="shape"):
        cr.add(x, 1, out=cr.zeros(3))


def test_in_place_shapes():
    x = cr.arange(6.0).reshape(2, 3).clone()
    assert x.unsqueeze_(0) is x
    assert x.shape == (1, 2, 3)
    assert x.squeeze_().t_().shape == (3, 2)
    assert x.transpose_(0, 1).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_in_place_shapes_keep_history():
    w = cr.ones(2, requires_grad=True)
    y = w * 3
    (y.unsqueeze_(1) * cr.tensor([[1.0], [2.0]])).sum().backward()
    assert w.grad.tolist() == [3.0, 6.0]
    with pytest.raises(GradientError, match="leaf"):
        w.unsqueeze_(0)


def test_in_place_shapes_in_a_compiled_function():
    def double_row(x):
        y = x * 2
        return y.unsqueeze_(0).t_()

    x = cr.arange(3.0)
    assert cr.equal(cr.compile(double_row)(x), double_row(x))


def test_writing_by_index():
    x = cr.zeros(2, 3)
    x.index_fill_(1, cr.tensor([0, 2]), 5)
    assert x.tolist() == [[5, 0, 5], [5, 0, 5]]
    x.index_copy_(0, cr.tensor([1]), cr.ones(1, 3))
    assert x.tolist() == [[5, 0, 5], [1, 1, 1]]
    at = (cr.tensor([0, 0]), cr.tensor([1, 1]))
    assert x.index_put(at, cr.tensor([2.0, 3.0]), accumulate=True)[0, 1] == 5
    assert x.index_put_(at, cr.tensor(4.0))[0, 1] == 4
    assert x.fill_diagonal_(9).diagonal().tolist() == [9, 9]


def test_places_of_the_order():
    x = cr.tensor([[4.0, 1.0, 2.0, 3.0], [1.0, 1.0, float("nan"), 5.0]])
    assert x[0].median() == 2
    assert x.median(1).values.isnan().tolist() == [False, True]
    assert x[0].kthvalue(3).indices == 3
    assert cr.tensor([[1, 2, 2, 1], [3, 0, 3, 3]]).mode(1).values.tolist() == [1, 3]
    with pytest.raises(ArgumentError, match="k=5"):
        x.kthvalue(5)


def test_windows_distances_columns():
    assert cr.arange(5).unfold(0, 3, 2).tolist() == [[0, 1, 2], [2, 3, 4]]
    points = cr.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert cr.cdist(points, points).tolist() == [[0, 5], [5, 0]]
    assert cr.column_stack([cr.tensor([1, 2]), cr.tensor([3, 4])]).tolist() == [[1, 3], [2, 4]]
    assert list(reversed(cr.tensor([1, 2]))) == [2, 1]


def test_older_names():
    x = cr.tensor([3.0], dtype=cr.float64, requires_grad=True)
    assert x.data.new(cr.Size([2, 3])).shape == (2, 3)
    assert x.data.new([1, 2]).dtype is cr.float64
    (g,) = cr.autograd.grad(x * x, x, only_inputs=True)
    assert g.item() == 6
    with pytest.raises(ArgumentError, match="is_grads_batched"):
        cr.autograd.grad(x * x, x, is_grads_batched=True)
    with cr.autograd.no_grad():
        assert not (x * 2).requires_grad


def test_seeds_by_their_other_names():
    cr.random.manual_seed(5)
    first = cr.rand(3)
    cr.manual_seed(5)
    cr.cuda.manual_seed(1)
    cr.cuda.manual_seed_all(2)
    assert cr.equal(first, cr.rand(3))


def test_assert_close():
    cr.testing.assert_close(cr.ones(2), cr.ones(2) + 1e-7)
    cr.testing.assert_close({"a": [1.0, cr.ones(1)]}, {"a": [1.0, cr.ones(1)]})
    with pytest.raises(AssertionError, match="1 of 2 elements differ"):
        cr.testing.assert_close(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 3.0]))
    with pytest.raises(AssertionError, match="shape"):
        cr.testing.assert_close(cr.ones(2), cr.ones(3))
    with pytest.raises(AssertionError, match="float64"):
        cr.testing.assert_close(cr.ones(2), cr.ones(2).double())
    with pytest.raises(AssertionError, match="'a'"):
        cr.testing.assert_close({"a": 1.0}, {"a": 2.0})
