"""Reads event files by the format's description, sharing nothing with the writer."""

import struct
from pathlib import Path


def crc32c(content: bytes) -> int:
    """Bit by bit, as the polynomial division stands in RFC 3720."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def unmasked(value: int) -> int:
    rotated = (value - 0xA282EAD8) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


def records(path: Path) -> list[bytes]:
    """The messages of a file; every length and checksum is looked at."""
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        head, body = content[:8], content[12 : 12 + length]
        (of_head,) = struct.unpack_from("<I", content, 8)
        (of_body,) = struct.unpack_from("<I", content, 12 + length)
        assert unmasked(of_head) == crc32c(head) and unmasked(of_body) == crc32c(body)
        found.append(body)
        content = content[16 + length :]
    return found


def varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return value, at


def fields(content: bytes) -> dict[int, list]:
    """Values by field number, in their order: ints, floats, bytes."""
    found: dict[int, list] = {}
    at = 0
    while at < len(content):
        key, at = varint(content, at)
        if key & 7 == 0:
            value, at = varint(content, at)
        elif key & 7 == 2:
            size, at = varint(content, at)
            value, at = content[at : at + size], at + size
        else:
            form = {1: "<d", 5: "<f"}[key & 7]
            (value,) = struct.unpack_from(form, content, at)
            at += struct.calcsize(form)
        found.setdefault(key >> 3, []).append(value)
    return found


def summaries(path: Path) -> list[tuple[str, int, dict[int, list]]]:
    """(tag, step, fields of the value) of every summary in a file."""
    found = []
    for record in records(path):
        event = fields(record)
        for content in event.get(5, []):
            value = fields(fields(content)[1][0])
            found.append((value[1][0].decode(), event.get(2, [0])[0], value))
    return found
