"""Products with sums: matrix products, convolutions and their gradients, as native loops."""

from chainrule.engines.native.contraction.form import Access, Bound, Contraction
from chainrule.engines.native.contraction.packing import Packing
from chainrule.engines.native.contraction.plan import PARTIAL, Plan, plan

__all__ = ["PARTIAL", "Access", "Bound", "Contraction", "Packing", "Plan", "plan"]
