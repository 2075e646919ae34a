"""Embeddings and bags of them: what changes the table, compiled, errors."""

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, AxisError, DtypeError, ShapeError, TraceError
from chainrule.nn import functional as F

TABLE = cr.arange(12.0).reshape(4, 3)
ROWS, BEGINS = cr.tensor([3, 0, 1]), cr.tensor([0, 2])


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_compiled(mode):
    bag = nn.EmbeddingBag(4, 3, mode=mode, padding_idx=1)
    run = cr.compile(lambda rows, begins: bag(rows, begins))
    assert run(ROWS, BEGINS).equal(bag(ROWS, BEGINS))
    table = nn.Embedding(4, 3, max_norm=0.5)
    before = table.weight.clone()
    cr.compile(lambda rows: table(rows))(ROWS)
    assert table.weight[2].equal(before[2]) and not table.weight[3].equal(before[3])


def test_the_largest_of_a_bag_needs_numbers():
    with pytest.raises(TraceError, match=r"CR401.*largest bag"):
        cr.compile(lambda begins: F.embedding_bag(ROWS, TABLE, begins, mode="max"))(BEGINS)


def test_frequency_divides_the_gradient_of_each_row():
    table = cr.ones(4, 1, requires_grad=True)
    rows = cr.tensor([2, 2, 3])
    F.embedding_bag(rows, table, BEGINS, scale_grad_by_freq=True, mode="sum").sum().backward()
    assert table.grad.flatten().tolist() == [0, 0, 1, 1]


def test_layers_with_known_vectors():
    bag = nn.EmbeddingBag.from_pretrained(TABLE, mode="sum")
    assert not bag.weight.requires_grad
    assert bag(ROWS, BEGINS).equal(cr.stack([TABLE[3] + TABLE[0], TABLE[1]]))
    assert nn.EmbeddingBag.from_pretrained(TABLE, freeze=False).weight.requires_grad
    table = nn.Embedding.from_pretrained(TABLE.clone(), max_norm=2.0)
    assert table(cr.tensor([3])).norm().item() == pytest.approx(2)
    assert nn.EmbeddingBag(4, 3, padding_idx=-1).weight[3].abs().sum().item() == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.embedding_bag(ROWS, TABLE), ShapeError, r"CR565.*without offsets"),
        (lambda: F.embedding_bag(ROWS[None], TABLE, BEGINS), ShapeError, "CR565"),
        (
            lambda: F.embedding_bag(ROWS, TABLE, BEGINS + 1),
            ArgumentError,
            "CR565.*begin with 0",
        ),
        (lambda: F.embedding_bag(ROWS, TABLE, BEGINS * 2), ArgumentError, r"CR565.*within"),
        (
            lambda: F.embedding_bag(ROWS, TABLE, BEGINS, mode="min"),
            ArgumentError,
            "CR565.*'min'",
        ),
        (
            lambda: F.embedding_bag(ROWS, TABLE, BEGINS, per_sample_weights=cr.ones(3)),
            ArgumentError,
            "CR565.*mode='sum'",
        ),
        (lambda: F.embedding_bag(ROWS + 1, TABLE, BEGINS), AxisError, r"CR512.*row number 4"),
        (lambda: F.embedding_bag(ROWS.float(), TABLE, BEGINS), DtypeError, "CR513"),
        (lambda: nn.Embedding(3, 2, sparse=True), ArgumentError, "CR564"),
        (lambda: F.embedding(ROWS, TABLE, sparse=True), ArgumentError, "CR564"),
        (lambda: nn.Embedding(3, 2, _weight=TABLE), ShapeError, "CR534"),
        (lambda: nn.EmbeddingBag.from_pretrained(TABLE[0]), ShapeError, "CR534"),
    ],
)
def test_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
