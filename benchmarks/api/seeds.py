"""One named random stream per image: a hash of names, never an order or a rank."""

from __future__ import annotations

import hashlib


def seed_for(run_seed: int, *names: str) -> int:
    """Return the seed of the stream called `names` in the run seeded with `run_seed`.

    The harness calls it with the data set and the image id, so image i is restored from the same
    noise alone, in a batch, on another worker and after a resume.

    Args:
        run_seed: the seed of the whole run.
        names: what the stream belongs to, from the general to the particular.

    Returns:
        An integer in [0, 2**63), valid for `torch.Generator.manual_seed` and `numpy` alike.

    >>> seed_for(0, "realsr", "Canon_001_LR4") == seed_for(0, "realsr", "Canon_001_LR4")
    True
    >>> seed_for(0, "ab", "c") == seed_for(0, "a", "bc")
    False
    """
    # Lengths are hashed with the names, so that ("ab", "c") and ("a", "bc") are two streams.
    text = "\0".join([str(run_seed), *(f"{len(name)}:{name}" for name in names)])
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
