"""Products of looked-up rows, made with each symbol once."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines.native.engine import NativeProgram
from chainrule.engines.reference import ReferenceProgram

SYMBOLS = 7


def graph_of(function, *arguments):
    compiled = cr.compile(function, engine="reference")
    compiled(*arguments)
    ((_, recording),) = compiled._recordings
    return recording.graph, [b.read(list(arguments)) for b in recording.bindings]


def products(plan):
    """How many rows each product has, or adds up."""
    found = [node for node in plan.order if node.op == "product"]
    return [dict(part.sizes) for node in found for part in node.params["parts"]]


def check(function, *arguments):
    """The plan, after its numbers are found to be those of the reference."""
    graph, inputs = graph_of(function, *arguments)
    program = NativeProgram(graph)
    for a, b in zip(program.run(inputs), ReferenceProgram(graph).run(inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    return program.plan


def step(i, table, w, turned=False):
    """A product of looked-up rows, and its derivatives."""
    table, w = (t.detach().requires_grad_() for t in (table, w))
    x = nn.functional.embedding(i, table)
    y = ((x.transpose(0, 1) if turned else x) @ w).tanh()
    return [y.detach(), *(g.detach() for g in cr.autograd.grad(y.square().sum(), [table, w]))]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", [(5, 12), (12, 5)])
def test_no_product_goes_over_all_places(shape, turned):
    cr.manual_seed(0)
    i, table, w = cr.randint(0, SYMBOLS, shape), cr.randn(SYMBOLS, 40), cr.randn(40, 48)
    plan = check(lambda i, table, w: step(i, table, w, turned), i, table, w)
    assert len(products(plan)) == 3
    assert all(
        max(sizes.values()) <= 48 and SYMBOLS in sizes.values() for sizes in products(plan)
    )


def test_more_symbols_than_places_stay_as_they_are():
    cr.manual_seed(0)
    i, table, w = cr.randint(0, 90, (3, 4)), cr.randn(90, 40), cr.randn(40, 48)
    plan = check(step, i, table, w)
    assert all(90 not in sizes.values() for sizes in products(plan))


def test_short_rows_are_added_up_after_the_product():
    cr.manual_seed(0)
    i, table, w = cr.randint(0, SYMBOLS, (60,)), cr.randn(SYMBOLS, 8), cr.randn(8, 8)
    check(step, i, table, w)


def test_places_counted_from_the_end():
    cr.manual_seed(0)
    i, table, w = cr.randint(-SYMBOLS, SYMBOLS, (60,)), cr.randn(SYMBOLS, 40), cr.randn(40, 48)
    check(lambda i, table, w: table[i] @ w, i, table, w)


def test_a_view_that_tears_rows_apart():
    cr.manual_seed(0)
    i, table, w = cr.randint(0, SYMBOLS, (40, 40)), cr.randn(SYMBOLS, 40), cr.randn(40, 48)
    check(lambda i, table, w: table[i].transpose(1, 2) @ w, i, table, w)
    check(lambda i, table, w: table[i].reshape(40, 80, 20) @ w[:20], i, table, w)
