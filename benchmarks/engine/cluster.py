"""The pool's one function on a Ray cluster: workers are actors, each on a node that was looked at.

Nothing is lost with a worker, a raylet or a node: what was under way there goes to another worker.
A task that kills its worker twice on nodes that live is answered by `Died`, as on one machine.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from benchmarks.api.errors import ResourceError
from benchmarks.api.images import write_atomic
from benchmarks.api.text import first_line
from benchmarks.engine import nodes
from benchmarks.engine.node import Worker, inside, pack
from benchmarks.engine.tasks import Died, Raised

if TYPE_CHECKING:
    from benchmarks.engine.tasks import Handler, Job
    from benchmarks.engine.tasks import Worker as LocalWorker
    from benchmarks.plan import Cluster, Node

T = TypeVar("T")
_DEATHS = 2  # of workers at one task, until it is the task's fault
_LOOK_S = 5.0  # between two looks for new nodes
_PATIENCE_S = 120.0  # without any node
_CLOSE_S = 10.0  # for a worker to let go of what it holds
_THREADS = "OMP_NUM_THREADS"  # Ray sets it to the cores of a worker where nobody has


def run_on(
    cluster: Cluster,
    workers: Sequence[LocalWorker[T]],
    *,
    env: Mapping[str, str],
    ahead: int,
    job: Job,
) -> Iterator[tuple[T, Any]]:
    """Do what `pool.run` does, on the nodes of a cluster.

    Raises:
        MFSRBenchError: a handler raised it; its message names the node.
        ResourceError: no node is left.
    """
    import ray

    nodes.connect(cluster.address)
    places = _Places(cluster, job)
    numbers = count(1)
    env = {**_threads(), **env}
    crew = [_Remote(make, iter(tasks), 1 + ahead, job, env, numbers) for make, tasks in workers]
    finished = False
    try:
        while True:
            for one in crew:
                one.take(places)
            waiting = {one.awaited: one for one in crew if one.awaited is not None}
            if not waiting:
                if not any(one.has_work for one in crew):
                    break
                places.wait()
                continue
            ready, _ = ray.wait(list(waiting), timeout=_LOOK_S)
            for reference in ready:
                yield from waiting[reference].answers(places)
            if any(one.has_work and one.awaited is None for one in crew):
                places.grow()
        finished = True
    finally:
        for one in crew:
            one.stop(places, kill=not finished)


def _threads() -> dict[str, str]:
    return {_THREADS: os.environ[_THREADS]} if _THREADS in os.environ else {}


class _Places:
    """Where workers have room, and which nodes are gone."""

    def __init__(self, cluster: Cluster, job: Job) -> None:
        self._cluster, self._job = cluster, job
        self._known = {node.id for node in cluster.nodes}
        self._free: deque[Node] = deque()
        self._left: set[str] = set()  # ids of nodes that are there and have room
        self._looked = self._alone = time.monotonic()
        self._add(cluster.nodes)

    def _add(self, found: Sequence[Node]) -> None:
        room = {node.id: node.places(gpus=self._job.gpus, whole=self._job.whole) for node in found}
        for turn in range(max(room.values(), default=0)):
            self._free += [node for node in found if room[node.id] > turn]
        self._left |= {name for name, places in room.items() if places}

    def take(self) -> Node | None:
        """Return a node with room, or None."""
        return self._free.popleft() if self._free else None

    def give_back(self, node: Node) -> None:
        """Make room again on a node, if it is there."""
        if node.id in self._left:
            self._free.append(node)

    def lose(self, node: Node) -> None:
        """Use a node no more."""
        self._left.discard(node.id)
        self._free = deque(one for one in self._free if one.id != node.id)

    def grow(self) -> None:
        """Take in nodes that have come since, if they have what is needed."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        found = [one for one in nodes.alive(self._cluster.address) if one.id not in self._known]
        self._known |= {node.id for node in found}
        self._add(
            [one.node for one in nodes.inspected(found, self._cluster.needs) if not one.lacks]
        )

    def wait(self) -> None:
        """Wait for a node, where none is left.

        Raises:
            ResourceError: none comes.
        """
        if self._left:
            self._alone = time.monotonic()
        if time.monotonic() - self._alone > _PATIENCE_S:
            raise ResourceError(
                f"No node of the Ray cluster at {self._cluster.address} is left.",
                "Start nodes and repeat the command: finished work is kept.",
            )
        time.sleep(0.2)
        self.grow()


class _Remote(Generic[T]):
    """A worker as the driver sees it: the actor, its node, and the tasks that it has."""

    def __init__(
        self,
        make: Callable[[], Handler[T]],
        tasks: Iterator[T],
        most: int,
        job: Job,
        env: Mapping[str, str],
        numbers: Iterator[int],
    ) -> None:
        self._make, self._tasks, self._most = make, tasks, most
        self._job, self._env, self._numbers = job, env, numbers
        self._out = job.out.absolute() if job.out else None
        self._given: deque[T] = deque()
        self._sent: deque[Any] = deque()  # references to the answers of the first of them
        self._actor: Any = None
        self._node: Node | None = None
        self._probe: Any = None  # a reference that tells whether the node of a dead worker lives
        self._deaths = 0  # at the first task
        self._last = ""  # why it died
        self.has_work = True

    @property
    def awaited(self) -> Any:
        """What is to be waited for: a reference, or None."""
        return self._probe or (self._sent[0] if self._sent else None)

    def take(self, places: _Places) -> None:
        """Have as many tasks under way as may be, if there is room for the worker."""
        if self._probe is not None or not self.has_work:
            return
        if self._node is None:
            self._node = places.take()
            if self._node is None:
                return
        most = 1 if self._deaths else self._most  # whose fault it is shows where it is alone
        while len(self._given) < self._most and not self._deaths:
            try:
                self._given.append(next(self._tasks))
            except StopIteration:
                break
        while len(self._sent) < min(most, len(self._given)):
            self._send(self._given[len(self._sent)])
        self.has_work = bool(self._given)
        if not self.has_work:
            self.stop(places, kill=False)

    def _send(self, task: T) -> None:
        import ray

        fresh = self._actor is None
        if fresh:
            self._start()
        files = {str(path.absolute()): _read(path) for path in self._job.reads(task, fresh)}
        try:
            done = self._actor.do.options(name=self._job.name).remote(pack(task), files)
        except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError) as error:
            raise ResourceError(
                f"Ray's object store has no room for the files of a task: {first_line(error)}",
                "Free space on this machine, or start Ray with a larger --object-store-memory.",
            ) from None
        self._sent.append(done)

    def _start(self) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        assert self._node is not None
        name = f"{self._job.name} #{next(self._numbers)}"
        whole = self._job.whole and not self._job.gpus
        self._actor = (
            ray.remote(Worker)
            .options(
                name=name,
                num_cpus=0 if self._job.gpus else self._node.cpus if whole else 1,
                num_gpus=self._job.gpus,
                scheduling_strategy=NodeAffinitySchedulingStrategy(self._node.id, soft=False),
                runtime_env={"env_vars": dict(self._env)},
            )
            .remote(name, self._node.name, pack(self._make), str(self._out or ""), str(Path.cwd()))
        )

    def answers(self, places: _Places) -> Iterator[tuple[T, Any]]:
        """Yield a task with its answer, or what was there if it has killed workers too often."""
        import ray

        if self._probe is not None:
            yield from self._after_death(places)
            return
        try:
            answer, made = ray.get(self._sent[0])
        except ray.exceptions.RayTaskError as error:  # the same again anywhere
            yield from self._give_up(places, f"the worker failed: {first_line(error.cause)}")
            return
        except ray.exceptions.RayError as error:
            self._bury(str(error))
            return
        if isinstance(answer, Raised):
            raise answer.error
        for path, content in inside(made, self._out).items():
            write_atomic(path, content, sync=False)
        self._sent.popleft()
        self._deaths = 0
        yield self._given.popleft(), answer

    def _bury(self, cause: str) -> None:
        """Let go of a worker that died, and ask whether its node lives."""
        assert self._node is not None
        self._end()
        self._last = _why(cause)
        self._probe = nodes.probe(self._node)

    def _after_death(self, places: _Places) -> Iterator[tuple[T, Any]]:
        import ray

        assert self._node is not None
        try:
            ray.get(self._probe)
            self._deaths += 1
        except ray.exceptions.RayError:
            places.lose(self._node)
            self._node = None
        self._probe = None
        if self._deaths >= _DEATHS:
            yield from self._give_up(places, f"the worker process died: {self._last}")

    def _give_up(self, places: _Places, cause: str) -> Iterator[tuple[T, Any]]:
        self.stop(places, kill=True)
        self._deaths = 0
        while self._given:
            yield self._given.popleft(), Died(cause)

    def _end(self) -> None:
        import ray

        if self._actor is not None and ray.is_initialized():  # else `kill` would start a cluster
            with suppress(Exception):  # it may be gone, and its node with it
                ray.kill(self._actor)
        self._actor = None
        self._sent.clear()

    def stop(self, places: _Places, *, kill: bool) -> None:
        """End the worker: at once, or by letting it close what it holds."""
        import ray

        if self._actor is not None and not kill and ray.is_initialized():
            with suppress(ray.exceptions.RayError):
                ray.get(self._actor.close.remote(), timeout=_CLOSE_S)
        self._end()
        self._probe = None
        if self._node is not None:
            places.give_back(self._node)
            self._node = None


def _read(path: Path) -> bytes:
    """Return a file; of one that cannot be read nothing, so that its task fails by itself."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _why(cause: str) -> str:
    """Return what Ray says of the end of a worker in a few words."""
    code = re.search(r"exits with an exit code (\d+)", cause)
    return f"exit code {code[1]}" if code else "killed, out of memory, or a crash in native code"
