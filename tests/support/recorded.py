"""Functions as the native engine plans them."""

from unittest import mock

import chainrule as cr
from chainrule.engines.choice import program
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.running.target import target


def plan_of(function, *arguments, processor=None, compilation=None):
    """The native engine's plan of a function, which runs once."""
    given = []

    def remember(engine, graph, replaced=None):
        given.append((graph, dict(replaced or {})))
        return program(engine, graph, replaced)

    with mock.patch("chainrule.compiler.recording.program", remember):
        cr.compile(function, engine="reference")(*arguments)
    ((graph, donations),) = given
    return Plan.of(graph, processor or target(), donations, compilation)
