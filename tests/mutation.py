"""Damaged copies of a file: a few bytes changed, put in, left out, or the rest cut off."""

from __future__ import annotations

import random
from collections.abc import Iterator

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
