"""`chainrule doctor`: what is wrong with a run, or with a script, judged by its first steps."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import traceback
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

from chainrule.doctor import Finding
from chainrule.doctor.finding import Severity, Stage
from chainrule.doctor.preflight import Preflight
from chainrule.errors import PAGES, ArgumentError, ChainruleError, RunError
from chainrule.journal import read_journal

HEALTHY, SICK = 0, 1
STEPS = 200
PACKAGE = str(PAGES.parent)
SEEN = ("layers", "finding")  # records that a doctor writes


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("doctor", help="say why a training fails", description=__doc__)
    parser.add_argument("target", metavar="RUN|SCRIPT", help="a run's folder, or a program")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"to look at ({STEPS})")
    parser.add_argument("--args", default="", help='for the script: --args="--epochs 1"')
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; the exit code is 1 where there are any."""
    target = Path(arguments.target)
    if arguments.steps < 1:
        raise ArgumentError("CR902", f"--steps is at least 1, got {arguments.steps}")
    if os.path.isdir(target):
        findings = _of_run(target)
    else:
        _check(target)
        findings = _of_script(target, arguments)
    if arguments.json:
        print(json.dumps(findings, indent=2))
    else:
        print("\n\n".join(_text(each) for each in findings) or "nothing is wrong")
    return SICK if findings else HEALTHY


def _check(script: Path) -> None:
    """Raises: RunError (CR813) for a script that is not there, or that may not be read."""
    try:
        script.open("rb").close()
    except OSError as error:
        raise RunError(
            "CR813",
            f"there is no run or script to look at in {script}: {error.strerror or error}; "
            "name a folder that a training left, or a file such as train.py",
        ) from None


def _of_run(folder: Path) -> list[dict[str, Any]]:
    """The findings in a journal, each as it was written last.

    Raises: RunError (CR821 to CR823) for a folder without a journal that can be read, or with
        that of a training at which no doctor looked (CR814).
    """
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    records = read_journal(folder)
    if not any(record["kind"] in SEEN or record.get("doctor") for record in records):
        raise RunError(
            "CR814",
            f"no doctor looked at the training in {folder}, so nothing is known of it; train "
            "with Trainer(doctor=True), or name the script: chainrule doctor train.py",
        )
    for record in records:
        finding = record.get("finding")
        if record.get("kind") == "finding" and isinstance(finding, dict) and "code" in finding:
            found[finding["code"], finding.get("layer")] = finding
    return sorted(found.values(), key=lambda finding: finding.get("place", 0))


def _of_script(script: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """What is found while the script takes its first steps."""
    preflight = Preflight(arguments.steps, tell=lambda finding: None)
    with ExitStack() as stack:
        if arguments.json:  # what the script prints is no JSON
            stack.enter_context(redirect_stdout(sys.stderr))
        error = preflight.run(script, shlex.split(arguments.args))
    if isinstance(error, Exception):
        print(_traceback(error, script), file=sys.stderr)
    elif isinstance(error, SystemExit) and isinstance(error.code, str):  # as Python itself does
        print(error.code, file=sys.stderr)
    findings, steps = preflight.findings, preflight.step
    if not findings and (error is not None or not steps):
        raise RunError("CR814", _why_nothing(script, error, steps))
    if not arguments.json:
        print(f"{script}: looked at {steps} step{'s' * (steps != 1)}")
    return [finding.as_dict() for finding in findings]


def _why_nothing(script: Path, error: BaseException | None, steps: int) -> str:
    if isinstance(error, SystemExit):
        return (
            f"{script} ended with SystemExit after {steps} steps, before anything was "
            'found; what it said is above. If it needs arguments: --args="--epochs 1"'
        )
    if error is not None:
        return (
            f"{script} ended with {type(error).__name__} after {steps} steps, before anything "
            "else was found; what it said is above"
        )
    return (
        f"{script} took no step of an optimizer, so that there was nothing to look at; name "
        "the script that trains"
    )


def _traceback(error: BaseException, script: Path) -> str:
    """The traceback from the script on; without the lines of chainrule, unless the error
    arose in them and is none that chainrule raises."""
    lines = traceback.TracebackException.from_exception(error)
    frames = list(lines.stack)
    own = [i for i, frame in enumerate(frames) if Path(frame.filename) == script]
    shown = frames[own[0] :] if own else []  # none of its lines ran: it is no program
    others = [frame for frame in shown if not frame.filename.startswith(PACKAGE)]
    if isinstance(error, ChainruleError) or shown[-1:] == others[-1:]:
        shown = others
    lines.stack = traceback.StackSummary.from_list(shown)
    return "".join(lines.format()).rstrip()


def _text(content: dict[str, Any]) -> str:
    """A finding as a person reads it; what another version wrote is shown as far as known."""
    known = {name: content[name] for name in Finding.__slots__ if name in content}
    try:
        known["stage"] = Stage[str(content["stage"]).upper()]
        known["severity"] = Severity(content["severity"])
        return str(Finding(**known))
    except (KeyError, TypeError, ValueError):
        return "  ".join(str(content[name]) for name in ("code", "title") if name in content)
