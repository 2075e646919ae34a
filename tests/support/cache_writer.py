"""What each of several processes does that share a cache; here, so that they can import it."""

import time

from chainrule.engines.native.running.cache import Cache
from chainrule.files import make_folder, write_file

MEGABYTE = 1 << 20


def write_and_read(folder, number):
    kept, wrong = Cache(folder, 64 * MEGABYTE), 0
    for turn in range(20):
        kept.store("same", bytes([number]) * 50_000)
        found = kept.fetch("same")
        wrong += found is None or len(set(found)) != 1 or len(found) != 50_000
        kept.store(f"{number} {turn}", b"own")
        wrong += kept.fetch(f"{number} {turn}") != b"own"
    if wrong:
        raise SystemExit(wrong)


def write_for_ever(folder):
    """Begin to write a file, and never end."""

    def write(file):
        file.write(b"half")
        file.flush()
        time.sleep(600)

    path = Cache(folder, MEGABYTE).path("endless")
    make_folder(path.parent)
    write_file(path, write)
