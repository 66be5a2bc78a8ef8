"""Balanced incomplete blocks: which methods are shown together where all are too many.

In a balanced incomplete block design of v methods in blocks of k, every method is in as many blocks
as every other, and every pair of methods is in as many blocks as every other pair (Yates 1936).
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import comb

Block = tuple[int, ...]
Design = tuple[Block, ...]

MOST_METHODS = 16
_MOST_BASES = 3  # base blocks that are tried together
_MOST_TRIES = 3_000


@cache
def blocks(v: int, k: int) -> Design:
    """Return a balanced design of v methods, 0 to v - 1, in blocks of k; the smallest found here.

    Few blocks matter: a study is balanced as far as it gets through them. Tried are cyclic designs
    (Bose 1939): a few base blocks, shifted through all methods, or through all but one that stays.
    All subsets of size k are balanced for every v and k.

    >>> blocks(7, 3)
    ((0, 1, 3), (1, 2, 4), (2, 3, 5), (3, 4, 6), (0, 4, 5), (1, 5, 6), (0, 2, 6))
    >>> len(blocks(5, 2)), len(blocks(6, 3)), len(blocks(8, 4)), len(blocks(5, 5))
    (10, 10, 14, 1)
    """
    if not 2 <= k <= v <= MOST_METHODS:
        raise ValueError(f"no blocks of {k} from {v}")
    found = [design for cycle in (v, v - 1) if (design := _cyclic(v, k, cycle))]
    if k in (2, v) or not found or min(map(len, found)) >= comb(v, k):
        return tuple(combinations(range(v), k))
    return min(found, key=len)


def _cyclic(v: int, k: int, cycle: int) -> Design | None:
    """Return the smallest balanced union of a few orbits, or None where none is found."""
    tries = 0
    best: Design | None = None
    for number in range(1, _MOST_BASES + 1):
        for chosen in combinations(_orbits(v, k, cycle), number):
            tries += 1
            if tries > _MOST_TRIES:
                return best
            size = sum(map(len, chosen))
            if best is None or size < len(best):
                design = tuple(block for orbit in chosen for block in orbit)
                best = design if is_balanced(design, v) else best
    return best


def _orbits(v: int, k: int, cycle: int) -> list[Design]:
    """Return sets of blocks that shifting modulo `cycle` maps to themselves, small ones first."""

    def shifted(block: Block, by: int) -> Block:
        return tuple(sorted((one + by) % cycle if one < cycle else one for one in block))

    seen: set[Block] = set()
    found = []
    for rest in combinations(range(1, v), k - 1):
        base = (0, *rest)
        if base not in seen:
            orbit = tuple(dict.fromkeys(shifted(base, by) for by in range(cycle)))
            seen.update(orbit)
            found.append(orbit)
    return sorted(found, key=len)


def is_balanced(design: Design, v: int) -> bool:
    """Return whether every pair of the v methods is in as many blocks as every other pair."""
    counts = dict.fromkeys(combinations(range(v), 2), 0)
    for block in design:
        for pair in combinations(block, 2):
            counts[pair] += 1
    return len(set(counts.values())) == 1 and min(counts.values()) > 0
