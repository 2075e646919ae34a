"""`chainrule compare`: many runs in one page, with their configurations, scores and curves."""

from __future__ import annotations

import argparse
import sys

from chainrule.report.comparison import COMPARISON, write_comparison


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("compare", help="compare runs", description=__doc__)
    parser.add_argument("folders", metavar="RUN", nargs="+", help="the folder of a run")
    parser.add_argument(
        "--out", metavar="FILE", default=COMPARISON, help=f"the page ({COMPARISON})"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page; runs that cannot be read are named, and the others compared."""
    path, refused = write_comparison(arguments.folders, arguments.out)
    for reason in refused:
        print(f"chainrule: left out: {reason}", file=sys.stderr)
    print(f"comparison  {path}")
    return 0
