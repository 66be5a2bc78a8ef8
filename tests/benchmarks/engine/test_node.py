"""What a worker on another machine does, without the other machine."""

from __future__ import annotations

import errno
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks.api import paths
from benchmarks.api.card import WeightFile
from benchmarks.api.errors import ResourceError, WeightsMissingError
from benchmarks.api.images import UNFINISHED
from benchmarks.api.weights import WeightStore
from benchmarks.engine import preflight
from benchmarks.engine.node import Worker, inside, pack, unpack
from benchmarks.engine.tasks import Raised
from benchmarks.plan import Cluster, Node
from benchmarks.requirements import Requirement
from benchmarks.results.cache import ScoreCache


class Copies:
    """Copies the file that a task names into a folder."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def __call__(self, path: Path) -> str:
        if path.name == "missing.png":
            raise WeightsMissingError("Weights are missing.", "Fetch them.")
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / path.name).write_bytes(path.read_bytes()[::-1])
        (self.out / f"{UNFINISHED}half").write_bytes(b"half")
        return path.name

    def close(self) -> None:
        pass


class Makes:
    """Makes the handler; it pickles."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def __call__(self) -> Copies:
        return Copies(self.out)


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    place = tmp_path / "node"
    place.mkdir()
    (place / "mfsr-bench-worker-999999999-x").mkdir()  # of a worker that was killed
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "driver" / "run"
    return Worker("copies #1", "10.0.0.7", pack(Makes(out)), str(out), str(tmp_path))


def test_files_go_out_and_come_back_and_nothing_else_is_touched(
    worker: Worker, tmp_path: Path
) -> None:
    lr, out = tmp_path / "driver" / "lr" / "a.png", tmp_path / "driver" / "run"
    answer, made = worker.do(pack(lr), {str(lr): b"abc"})
    assert answer == "a.png"
    assert made == {str(out / "a.png"): b"cba"}
    assert inside(made, out) == {out / "a.png": b"cba"}
    assert inside({"/etc/passwd": b"", f"{out}/../x": b""}, out) == {}
    assert not (tmp_path / "driver").exists()
    (folder,) = (tmp_path / "node").iterdir()  # that of the killed worker is gone
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [f"{UNFINISHED}half"]
    worker.close()
    assert not folder.exists()


def test_an_error_of_ours_names_its_node(worker: Worker, tmp_path: Path) -> None:
    raised, made = worker.do(pack(tmp_path / "missing.png"), {})
    assert isinstance(raised, Raised) and made == {}
    assert isinstance(raised.error, WeightsMissingError)
    assert raised.error.cause == "On 10.0.0.7: Weights are missing."


def test_a_full_disk_names_its_node(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    raised, _ = worker.do(pack(tmp_path / "a.png"), {str(tmp_path / "a.png"): b"abc"})
    assert isinstance(raised.error, ResourceError)
    assert "On 10.0.0.7: Cannot write" in raised.error.cause
    assert "No space left" in raised.error.cause
    assert "--nodes" in raised.error.remedy


def test_a_node_looks_for_weights_where_it_has_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packed = pack((WeightStore(), WeightStore(tmp_path / "own")))
    monkeypatch.setenv("MFSR_BENCH_HOME", str(tmp_path / "there"))
    standard, named = unpack(packed, Path("/root-of-worker"))
    assert standard.root == paths.weights() == tmp_path / "there" / "weights"
    assert named.root == Path(f"/root-of-worker{tmp_path}/own")
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(packed)  # it means nothing without a root


def test_what_a_node_lacks_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = preflight.needs_of([], [], ScoreCache())
    assert preflight.inspect(needs)[1] == []
    here = preflight.versions()
    monkeypatch.setattr(preflight, "versions", lambda: {**here, "torch": "1.0", "Python": "3.9"})
    _, lacks = preflight.inspect(needs)
    assert [lack.what for lack in lacks] == ["Python", "torch"]
    assert lacks[1].error.cause == f"torch has version 1.0 where the driver has {here['torch']}."
    _, (lack,) = preflight.inspect(b"not ours")
    assert lack.error.exit_code == 7


def test_weights_are_compared_by_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weight = WeightFile(name="net.dat", licence="MIT", page="https://x.example")
    need = Requirement(owner="fake", weight=weight, needed_by=("fake",))
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setenv("MFSR_BENCH_HOME", str(here))
    for home in (here, there):
        place = home / "weights" / "fake" / "net.dat"
        place.parent.mkdir(parents=True)
        place.write_bytes(b"weights of " + home.name.encode())
    needs = preflight.needs_of([need], [], ScoreCache())
    assert preflight.inspect(needs)[1] == []
    monkeypatch.setenv("MFSR_BENCH_HOME", str(there))
    _, (lack,) = preflight.inspect(needs)
    assert lack.what == "net.dat" and "another file than the driver's" in lack.error.cause
    (there / "weights" / "fake" / "net.dat").unlink()
    _, (lack,) = preflight.inspect(needs)
    assert lack.error.exit_code == 4 and "missing: net.dat" in lack.error.cause


def test_how_many_workers_have_room() -> None:
    facts = {"machine": {"gpus": ["NVIDIA H100 80GB HBM3, 550.1, 81559 MiB"] * 2}}
    one = Node(id="a", name="a", cpus=16, gpus=2, facts=facts)
    two = Node(id="b", name="b", cpus=4, gpus=0)
    cluster = Cluster(address="auto", nodes=(one, two))
    assert cluster.places(gpus=1, whole=True) == 2
    assert cluster.places(gpus=0.25, whole=True) == 8
    assert cluster.places(gpus=0, whole=False) == 20
    assert cluster.places(gpus=0, whole=True) == 2
    gib = 2**30
    assert [cluster.share(need) for need in (None, 5 * gib, 20 * gib, 60 * gib)] == [
        1,
        0.25,
        0.5,
        1,
    ]
