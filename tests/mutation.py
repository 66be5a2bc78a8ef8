"""Damaged copies: of a file, some bytes changed, put in or cut off; of a document, one value."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

_EDGES = (0, 1, 127, 128, 255)


def mutants(content: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` damaged copies; the head of a file, which decides most, is hit more often."""
    rng = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(min(len(mutant), rng.choice((60, 10_000))) or 1)
            match rng.choice("eerriid c"):
                case "e":
                    mutant[place : place + 1] = bytes([rng.choice(_EDGES)])
                case "r":
                    mutant[place : place + 1] = rng.randbytes(1)
                case "i":
                    mutant[place:place] = rng.randbytes(rng.randrange(9))
                case "d":
                    del mutant[place : place + rng.randrange(9)]
                case "c":
                    del mutant[place:]
        yield bytes(mutant)


DROPPED = object()  # a value that is left out
DEEP: Any = []
for _ in range(3000):
    DEEP = [DEEP]
# What documents of JSON's kind do not hold where something is meant.
ODD: tuple[Any, ...] = (
    *(DROPPED, None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "../../x", "/"),
    *("..", "a\0b", "\ud800", "\x1b[31mred", "x" * 100_000, "<script>", "1e999", [], {}, [[]]),
    *({"a": 1}, {"../x": {}}, ["x"], [None], [1], [{}], DEEP),
)


def places(plain: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value of plain data, the whole first."""
    yield at
    if isinstance(plain, dict | list):
        for key in plain if isinstance(plain, dict) else range(len(plain)):
            yield from places(plain[key], (*at, key))


def replaced(plain: Any, at: tuple[Any, ...], value: Any) -> Any:
    """Return plain data with another value at a path, or none there."""
    if not at:
        return None if value is DROPPED else value
    first, *rest = at
    copy = plain.copy()
    if not rest and value is DROPPED:
        del copy[first]
    else:
        copy[first] = replaced(plain[first], tuple(rest), value)
    return copy


def as_json(plain: Any) -> str:
    """Return plain data as JSON, also where Python's own writer finds them too deep."""
    if plain is DEEP:
        return "[" * 3000 + "]" * 3000
    if isinstance(plain, dict):
        items = (f"{json.dumps(key)}:{as_json(value)}" for key, value in plain.items())
        return f"{{{','.join(items)}}}"
    if isinstance(plain, list | tuple):
        return f"[{','.join(map(as_json, plain))}]"
    return json.dumps(plain)
