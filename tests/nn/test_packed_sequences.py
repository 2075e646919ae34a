"""Sequences of different lengths; what PyTorch makes of them is in layer_cases/recurrent.py."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError, TraceError
from chainrule.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

SEQUENCES = [cr.arange(n * 2.0).reshape(n, 2) + 10 * n for n in (3, 5, 1)]


@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_and_padding_undo_each_other(batch_first):
    padded = pad_sequence(SEQUENCES, batch_first, padding_value=-1.0)
    assert padded.shape == ((3, 5, 2) if batch_first else (5, 3, 2))
    packed = pack_padded_sequence(padded, [3, 5, 1], batch_first, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 2, 2, 1, 1] and packed.data.shape == (9, 2)
    assert packed.sorted_indices.tolist() == [1, 0, 2]
    again, lengths = pad_packed_sequence(packed, batch_first, padding_value=-1.0)
    assert again.equal(padded) and lengths.tolist() == [3, 5, 1]
    for ours, theirs in zip(unpad_sequence(padded, lengths, batch_first), SEQUENCES):
        assert ours.equal(theirs)


def test_unpack_sequence_undoes_pack_sequence():
    packed = pack_sequence(SEQUENCES, enforce_sorted=False)
    for ours, theirs in zip(unpack_sequence(packed), SEQUENCES, strict=True):
        assert ours.equal(theirs)


def test_lengths_may_be_a_tensor_and_shorter_than_the_padding():
    x = cr.arange(12).reshape(6, 2)
    packed = pack_padded_sequence(x, cr.tensor([3, 1]))
    assert packed.data.tolist() == [0, 1, 2, 4] and packed.sorted_indices is None


def test_a_packed_sequence_of_one_s_own():
    packed = PackedSequence(cr.zeros(4, 2), cr.tensor([2, 1, 1]), cr.tensor([1, 0]))
    assert packed.unsorted_indices.tolist() == [1, 0]
    y, h = nn.GRU(2, 3)(packed)
    assert y.data.shape == (4, 3) and h.shape == (1, 2, 3)
    assert invert_permutation(None) is None


def test_conversions():
    packed = pack_sequence([cr.tensor([1.5, 2.0]), cr.tensor([3.0])])
    assert packed.to(cr.float32) is packed and packed.cpu() is packed.pin_memory()
    assert not packed.is_cuda and not packed.is_pinned()
    for name, dtype in {
        "double": cr.float64, "float": cr.float32, "half": cr.float16, "long": cr.int64,
        "int": cr.int32, "short": cr.int16, "char": cr.int8, "byte": cr.uint8,
    }.items():  # fmt: skip
        converted = getattr(packed, name)()
        assert converted.data.dtype is dtype and converted.sizes() == (2, 1)
    with pytest.raises(RuntimeError, match="CR207"):
        packed.cuda()


def test_padding_changes_nothing_for_the_elements_before_it():
    layer = nn.LSTM(2, 3, bidirectional=True)
    y, (h, _) = layer(pack_sequence(SEQUENCES, enforce_sorted=False))
    for i, found in enumerate(unpack_sequence(y)):
        alone, (end, _) = layer(SEQUENCES[i])
        assert cr.allclose(found, alone, atol=1e-6)
        assert cr.allclose(h[:, i], end, atol=1e-6)


def test_packing_inside_a_compiled_function():
    layer, x = nn.GRU(2, 3, batch_first=True), cr.randn(3, 5, 2)

    def function(x):
        packed = pack_padded_sequence(x, [3, 5, 1], batch_first=True, enforce_sorted=False)
        y, h = layer(packed)
        return pad_packed_sequence(y, batch_first=True)[0], h

    for ours, theirs in zip(cr.compile(function)(x), function(x), strict=True):
        assert ours.equal(theirs)
    with pytest.raises(TraceError, match=r"CR401.*batch_sizes"):
        cr.compile(layer)(pack_sequence(SEQUENCES, enforce_sorted=False))


BAD = {
    "unsorted": lambda x: pack_padded_sequence(x, [3, 5]),
    "zero": lambda x: pack_padded_sequence(x, [3, 0]),
    "too few": lambda x: pack_padded_sequence(x, [3]),
    "too long": lambda x: pack_padded_sequence(x, [7, 3]),
    "exchanged": lambda x: pack_padded_sequence(x, [2, 2, 2, 1, 1]),
    "total": lambda x: pad_packed_sequence(pack_padded_sequence(x, [3, 2]), total_length=2),
    "side": lambda x: pad_sequence([x], padding_side="middle"),
    "unpad": lambda x: unpad_sequence(x, [2]),
}


@pytest.mark.parametrize("what", BAD)
def test_lengths_that_do_not_fit(what):
    with pytest.raises(ArgumentError, match="CR593"):
        BAD[what](cr.zeros(5, 2, 3))


def test_what_cannot_be_padded():
    with pytest.raises(ArgumentTypeError, match="CR209"):
        pad_sequence(3)
    with pytest.raises(ShapeError, match="CR109"):
        pad_sequence([cr.zeros(3, 2), cr.zeros(2, 3)])
