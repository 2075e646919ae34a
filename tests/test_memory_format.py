"""Wishes for the order in memory change nothing; and no accelerator is there."""

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import AbsentError

FORMATS = ["channels_last", "channels_last_3d", "contiguous_format", "preserve_format"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_may_be_asked_for(name):
    wish = getattr(cr, name)
    assert isinstance(wish, cr.memory_format)
    assert repr(wish) == f"chainrule.{name}"
    x = cr.arange(24.0).view(1, 2, 3, 4)
    for y in (x.to(memory_format=wish), x.contiguous(memory_format=wish)):
        assert y.tolist() == x.tolist()
    assert x.clone(memory_format=wish).shape == cr.empty_like(x, memory_format=wish).shape
    model = nn.Conv2d(2, 3, 3)
    assert model.to(memory_format=wish) is model
    assert model(x).shape == (1, 3, 1, 2)


def test_programs_can_ask_for_an_accelerator():
    assert not cr.accelerator.is_available()
    assert cr.accelerator.device_count() == 0
    assert cr.accelerator.current_accelerator() is None
    with pytest.raises(AbsentError, match=r"CR211: chainrule has no accelerator.synchronize"):
        cr.accelerator.synchronize()
