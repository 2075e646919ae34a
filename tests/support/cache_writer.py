"""What each of several processes does that share a cache; here, so that they can import it."""

from chainrule.engines.native.cache import Cache

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
