"""`chainrule profile`: where the time of a script's compiled functions goes."""

from __future__ import annotations

import argparse
import json
import runpy
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chainrule.compiler.compile import Compiled
from chainrule.compiler.profile import Profile, profile_of_last_run
from chainrule.errors import RunError
from chainrule.files import write_text

MOST_FUNCTIONS = 12
MOST_RECORDINGS = 3  # of one function: the latest
MOST_KERNELS = 20


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "profile", help="show where a script's time goes", description=__doc__
    )
    parser.add_argument("script", metavar="SCRIPT", help="a Python program that compiles")
    parser.add_argument("--args", default="", help='for the script: --args="--epochs 1"')
    parser.add_argument("--explain", action="store_true", help="kernels, waits and memory too")
    parser.add_argument("--json", metavar="FILE", help="write all of it there")
    parser.add_argument("--repeat", type=int, default=20, help="runs to take medians of (20)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the script, then each compiled function again with a clock."""
    path = Path(arguments.script)
    if not path.is_file():
        raise RunError("CR813", f"there is no script {path}; name a file such as train.py")
    with tracking() as made:
        _run_script(path, shlex.split(arguments.args))
    functions = [f for f in made if f.explain().recordings]
    profiles = [_profiles(function, arguments.repeat) for function in functions]
    if arguments.json is not None:
        found = [
            _as_dict(function, own) for function, own in zip(functions, profiles, strict=True)
        ]
        text = json.dumps({"script": str(path), "functions": found}, indent=2)
        write_text(Path(arguments.json), text + "\n")
    for function, own in list(zip(functions, profiles, strict=True))[:MOST_FUNCTIONS]:
        print("\n".join(_lines(function, own, arguments.explain)))
    print(f"{len(functions)} compiled functions", end="")
    print(f", the first {MOST_FUNCTIONS} shown" * (len(functions) > MOST_FUNCTIONS))
    return 0


@contextmanager
def tracking() -> Iterator[list[Compiled]]:
    """A list to which every function is added that is compiled meanwhile."""
    before, Compiled.made = Compiled.made, []
    try:
        yield Compiled.made
    finally:
        Compiled.made = before


def _run_script(path: Path, arguments: Sequence[str]) -> None:
    """As `python SCRIPT ARGUMENT …` does; its end by sys.exit is an end like others."""
    argv, folders = sys.argv, list(sys.path)
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            print(f"chainrule: the script ended with {end.code}", file=sys.stderr)
    finally:
        sys.argv, sys.path[:] = argv, folders


def _profiles(function: Compiled, repeat: int) -> list[Profile]:
    """Of the latest recordings that the native engine ran."""
    latest = function.explain().recordings[-MOST_RECORDINGS:]
    found = [profile_of_last_run(function.engine, each, repeat) for each in latest]
    return [profile for profile in found if profile is not None]


def _name(function: Compiled) -> str:
    inner = function.function
    return getattr(inner, "__qualname__", type(inner).__name__)


def _as_dict(function: Compiled, profiles: list[Profile]) -> dict[str, Any]:
    return {
        "name": _name(function),
        "explanation": function.explain().as_dict(),
        "profiles": [profile.as_dict() for profile in profiles],
    }


def _lines(function: Compiled, profiles: list[Profile], explain: bool) -> Iterator[str]:
    explanation = function.explain()
    yield f"{_name(function)}: engine {function.engine}, {len(explanation.retraces)} recordings"
    if explain:
        yield explanation.text(MOST_KERNELS)
    if not profiles:
        yield "  not profiled: the native engine has not run it"
    for profile in profiles:
        yield profile.text(MOST_KERNELS)
    yield ""
