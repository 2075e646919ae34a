"""Recurrent layers under PyTorch's name."""

from chainrule.nn.recurrent import GRU as GRU
from chainrule.nn.recurrent import LSTM as LSTM
from chainrule.nn.recurrent import RNN as RNN
from chainrule.nn.recurrent import RNNBase as RNNBase
from chainrule.nn.recurrent_cells import GRUCell as GRUCell
from chainrule.nn.recurrent_cells import LSTMCell as LSTMCell
from chainrule.nn.recurrent_cells import RNNCell as RNNCell
from chainrule.nn.recurrent_cells import RNNCellBase as RNNCellBase
