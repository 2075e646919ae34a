"""The errors chainrule raises: each carries a code that `chainrule explain CODE` opens."""

from __future__ import annotations

from pathlib import Path

PAGES = Path(__file__).parent / "explanations"


class ChainruleError(Exception):
    """An error with a code, one sentence on what was wrong, and the repair."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.modules: list[object] = []  # the modules it passed through, innermost first

    def __str__(self) -> str:
        where = self._module_path()
        return f"{self.code}: {self.message}" + (f" (in module {where})" if where else "")

    def _module_path(self) -> str:
        """Names from the outermost module to the one that failed: `encoder.fc2`."""
        names = []
        for child, parent in zip(self.modules, self.modules[1:], strict=False):
            children = getattr(parent, "_modules", {})
            names += [name for name, module in children.items() if module is child][:1]
        if not self.modules:
            return ""
        kind = type(self.modules[0]).__name__
        return f"{kind} '{'.'.join(reversed(names))}'" if names else kind


class ShapeError(ChainruleError, RuntimeError):
    """Shapes that do not fit together."""


class AxisError(ChainruleError, IndexError):
    """An axis or an index that is out of range."""


class DtypeError(ChainruleError, RuntimeError):
    """Element types that do not fit together."""


class ArgumentError(ChainruleError, ValueError):
    """An argument with a value that is not allowed."""


class ArgumentTypeError(ChainruleError, TypeError):
    """An argument of the wrong kind."""


class LinAlgError(ChainruleError, RuntimeError):
    """A matrix for which the result does not exist or was not found."""


class DeviceError(ChainruleError, RuntimeError):
    """A device that is not there."""


class GradientError(ChainruleError, RuntimeError):
    """A derivative that cannot be had."""


class NonFiniteError(ChainruleError, RuntimeError):
    """A value that became NaN or infinite."""


class TraceError(ChainruleError, RuntimeError):
    """Something a compiled function cannot do."""


class ModuleError(ChainruleError, RuntimeError):
    """A module or state dict that does not fit."""


class AbsentError(ChainruleError, AttributeError, NotImplementedError):
    """A part of PyTorch's interface that is not here."""


class DataError(ChainruleError, RuntimeError):
    """Data that is missing or malformed."""


class RunError(ChainruleError, RuntimeError):
    """A run folder, checkpoint or file that cannot be read or written."""


def codes() -> list[str]:
    """Every error code, in order."""
    return sorted(page.stem for page in PAGES.glob("CR*.md"))


def findings() -> list[str]:
    """The code of every finding of the doctor, in order."""
    return sorted(page.stem for page in PAGES.glob("D*.md"))


def explain(code: str) -> str:
    """The page about one code, of an error or of a finding of the doctor: what it means, why
    it happens, how to mend it.

    Raises: ArgumentError (CR901) for a code that does not exist.
    """
    known = codes()
    found = findings()
    if code.upper() not in (*known, *found):
        raise ArgumentError(
            "CR901",
            f"there is no error code {code!r}; the {len(known)} codes go from {known[0]} to "
            f"{known[-1]}, and an error's message begins with its own; findings of the doctor "
            f"are {found[0]} to {found[-1]}",
        )
    return (PAGES / f"{code.upper()}.md").read_text(encoding="utf-8")


class MissingFileError(RunError, FileNotFoundError):
    """A file of a run, a checkpoint or weights that is not there."""
