"""The command line: `chainrule COMMAND …`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from chainrule.cli import (
    compare,
    doctor,
    evaluate,
    explain,
    info,
    predict,
    profile,
    report,
    train,
)
from chainrule.errors import ArgumentError, ChainruleError
from chainrule.version import __version__

COMMANDS = (train, evaluate, predict, report, compare, doctor, info, explain, profile)
FAILED = 2


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors with a code, like all others."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError("CR802", f"{message}; see {self.prog} --help")


def parser() -> Parser:
    """The parser of all commands."""
    top = Parser(prog="chainrule", description="Train and use neural networks.")
    top.add_argument("--version", action="version", version=f"chainrule {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 after an error, 130 after Ctrl-C."""
    _say_what_can_be_said()
    try:
        arguments = parser().parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except ChainruleError as error:
        print("chainrule:", *str(error).split(), file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # whoever read the output has left, as in `chainrule info | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("chainrule: interrupted", file=sys.stderr)
        return train.INTERRUPTED


def _say_what_can_be_said() -> None:
    """Where the output has an encoding that lacks a sign, write ? for it: it is no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
