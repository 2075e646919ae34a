"""PyTorch's older path of the layers, nn.modules."""

import inspect

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.nn.modules.batchnorm import _BatchNorm
from chainrule.nn.modules.linear import Linear
from chainrule.nn.modules.utils import _pair, _triple

LAYERS = [
    name
    for name, member in vars(nn).items()
    if inspect.isclass(member) and issubclass(member, nn.Module) and name != "DataParallel"
]


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_is_found_there(name):
    assert getattr(nn.modules, name) is getattr(nn, name)


def test_names_that_programs_import_from_there():
    assert Linear is nn.Linear and cr.nn.modules.linear.Linear is nn.Linear
    assert isinstance(nn.BatchNorm2d(3), _BatchNorm)
    assert not isinstance(nn.InstanceNorm2d(3), _BatchNorm)
    assert issubclass(nn.Conv2d, nn.modules.conv._ConvNd)
    assert issubclass(nn.MSELoss, nn.modules.loss._Loss)
    assert (_pair(3), _triple((1, 2, 3))) == ((3, 3), (1, 2, 3))
