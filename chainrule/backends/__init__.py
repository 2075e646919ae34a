"""The libraries underneath, under PyTorch's names: switches that programs set."""

from chainrule.backends import cuda as cuda
from chainrule.backends import cudnn as cudnn
from chainrule.backends import mkldnn as mkldnn
from chainrule.backends import mps as mps
