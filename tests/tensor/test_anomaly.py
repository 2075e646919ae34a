"""The step in whose derivative a NaN comes up is named, with the line that recorded it."""

import pytest

import chainrule as cr
from chainrule.autograd import detect_anomaly, set_detect_anomaly
from chainrule.errors import GradientError


def root_of_zero():
    x = cr.zeros(2, requires_grad=True)
    y = x.sqrt()  # the line to find
    return (y * 0).sum()


def test_the_step_and_its_line_are_named():
    with detect_anomaly():
        loss = root_of_zero()
        with pytest.raises(GradientError, match=r"CR314.*SqrtBackward0.*the line to find"):
            loss.backward()
    root_of_zero().backward()  # outside the block NaN may be


def test_recorded_before_it_was_looked_for():
    loss = root_of_zero()
    with detect_anomaly(), pytest.raises(GradientError, match="before anomalies were looked"):
        loss.backward()


def test_lines_only():
    with detect_anomaly(check_nan=False):
        root_of_zero().backward()


def test_a_healthy_graph_passes_and_functions_of_ones_own_are_named():
    class Bad(cr.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * float("nan")

    x = cr.ones(2, requires_grad=True)
    with detect_anomaly():
        (x * x).sum().backward()
        with pytest.raises(GradientError, match=r"CR314.*BadBackward"):
            Bad.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_switched_for_the_whole_program():
    assert not cr.is_anomaly_enabled()
    set_detect_anomaly(True)
    try:
        assert cr.is_anomaly_enabled()
        with pytest.raises(GradientError):
            root_of_zero().backward()
        with set_detect_anomaly(False):
            assert not cr.is_anomaly_enabled()
        assert cr.is_anomaly_enabled()
    finally:
        set_detect_anomaly(False)


def test_the_graph_can_be_walked_to_its_leaves():
    x = cr.ones(2, requires_grad=True)
    y = (x * 2 + 3).sum()
    names, edges = [], [y.grad_fn]
    while edges:
        node = edges.pop()
        names.append(node.name())
        edges += [behind for behind, _ in node.next_functions if behind is not None]
    assert names == ["SumBackward0", "AddBackward0", "MultiplyBackward0", "AccumulateGrad"]
    assert y.grad_fn.next_functions[0][1] == 0
    leaf = y.grad_fn.next_functions[0][0].next_functions[0][0].next_functions[0][0]
    assert leaf.variable is x
