"""A run directory has one identity, one writer, and refuses what would change a number."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.api.errors import ConflictError, DataError, ResourceError
from benchmarks.results.directory import RunDirectory, merge_identity, slug

IDENTITY = {
    "protocol": {
        "id": "p-v1",
        "hash": "ab",
        "rule": "png",
        "metrics": {"psnr@y601": {"version": "1"}},
    },
    "methods": {"mfsr@2": {"steps": 2, "weights": {"a": "00"}, "card": {"name": "mfsr"}}},
    "datasets": {"realsr": {"n": 100, "manifest_sha256": "cd"}},
    "seed": 0,
}


def changed(path: str, value: object) -> dict[str, object]:
    """Return the identity with one value, at a path of keys split at "/", replaced."""
    identity = copy.deepcopy(IDENTITY)
    *above, last = path.split("/")
    node = identity
    for key in above:
        node = node[key]  # type: ignore[assignment]
    node[last] = value
    return identity


def test_the_same_identity_is_joined_and_more_work_may_be_added(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.begin(IDENTITY, tool={"version": "1"})
    run.begin(IDENTITY, tool={"version": "2"})
    more = changed("methods", {"osediff@1": {"steps": 1}})
    run.begin(more, tool={"version": "2"})
    found = run.read()
    assert found is not None
    assert list(found["identity"]["methods"]) == ["mfsr@2", "osediff@1"]
    assert found["tool"] == {"version": "2"}


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("seed", 1, "seed"),
        ("protocol/hash", "zz", "protocol, hash"),
        ("protocol/rule", "float", "protocol, rule"),
        ("protocol/metrics/psnr@y601", {"version": "2"}, "metric 'psnr@y601', version"),
        ("methods/mfsr@2/weights/a", "11", "method 'mfsr@2', weights.a"),
        ("methods/mfsr@2/card", {"name": "mfsr", "scale": 4}, "card.scale"),
        ("datasets/realsr/manifest_sha256", "ee", "data set 'realsr', manifest_sha256"),
    ],
)
def test_what_would_change_a_number_is_refused(
    tmp_path: Path, path: str, value: object, says: str
) -> None:
    run = RunDirectory(tmp_path)
    run.begin(IDENTITY)
    before = run.run_json.read_bytes()
    with pytest.raises(ConflictError) as error:
        run.begin(changed(path, value))
    assert says in error.value.cause
    assert "--out" in error.value.remedy
    assert run.run_json.read_bytes() == before


def test_merging_names_both_values(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="0 there, 7 now"):
        merge_identity(IDENTITY, changed("seed", 7), tmp_path)


def test_one_writer_at_a_time_and_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path\n"
        "from benchmarks.results.directory import RunDirectory\n"
        "with RunDirectory(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None and holder.stdin is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(ConflictError, match="Another run is working"), run.locked():
        pass
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    with run.locked():
        pass


def test_a_path_that_is_a_file_is_a_resource_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError), RunDirectory(tmp_path / "file" / "run").locked():
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"identity": {}}', "\xff"])
def test_a_damaged_run_json_is_a_data_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"run\.json cannot be read"):
        RunDirectory(tmp_path).read()


def test_another_schema_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema": 99, "identity": {}}))
    with pytest.raises(ConflictError, match="schema 99"):
        RunDirectory(tmp_path).read()


def test_paths_stay_inside_the_run(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    path = run.image("precomputed:../../x y", "realsr", "Canon_001_LR4")
    assert path.resolve().is_relative_to(tmp_path.resolve())
    assert slug("mfsr@2+variant=q") == "mfsr@2+variant=q"
