"""Averaging of weights, under PyTorch's name."""

from chainrule.optim.averaging import AveragedModel as AveragedModel
from chainrule.optim.averaging import get_ema_avg_fn as get_ema_avg_fn
from chainrule.optim.averaging import get_ema_multi_avg_fn as get_ema_multi_avg_fn
from chainrule.optim.averaging import get_swa_avg_fn as get_swa_avg_fn
from chainrule.optim.averaging import get_swa_multi_avg_fn as get_swa_multi_avg_fn
from chainrule.optim.averaging import update_bn as update_bn
from chainrule.optim.lr_scheduler.swa import SWALR as SWALR
