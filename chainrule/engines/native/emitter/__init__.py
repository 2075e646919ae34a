"""Writing LLVM's textual code, and index forms: where in an array an element lies."""

from chainrule.engines.native.emitter.emitter import Emitter as Emitter
from chainrule.engines.native.emitter.values import BITS as BITS
from chainrule.engines.native.emitter.values import FLOATS as FLOATS
from chainrule.engines.native.emitter.values import Slot as Slot
from chainrule.engines.native.emitter.values import Value as Value
from chainrule.engines.native.emitter.values import vector_type as vector_type
