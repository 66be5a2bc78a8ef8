"""Kills a node of a small Ray cluster at a random moment of a run, again and again.

    python tests/perf/kill_nodes.py [rounds]

Says for each round what was lost (images without a result, or recorded as failures), and how many
images were restored more than once; the first must be none, the second at most what was under way.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from ray_nodes import add, nodes, raylets, run, shard_of

_N = 40  # images, of 200 ms each
_NODES = 3
_UNDER_WAY = 3  # tasks that a worker may have


def main(rounds: int) -> int:
    """Return the number of rounds in which something was lost, or too much repeated."""
    chance, bad = random.Random(0), 0
    folder = Path(tempfile.mkdtemp())
    log = folder / "log.txt"
    os.environ["NAPS_LOG"] = str(log)
    expected = run(shard_of(folder / "whole", _N), None).sha256
    with raylets(0) as made:
        living = [add(made) for _ in range(_NODES)]
        for i in range(rounds):
            shard = shard_of(folder / str(i), _N)
            cluster, _ = nodes.choose("ray", [node.node_id for node in living], None)
            log.write_text("")
            victim = living.pop(chance.randrange(_NODES))
            at = chance.uniform(0, 12)
            begun = time.perf_counter()
            killer = threading.Timer(at, made.remove_node, (victim, False))
            killer.start()
            done = run(shard, cluster)
            late = time.perf_counter() - begun < at
            killer.join()
            times = Counter(log.read_text().split())
            repeated = sum(times.values()) - len(times)
            lost = _N - len(times) + done.failures + (done.n != _N)
            same = done.sha256 == expected
            wrong = lost > 0 or repeated > _UNDER_WAY or not same
            bad += wrong
            when = "after the run" if late else f"at {at:.1f} s"
            found = (
                f"lost {lost}, repeated {repeated}, same bytes {same}{'  WRONG' if wrong else ''}"
            )
            print(f"{i + 1}: killed {when} of {done.whole_s:.1f} s; {found}", flush=True)
            living.append(add(made))
            shutil.rmtree(folder / str(i))
    shutil.rmtree(folder)
    print(f"{rounds} rounds, {bad} wrong")
    return bad


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
