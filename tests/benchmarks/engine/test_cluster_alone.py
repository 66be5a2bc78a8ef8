"""The driver's side of a cluster, without one: workers are objects of this process that may die."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import fakes
import numpy as np
import pytest
import torch

from benchmarks.api.errors import ResourceError
from benchmarks.api.images import sha256_file, write_png
from benchmarks.api.restorer import LRBatch, LRFile, Restorer, Runtime
from benchmarks.engine import cluster as clusters
from benchmarks.engine import pool
from benchmarks.engine.restore import Outcome, Restored, Shard, restore
from benchmarks.methods import Method
from benchmarks.plan import Cluster, Node
from benchmarks.results.rows import FailureRow


class Killed(BaseException):
    """What takes a worker, and its node if it is named so."""


class RayError(Exception):
    pass


class RayTaskError(RayError):
    cause: Any = None


class Reference:
    def __init__(self, value: Any = None, error: Exception | None = None) -> None:
        self.value, self.error = value, error


class Asked:
    def __init__(self, call: Any) -> None:
        self._call = call

    def options(self, **_: Any) -> Asked:
        return self

    def remote(self, *arguments: Any) -> Reference:
        return self._call(*arguments)


class Actor:
    """Does what it is asked at once, until it is dead."""

    def __init__(self, ray: FakeRay, node: str, kind: type, arguments: tuple[Any, ...]) -> None:
        self._ray, self._node, self.dead = ray, node, node in ray.lost
        self._object = None if self.dead else kind(*arguments)
        ray.actors.append(self)

    def __getattr__(self, name: str) -> Asked:
        return Asked(lambda *arguments: self._do(name, arguments))

    def _do(self, name: str, arguments: tuple[Any, ...]) -> Reference:
        if self.dead or self._node in self._ray.lost:
            return Reference(error=RayError("the worker is gone"))
        try:
            return Reference(getattr(self._object, name)(*arguments))
        except Killed as error:
            self.dead = True
            if error.args == ("node",):
                self._ray.lost.add(self._node)
            return Reference(error=RayError("Worker exits with an exit code 9."))
        except Exception as error:
            failed = RayTaskError(str(error))
            failed.cause = error
            return Reference(error=failed)


class FakeRay(ModuleType):
    """As much of Ray as the engine uses."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.lost: set[str] = set()
        self.actors: list[Actor] = []
        self.exceptions = ModuleType("ray.exceptions")
        for name in ("ObjectStoreFullError", "OutOfDiskError"):
            setattr(self.exceptions, name, type(name, (RayError,), {}))
        self.exceptions.RayError = RayError  # type: ignore[attr-defined]
        self.exceptions.RayTaskError = RayTaskError  # type: ignore[attr-defined]

    def is_initialized(self) -> bool:
        return True

    def nodes(self) -> list[dict[str, Any]]:
        return []

    def wait(self, references: list[Reference], **_: Any) -> tuple[list[Reference], Any]:
        return references[:1], references[1:]

    def get(self, reference: Reference, **_: Any) -> Any:
        if reference.error:
            raise reference.error
        return reference.value

    def kill(self, actor: Actor) -> None:
        actor.dead = True

    def remote(self, what: Any) -> Any:
        return Remote(self, what)


class Remote:
    def __init__(self, ray: FakeRay, what: Any) -> None:
        self._ray, self._what = ray, what
        self._node = ""

    def options(self, *, scheduling_strategy: Any, **_: Any) -> Remote:
        self._node = scheduling_strategy
        return self

    def remote(self, *arguments: Any) -> Any:
        if isinstance(self._what, type):
            return Actor(self._ray, self._node, self._what, arguments)
        lost = self._node in self._ray.lost
        return Reference(error=RayError("no such node")) if lost else Reference(self._what())


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeRay:
    made = FakeRay()
    places = ModuleType("ray.util.scheduling_strategies")
    places.NodeAffinitySchedulingStrategy = lambda node, **_: node  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", made)
    monkeypatch.setitem(sys.modules, "ray.util", ModuleType("ray.util"))
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", places)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    (tmp_path / "nodes").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nodes"))
    return made


@pytest.fixture
def cluster(ray: FakeRay) -> Cluster:
    return Cluster(
        address="auto", nodes=tuple(Node(id=n, name=n, cpus=1, gpus=0) for n in ("n1", "n2"))
    )


class Squares:
    """Answers a number by its square; some take their worker, or its node, along."""

    def __call__(self, task: int) -> int:
        if task == 13:
            raise Killed
        marker = Path(os.environ.get("MARKER", "/nowhere"))
        if task in (5, 6) and not marker.exists():
            marker.touch()
            raise Killed(*(["node"] if task == 5 else []))
        if task == 14:
            raise ValueError("not of ours")
        if task == 15:
            raise ResourceError("The disk is full.", "Free space.")
        return task * task

    def close(self) -> None:
        pass


def squares(cluster: Cluster, tasks: Iterable[int], n: int = 2, ahead: int = 0) -> dict[int, Any]:
    shared = iter(tasks)
    found = list(pool.run([(Squares, shared)] * n, cluster=cluster, ahead=ahead))
    assert len(found) == len(dict(found)), "a task was answered twice"
    return dict(found)


@pytest.mark.parametrize("ahead", [0, 2])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_task_is_answered_once(cluster: Cluster, ahead: int, n: int) -> None:
    tasks = [0, 1, 2, 3, 4, 7, 8, 9]
    assert squares(cluster, tasks, n, ahead) == {i: i * i for i in tasks}


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_deadly_task_is_tried_twice_and_costs_no_other(
    ray: FakeRay, cluster: Cluster, ahead: int
) -> None:
    found = squares(cluster, [1, 13, 2, 14, 3], 1, ahead)
    assert found.pop(13) == pool.Died("the worker process died: exit code 9")
    assert found[1] == 1 and found[3] == 9
    if not ahead:
        assert found[14] == pool.Died("the worker failed: not of ours")
        assert len(ray.actors) == 4


@pytest.mark.parametrize("task", [5, 6])  # a node, a worker
def test_nothing_is_lost_with_a_worker_or_a_node(
    ray: FakeRay, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, task: int
) -> None:
    monkeypatch.setenv("MARKER", str(tmp_path / "marker"))
    found = squares(cluster, [1, 2, task, 3, 4], ahead=2)
    assert found == {i: i * i for i in (1, 2, task, 3, 4)}
    assert len(ray.lost) == (task == 5)


def test_an_error_of_ours_ends_everything(ray: FakeRay, cluster: Cluster) -> None:
    with pytest.raises(ResourceError, match=r"On n\d: The disk is full"):
        squares(cluster, [1, 15, 2])
    assert all(actor.dead for actor in ray.actors)


def test_without_any_node_the_run_ends(
    ray: FakeRay, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_PATIENCE_S", 0.1)
    ray.lost |= {"n1", "n2"}
    with pytest.raises(ResourceError, match="No node of the Ray cluster at auto is left"):
        squares(cluster, [1, 2])


class Deadly(fakes.Fake):
    """Takes its worker along at the images that are called so."""

    card = fakes.Kills.card

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        if any(image.endswith("bad") for image in batch.ids):
            raise Killed
        return super()._restore(batch, steps)


class Unlucky(fakes.Fake):
    """Is killed from outside, once."""

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        marker = Path(os.environ["MARKER"])
        if "3" in batch.ids and not marker.exists():
            marker.touch()
            raise Killed
        return super()._restore(batch, steps)


def shard(folder: Path, kind: type[Restorer], n: int = 9) -> Shard:
    random = np.random.default_rng(3)
    files = []
    for i in range(n):
        path = folder / "lr" / f"{i}{'-bad' if i == 4 else ''}.png"
        write_png(path, random.integers(0, 256, (8, 10, 3), dtype=np.uint8))
        files.append(LRFile(id=path.stem, path=path, seed=i))
    card = kind.card
    method = Method(
        key=card.name,
        title=card.title,
        restorer=kind,
        runtime=Runtime(card=card),
        steps=card.default_steps,
    )
    return Shard(method=method, dataset="set", images=tuple(files), run=folder / "run", seed=7)


def outcomes(made: Shard, cluster: Cluster | None, batch_size: int = 1) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    devices = ["cpu"] * (2 if cluster else 1)
    done = restore([[made]], devices, batch_size=batch_size, inline=not cluster, cluster=cluster)
    for one in done:
        row = one.image if isinstance(one, Restored) else one
        assert row.image not in found
        found[row.image] = one
    return found


@pytest.mark.parametrize("batch_size", [1, 2, 4])
@pytest.mark.parametrize("kind", [fakes.Fake, Unlucky])
def test_results_are_the_bytes_of_this_machine(
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Restorer],
    batch_size: int,
) -> None:
    monkeypatch.setenv("MARKER", str(tmp_path / "marker"))
    here = outcomes(shard(tmp_path / "here", fakes.Fake), None, batch_size)
    there = outcomes(shard(tmp_path / "there", kind), cluster, batch_size)
    assert len(there) == len(here) == 9
    for name, one in there.items():
        other = here[name]
        assert isinstance(one, Restored) and isinstance(other, Restored)
        assert one.image == other.image
        (file,) = (tmp_path / "there" / "run").rglob(f"{name}.png")
        assert sha256_file(file) == one.image.sha256
    if kind is fakes.Fake:  # no worker was killed, so that nothing waits to be swept
        assert not list((tmp_path / "nodes").rglob("*.png"))


@pytest.mark.parametrize("batch_size", [1, 4])
def test_an_image_that_kills_its_worker_fails_alone(
    cluster: Cluster, tmp_path: Path, batch_size: int
) -> None:
    found = outcomes(shard(tmp_path, Deadly), cluster, batch_size)
    failed = found.pop("4-bad")
    assert isinstance(failed, FailureRow) and failed.error == "WorkerDied"
    assert len(found) == 8 and all(isinstance(one, Restored) for one in found.values())
