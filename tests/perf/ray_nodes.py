"""Small Ray clusters on one machine, and a run of a sleeping method on them, for measurements."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import fakes
import numpy as np

from benchmarks.api.images import write_png
from benchmarks.api.restorer import LRFile, Runtime
from benchmarks.api.seeds import seed_for
from benchmarks.engine import nodes
from benchmarks.engine.restore import Restored, restore
from benchmarks.engine.run import _pieces
from benchmarks.methods import Method
from benchmarks.plan import Cluster

_SMALL = {"object_store_memory": 100 << 20}


@contextmanager
def raylets(n: int) -> Iterator[Any]:
    """Yield a cluster of a head without cores and n nodes of one core."""
    from ray.cluster_utils import Cluster as Raylets

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    tests = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = f"{tests}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    made = Raylets(initialize_head=True, head_node_args={"num_cpus": 0, **_SMALL})
    for _ in range(n):
        add(made)
    os.environ["RAY_ADDRESS"] = made.address
    with nodes.connection("ray"):
        yield made
    made.shutdown()


def add(made: Any) -> Any:
    """Add a node of one core."""
    return made.add_node(num_cpus=1, **_SMALL)


@dataclass(frozen=True)
class Done:
    """How long a run took, and what came out."""

    whole_s: float
    paced_s: float  # from the first image to the last
    n: int
    failures: int
    sha256: str  # of the rows and the files, by image

    @property
    def per_image_s(self) -> float:
        """Seconds from one image to the next."""
        return self.paced_s / (self.n - 1)


def shard_of(folder: Path, n: int, kind: type[fakes.Fake] = fakes.Naps) -> Any:
    """Return n images of 64 x 64 pixels for a method."""
    from benchmarks.engine.restore import Shard

    random = np.random.default_rng(0)
    files = []
    for i in range(n):
        path = folder / "lr" / f"{i:04}.png"
        write_png(path, random.integers(0, 256, (64, 64, 3), dtype=np.uint8), sync=False)
        files.append(LRFile(id=path.stem, path=path, seed=seed_for(0, "set", path.stem)))
    card = kind.card
    method = Method(
        key=card.name, title=card.title, restorer=kind, runtime=Runtime(card=card), steps=1
    )
    return Shard(method=method, dataset="set", images=tuple(files), run=folder / "run", seed=7)


def run(shard: Any, cluster: Cluster | None, *, after: Any = None) -> Done:
    """Restore everything, on the nodes of a cluster or here by one worker.

    Args:
        shard: the images.
        cluster: where; None: here.
        after: called with the number of images that are done, after each.
    """
    n = len(cluster.nodes) if cluster else 1
    shards = _pieces([shard], n, 1) if cluster else [shard]
    begun, times, rows, failures = time.perf_counter(), [], [], 0
    for one in restore([shards], ["cpu"] * n, cluster=cluster):
        times.append(time.perf_counter())
        if isinstance(one, Restored):
            rows.append(one.image)
        else:
            failures += 1
        if after:
            after(len(times))
    digest = hashlib.sha256()
    for row in sorted(rows, key=lambda row: row.image):
        path = shard.run / "images" / row.method / row.dataset / f"{row.image}.png"
        digest.update(f"{row.image} {row.sha256}".encode() + path.read_bytes())
    whole, paced = times[-1] - begun, times[-1] - times[0]
    return Done(whole, paced, len(times), failures, digest.hexdigest()[:16])
