"""Public face only: programs import `chainrule.utils.data`."""

from chainrule.utils import data as data
