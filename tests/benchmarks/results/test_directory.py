"""A run directory has one identity, one writer, and refuses what would change a number."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.api.errors import ConflictError, DataError, ResourceError
from benchmarks.results.directory import RunDirectory, slug
from benchmarks.results.identity import join

IDENTITY = {
    "protocol": {
        "id": "p-v1",
        "hash": "ab",
        "rule": "png",
        "with_reference": ["psnr@y601"],
        "metrics": {"psnr@y601": {"version": "1", "title": "PSNR"}},
    },
    "methods": {
        "mfsr@2": {
            "title": "MFSR",
            "steps": 2,
            "weights": {"a.pth": "00"},
            "card": {"name": "mfsr"},
        }
    },
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
        ("protocol/rule", "float", "protocol, rule"),
        ("protocol/with_reference", ["psnr@rgb"], "protocol, with_reference"),
        ("methods/mfsr@2/steps", 3, "method 'mfsr@2', steps): 2 there, 3 now"),
        ("methods/mfsr@2/weights", {"a.pth": "11"}, "mfsr@2', weights, a.pth): 00 there, 11 now"),
        ("methods/mfsr@2/weights", {}, "weights, a.pth): 00 there, null now"),
        ("methods/mfsr@2/faithful", True, "faithful"),
        ("methods/mfsr@2/card", {"name": "mfsr", "scale": 2}, "card, scale): 4 there, 2 now"),
        ("methods/mfsr@2/card", {"name": "mfsr", "version": 2}, "card, version): 1 there, 2 now"),
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
        run.begin(changed(path, value), restored={"mfsr@2"})
    assert says in error.value.cause
    assert "--out" in error.value.remedy
    assert run.run_json.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("protocol/hash", "of reworded definitions"),
        ("protocol/metrics/psnr@y601/title", "Peak SNR"),
        ("methods/mfsr@2/title", "MFSR (mfsr@2)"),
        ("methods/mfsr@2/card", {"name": "mfsr", "licence": "MIT", "a new field": [1]}),
        ("datasets/realsr/n", 7),
    ],
)
def test_what_only_describes_may_change_with_the_program(
    tmp_path: Path, path: str, value: object
) -> None:
    run = RunDirectory(tmp_path)
    run.begin(IDENTITY)
    assert run.begin(changed(path, value), restored={"mfsr@2"}) == {}
    found = run.read()
    assert found is not None
    assert found["identity"] == changed(path, value)


def test_a_method_that_made_no_image_has_nothing_to_protect(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.begin(IDENTITY)
    mended = changed("methods/mfsr@2/weights", {"a.pth": "11"})
    run.begin(mended, restored={"osediff@1"})
    found = run.read()
    assert found is not None
    assert found["identity"] == mended


def test_a_metric_of_another_version_is_named_to_be_computed_anew(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.begin(IDENTITY)
    new = changed("protocol/metrics/psnr@y601", {"version": "v1 numpy=3"})
    assert run.begin(new) == {"psnr@y601": "1 there, v1 numpy=3 now"}
    assert run.begin(new) == {}


def test_joining_names_both_values(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="0 there, 7 now"):
        join(IDENTITY, changed("seed", 7), tmp_path, restored=())


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
