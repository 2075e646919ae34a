"""`chainrule report`: make the page of a run, and its numbers for other programs."""

from __future__ import annotations

import argparse

from chainrule.report.export import write_csv, write_jsonl
from chainrule.report.run import read_run
from chainrule.report.writing import write_report


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("report", help="show what a run did", description=__doc__)
    parser.add_argument("folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("--out", metavar="FILE", help="the page (report.html in RUN)")
    parser.add_argument("--csv", metavar="FILE", help="write the scalars there too, as CSV")
    parser.add_argument("--jsonl", metavar="FILE", help="and as JSON lines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write what was asked for, and say where it is."""
    found = read_run(arguments.folder)
    print(f"report      {write_report(found, arguments.out)}")
    for name, write in (("csv", write_csv), ("jsonl", write_jsonl)):
        path = getattr(arguments, name)
        if path is not None:
            write(found, path)
            print(f"{name:<12}{path}")
    return 0
