"""Datasets of images under torchvision's names."""

from chainrule.data.cifar10 import CIFAR10 as CIFAR10
from chainrule.data.fashion_mnist import FashionMNIST as FashionMNIST
from chainrule.data.image_folder import DatasetFolder as DatasetFolder
from chainrule.data.image_folder import ImageFolder as ImageFolder
from chainrule.data.mnist import MNIST as MNIST
