"""Changes to bytes, each drawn from a seeded generator: the same seed gives the same file."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_BYTES = (0, 1, 9, 10, 13, 32, 34, 44, 58, 60, 62, 0x7F, 0x80, 0xFF)
_WORDS = (
    b"-1", b"0", b"1e9", b"nan", b"inf", b"99999999999999999999", b"2147483648", b"0x10", b"",
    b".", b"*", b"<DEL>", b"null", b"true", b"[]", b"{}", b'"', b"\\u0000", b"\xff\xfe", b"#",
    b"##", b"\t\t", b"\r\n", b"ACGT" * 300, b"1.5", b"/", b"..", b"%s", b"\xc3\xa9", b"=",
)  # fmt: skip
_NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)


def mutate(seeds: Sequence[bytes], draw: random.Random) -> bytes:
    """Return one of some files, changed in one to five places."""
    content = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 1, 1, 2, 3, 5))):
        draw.choice(_CHANGES)(content, draw, seeds)
    return bytes(content)


Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def _span(content: bytearray, draw: random.Random) -> slice:
    start = draw.randrange(len(content) + 1)
    return slice(start, start + draw.choice((1, 2, 4, 8, 16, 64, 1024)))


def _flip(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _put_byte(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    if content:
        content[draw.randrange(len(content))] = draw.choice(_BYTES)


def _remove(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    del content[_span(content, draw)]


def _repeat(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    piece = content[_span(content, draw)]
    at = draw.randrange(len(content) + 1)
    content[at:at] = piece * draw.choice((1, 2, 50))


def _cut(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    del content[draw.randrange(len(content) + 1) :]


def _put_word(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    at = draw.randrange(len(content) + 1)
    content[at : at + draw.choice((0, 1, 4))] = draw.choice(_WORDS)


def _put_number(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    """Overwrite a little-endian integer."""
    size = draw.choice((2, 4, 8))
    at = draw.randrange(max(1, len(content) - size))
    number = draw.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    content[at : at + size] = number.to_bytes(size, "little")


def _change_number(content: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    """Put another word in the place of a number that is written in digits."""
    found = list(re.finditer(rb"\d+(\.\d+)?", bytes(content[: 1 << 16])))
    if found:
        place = draw.choice(found)
        content[place.start() : place.end()] = draw.choice(_WORDS)


def _splice(content: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    other = draw.choice(seeds)
    content[draw.randrange(len(content) + 1) :] = other[draw.randrange(len(other) + 1) :]


_CHANGES: tuple[Change, ...] = (
    _flip, _put_byte, _remove, _repeat, _cut, _put_word, _put_number, _change_number, _splice,
)  # fmt: skip
