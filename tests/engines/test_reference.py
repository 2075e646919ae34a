"""The reference engine: the same numbers as eager, and no array kept longer than needed."""

import itertools
import weakref

import numpy as np

import chainrule as cr
from chainrule.engines.reference import ReferenceProgram
from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ops.primitive import Primitive

FLOAT = np.dtype(np.float32)


def test_an_array_goes_after_its_last_use():
    alive = []

    class Watched(Primitive, abstract=True):
        def forward(x):
            y = x + 1
            assert sum(ref() is not None for ref in alive) <= 1
            alive.append(weakref.ref(y))
            return y

        def shape(x):
            return x

        def dtype(x):
            return x

    chain = [Variable((1000,), FLOAT) for _ in range(6)]
    equations = [Equation(Watched, (a,), {}, b) for a, b in itertools.pairwise(chain)]
    program = ReferenceProgram(Graph(chain[:1], {}, equations, chain[-1:]))
    (result,) = program.run([np.zeros(1000, FLOAT)])
    assert result[0] == 5
    assert len(alive) == 5


def test_outputs_may_be_inputs_constants_or_repeated():
    f = cr.compile(lambda x: (x, cr.ones(2), x * 2, x * 2))
    x = cr.tensor([1.0, 2.0])
    same, ones, a, b = f(x)
    assert same is x and ones.tolist() == [1, 1]
    assert a.tolist() == b.tolist() == [2, 4]
