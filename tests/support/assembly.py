"""What stands in the innermost loops of assembly code for x86."""

import re

LABEL = re.compile(r"^([.\w]+):")
JUMP = re.compile(r"^\s+(j\w+)\s+(\.?LBB\w+)")
END = re.compile(r"^\s+(jmp|ret|ud2)")
DIVISION = re.compile(r"\bi?div[bwlq]?\s")
CALL = re.compile(r"\s+call")
STORE = re.compile(r"%[xyz]mm\d+, -?\w*\(%rsp")
LOAD = re.compile(r"\(%rsp[^)]*\).*%[xyz]mm")


def functions(text):
    """The lines of each function, by name."""
    found, lines = {}, []
    for line in text.splitlines():
        label = LABEL.match(line)
        if label and not label[1].startswith((".", "LBB")):
            lines = found.setdefault(label[1], [])
        lines.append(line)
    return found


def blocks(lines):
    """The straight pieces of a function, and for each the numbers of those that may follow."""
    pieces, labels = [[]], {}
    for line in lines:
        label = LABEL.match(line)
        if label and pieces[-1]:
            pieces.append([])
        if label:
            labels[label[1]] = len(pieces) - 1
        pieces[-1].append(line)
        if JUMP.match(line) or END.match(line):
            pieces.append([])
    after = []
    for number, piece in enumerate(pieces):
        last = piece[-1] if piece else ""
        jump = JUMP.match(last)
        following = [labels[jump[2]]] if jump else []
        if not END.match(last) and number + 1 < len(pieces):
            following.append(number + 1)
        after.append(following)
    return pieces, after


def back_edges(after):
    """The jumps to a block that the walk from the function's entry is still in."""
    seen, within, walk = {0}, {0}, [(0, iter(after[0]))]
    while walk:
        block, rest = walk[-1]
        for following in rest:
            if following in within:
                yield block, following
            elif following not in seen:
                seen.add(following)
                within.add(following)
                walk.append((following, iter(after[following])))
                break
        else:
            within.discard(block)
            walk.pop()


def inner_loops(lines):
    """The straight pieces of each loop of a function that has no loop inside."""
    pieces, after = blocks(lines)
    before = [[a for a, following in enumerate(after) if b in following]
              for b in range(len(pieces))]  # fmt: skip
    loops = {}
    for last, first in back_edges(after):
        body, reached = loops.setdefault(first, {first}), [last]
        while reached:
            if (block := reached.pop()) not in body:
                body.add(block)
                reached += before[block]
    for first, body in loops.items():
        if not any(other in body for other in loops if other != first):
            yield [pieces[block] for block in sorted(body)]


def all_inner_loops(text):
    """(name of the function, straight pieces) of each innermost loop."""
    for name, lines in functions(text).items():
        for loop in inner_loops(lines):
            yield name, loop


def divisions(loop):
    """The instructions of a loop that divide integers."""
    return [line for piece in loop for line in piece if DIVISION.search(line)]


def spills(loop):
    """The instructions of a loop that store vectors on the stack, and those that load them,
    but for the pieces that call another function, which may need all registers."""
    lines = [x for piece in loop if not any(map(CALL.match, piece)) for x in piece]
    stores = [line for line in lines if STORE.search(line)]
    return stores, [line for line in lines if LOAD.search(line)]
