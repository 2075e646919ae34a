"""`chainrule explain`: the page about one error code."""

from __future__ import annotations

import argparse

from chainrule.errors import explain


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its argument."""
    parser = commands.add_parser("explain", help="explain an error code", description=__doc__)
    parser.add_argument("code", help="such as CR101")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the page."""
    print(explain(arguments.code).rstrip())
    return 0
