"""`chainrule info`: versions, processor, threads and engines."""

from __future__ import annotations

import argparse

from chainrule.report.environment import environment


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser("info", help="versions and machine", description=__doc__)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what a bug report should say."""
    for name, value in environment().items():
        shown = value or "none" if name == "limits" else value
        print(f"{name:<10}{shown}")
    return 0
