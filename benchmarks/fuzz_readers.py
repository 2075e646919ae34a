"""Files broken at random go through every reader: each is read, or refused with one error.

    python benchmarks/fuzz_readers.py --tries 200000

Watched are errors of other kinds, memory, time, and anything done to the surroundings: code
compiled or run, modules imported, files written, processes begun. A file that is not told
apart is kept, with the reason beside it. Prints how many files of each kind were tried, and
what became of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from broken_files import kinds, tried

WEIGHTS = {"safetensors": 6, "torch, zip": 6, "torch, older": 6, "state.json": 3}  # others: 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=200_000, help="files in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="a part of the name of the kinds to try")
    parser.add_argument("--keep", type=Path, default=Path("failures"), help="for what fails")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    failures = 0

    def failed(content: bytes, reason: str) -> None:
        nonlocal failures
        failures += 1
        if failures <= 100:
            options.keep.mkdir(exist_ok=True)
            (options.keep / f"{failures}").write_bytes(content)
            (options.keep / f"{failures}.txt").write_text(f"{name}: {reason}\n")
            print(f"FAILED {name}: {reason}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: kind
            for name, kind in kinds(Path(folder)).items()
            if options.only is None or options.only in name
        }
        whole = sum(WEIGHTS.get(name, 1) for name in found)
        total = 0
        for name, kind in found.items():
            tries = -(-options.tries * WEIGHTS.get(name, 1) // whole)
            counts = tried(kind, Path(folder), tries, options.seed, failed)
            ms = counts.pop("milliseconds") / tries
            total += tries
            became = ", ".join(f"{code} {n:,}" for code, n in counts.most_common())
            print(f"{name:<15}{tries:>8,} files, {ms:.2f} ms each: {became}", flush=True)
    print(f"{total:,} files tried, {failures} failures")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
