"""What people read: results that a prompt shows as print() does, and texts for any terminal."""

from __future__ import annotations

import sys


class Printed:
    """A result with a text of its own, which is also its representation."""

    def __repr__(self) -> str:
        return str(self)


def show(result: object) -> None:
    """Print, with ? for what the encoding of the output lacks: that is no error."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(str(result).encode(encoding, "replace").decode(encoding))
