"""`chainrule.utils.tensorboard`: event files for TensorBoard, under PyTorch's name."""

from chainrule.journal.tensorboard import SummaryWriter as SummaryWriter
