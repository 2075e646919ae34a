"""What tests of programs with tensors need, under PyTorch's name."""

from chainrule.tensor.closeness import assert_allclose as assert_allclose
from chainrule.tensor.closeness import assert_close as assert_close
