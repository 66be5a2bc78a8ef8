"""A run on the nodes of a small Ray cluster: the same bytes, and nothing lost with what is killed.

`nox -s ray` runs these; they start raylets, which takes longer than the suite may.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fakes
import numpy as np
import psutil
import pytest

from benchmarks.api.errors import PluginError, ResourceError
from benchmarks.api.images import sha256_file, write_png
from benchmarks.api.restorer import LRFile, Restorer, Runtime
from benchmarks.api.seeds import seed_for
from benchmarks.engine import nodes, pool
from benchmarks.engine.preflight import needs_of
from benchmarks.engine.restore import Outcome, Restored, Shard, restore
from benchmarks.methods import Method
from benchmarks.plan import Cluster
from benchmarks.results.cache import ScoreCache
from benchmarks.results.rows import FailureRow

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]
TESTS = Path(__file__).parents[2]
SMALL = {"object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def raylets() -> Iterator[Any]:
    """A head without cores, and two nodes of one core."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster as Raylets

    places = (str(TESTS), str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(places))
        made = Raylets(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
        for _ in range(2):
            made.add_node(num_cpus=1, **SMALL)
        patch.setenv("RAY_ADDRESS", made.address)
        with nodes.connection("ray"):
            yield made
        made.shutdown()


@pytest.fixture
def cluster(raylets: Any) -> Cluster:
    found, devices = nodes.choose("ray", None, None)
    assert set(devices) == {"cpu"}
    return found


class Squares:
    """Answers a number by its square, process and node; 13 is deadly, 15 a full disk."""

    def __call__(self, task: int) -> Any:
        if task == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if task == 14:
            raise ValueError("not of ours")
        if task == 15:
            raise ResourceError("The disk is full.", "Free space.")
        if task >= 100:
            time.sleep(0.3)
        return task * task, os.getpid(), os.environ.get("POOL_TEST")

    def close(self) -> None:
        marker = os.environ.get("POOL_TEST_CLOSED")
        if marker:
            Path(marker).touch()


def squares(cluster: Cluster, tasks: Iterable[int], n: int = 1, **options: Any) -> list[Any]:
    shared = iter(tasks)
    return list(pool.run([(Squares, shared)] * n, cluster=cluster, **options))


@pytest.mark.parametrize("ahead", [0, 2])
def test_every_task_is_answered_once_by_both_nodes(cluster: Cluster, ahead: int) -> None:
    found = squares(cluster, range(100, 110), 2, ahead=ahead, env={"POOL_TEST": "yes"})
    assert sorted((task, answer[0]) for task, answer in found) == [
        (i, i * i) for i in range(100, 110)
    ]
    assert len({answer[1] for _, answer in found}) == 2
    assert {answer[2] for _, answer in found} == {"yes"}


def test_a_deadly_task_is_tried_twice_and_costs_no_other(cluster: Cluster) -> None:
    found = squares(cluster, [1, 13, 2, 14, 3])
    assert [task for task, _ in found] == [1, 13, 2, 14, 3]
    answers = dict(found)
    assert answers[13].cause.startswith("the worker process died: killed")
    assert answers[14] == pool.Died("the worker failed: not of ours")
    assert [answers[i][0] for i in (1, 2, 3)] == [1, 4, 9]


def test_an_error_of_ours_names_the_node_and_ends_everything(cluster: Cluster) -> None:
    with pytest.raises(ResourceError, match=r"On \S+: The disk is full"):
        squares(cluster, [1, 15, 2])


def test_a_finished_worker_closes_what_it_holds(cluster: Cluster, tmp_path: Path) -> None:
    squares(cluster, [1], env={"POOL_TEST_CLOSED": str(tmp_path / "closed")})
    assert (tmp_path / "closed").exists()


def test_people_see_methods_and_data_sets(cluster: Cluster) -> None:
    from ray.util import list_named_actors

    job = pool.Job(name="mfsr@2 on realsr")
    answers = pool.run([(Squares, iter([100, 101]))], cluster=cluster, job=job)
    next(answers)
    assert [name.startswith("mfsr@2 on realsr #") for name in list_named_actors()] == [True]
    answers.close()


def test_leaving_early_leaves_no_worker(cluster: Cluster) -> None:
    shared = iter(range(100, 200))
    answers = pool.run([(Squares, shared)] * 2, cluster=cluster)
    _, (_, pid, _) = next(answers)
    answers.close()
    assert gone(pid)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


def shard(folder: Path, kind: type[Restorer], n: int = 6) -> Shard:
    generator = np.random.default_rng(3)
    files = []
    for i in range(n):
        path = folder / "lr" / f"{i}{'-bad' if i == 2 else ''}.png"
        write_png(path, generator.integers(0, 256, (8, 10, 3), dtype=np.uint8))
        files.append(LRFile(id=path.stem, path=path, seed=seed_for(0, "set", path.stem)))
    card = kind.card
    method = Method(
        key=card.name,
        title=card.title,
        restorer=kind,
        runtime=Runtime(card=card),
        steps=card.default_steps,
    )
    return Shard(method=method, dataset="set", images=tuple(files), run=folder / "run", seed=7)


def outcomes(made: Shard, cluster: Cluster | None) -> dict[str, Outcome]:
    n = 2 if cluster else 1
    found: dict[str, Outcome] = {}
    for one in restore([[made]], ["cpu"] * n, cluster=cluster):
        row = one.image if isinstance(one, Restored) else one
        assert row.image not in found
        found[row.image] = one
    return found


def test_results_are_the_bytes_of_this_machine(cluster: Cluster, tmp_path: Path) -> None:
    here = outcomes(shard(tmp_path / "here", fakes.Fake), None)
    there = outcomes(shard(tmp_path / "there", fakes.Fake), cluster)
    assert len(there) == 6
    for name, one in there.items():
        other = here[name]
        assert isinstance(one, Restored) and isinstance(other, Restored)
        assert one.image == other.image
        (file,) = (tmp_path / "there" / "run").rglob(f"{name}.png")
        assert sha256_file(file) == one.image.sha256


def test_an_image_that_kills_its_worker_fails_alone(cluster: Cluster, tmp_path: Path) -> None:
    found = outcomes(shard(tmp_path, fakes.Kills), cluster)
    failed = found.pop("2-bad")
    assert isinstance(failed, FailureRow) and failed.error == "WorkerDied"
    assert all(isinstance(one, Restored) for one in found.values()) and len(found) == 5


def test_a_killed_worker_is_no_failure(cluster: Cluster) -> None:
    seen, killed = [], 0
    for task, answer in pool.run([(Squares, iter(range(100, 110)))], cluster=cluster):
        assert not isinstance(answer, pool.Died)
        seen.append(task)
        if len(seen) in (2, 5):
            killed += 1
            os.kill(answer[1], signal.SIGKILL)
    assert sorted(seen) == list(range(100, 110)) and killed == 2


def test_a_node_that_fits_lacks_nothing(cluster: Cluster) -> None:
    looked, missing = nodes.look_at(cluster, [], [], ScoreCache())
    assert missing == []
    assert all(node.facts["machine"]["cores"] for node in looked.nodes)


def test_a_node_with_another_package_is_named_with_it(raylets: Any, tmp_path: Path) -> None:
    other = tmp_path / "numpy-0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    before = os.environ["PYTHONPATH"]
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{before}"}
    node = raylets.add_node(num_cpus=1, **SMALL, env_vars=env)
    try:
        found, _ = nodes.choose("ray", None, None)
        (lack,) = [one for each in nodes.inspected(found.nodes, needs_of([], [], ScoreCache()))
                   for one in each.lacks]  # fmt: skip
        assert lack.what == "numpy"
        assert "numpy has version 0.1 where the driver has" in lack.error.cause
        assert "--nodes" in lack.error.remedy
    finally:
        raylets.remove_node(node, allow_graceful=False)


def test_what_was_at_a_dead_node_is_done_elsewhere(raylets: Any) -> None:
    node = raylets.add_node(num_cpus=1, **SMALL)
    found, _ = nodes.choose("ray", None, None)
    assert len(found.nodes) >= 3  # one that was removed may not be missed yet
    done = []
    for task, answer in pool.run([(Squares, iter(range(100, 130)))] * 3, cluster=found):
        assert not isinstance(answer, pool.Died)
        done.append(task)
        if len(done) == 9:
            raylets.remove_node(node, allow_graceful=False)
    assert sorted(done) == list(range(100, 130))


def test_no_cluster_is_said_in_a_line() -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    code = "from benchmarks.engine import nodes; nodes.connect('127.0.0.1:1')"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "ResourceError: No Ray cluster answers at '127.0.0.1:1'" in done.stderr


def test_without_ray_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PluginError, match="Ray does not load") as caught:
        nodes.connect("auto")
    assert "mfsr-bench[ray]" in caught.value.remedy
