"""Unpacking what strangers packed."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from benchmarks.api.errors import DataError
from benchmarks.datasets import archives
from benchmarks.datasets.archives import unpack

WANTED = (("lr", "set/lq"), ("hr", "set/gt"))


def packed(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


GOOD = {"top/set/lq/a.png": b"lr a", "top/set/gt/a.png": b"hr a", "top/set/gt/b.PNG": b"hr b"}


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
def test_the_wanted_folders_are_unpacked_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    others = {
        "top/set/lq/notes.txt": b"x",
        "top/set/lq/.hidden.png": b"x",
        "top/set/lq/deeper/c.png": b"x",
        "top/other/lq/d.png": b"x",
        "top/myset/lq/e.png": b"x",
    }
    archive = packed(tmp_path / f"a{suffix}", GOOD | others)
    counts = unpack(archive, WANTED, tmp_path / "out")
    assert counts == {"lr": 1, "hr": 2}
    assert tree(tmp_path / "out") == {"lr/a.png": b"lr a", "hr/a.png": b"hr a", "hr/b.PNG": b"hr b"}


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
@pytest.mark.parametrize(
    "evil",
    [
        "../../../evil.png",
        "set/lq/../../../../evil.png",
        "/set/lq/../../evil.png",
        "../set/lq/evil.png",
        "/etc/set/lq/evil.png",
    ],
)
def test_nothing_is_written_outside(tmp_path: Path, suffix: str, evil: str) -> None:
    archive = packed(tmp_path / f"a{suffix}", GOOD | {evil: b"evil"})
    unpack(archive, WANTED, tmp_path / "deep" / "out")
    found = tree(tmp_path)
    written = {name for name, content in found.items() if content == b"evil"}
    assert written <= {"deep/out/lr/evil.png"}


def test_links_are_passed_over(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in GOOD.items():
            archive.writestr(name, content)
        link = zipfile.ZipInfo("set/lq/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, content in GOOD.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"set/lq/link{kind!r}.png")
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
    for name in ("a.zip", "a.tar"):
        out = tmp_path / f"out-{name}"
        unpack(tmp_path / name, WANTED, out)
        assert set(tree(out)) == {"lr/a.png", "hr/a.png", "hr/b.PNG"}


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_IMAGE", 1 << 20)
    archive = packed(tmp_path / "a.zip", GOOD | {"set/lq/bomb.png": bytes(8 << 20)})
    assert archive.stat().st_size < 1 << 20
    with pytest.raises(DataError, match=r"bomb\.png has over 1 MiB"):
        unpack(archive, WANTED, tmp_path / "out")


@pytest.mark.parametrize("name", ["set/lq/a\nb.png", "set/lq/x\\..\\b.png"])
def test_unusable_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="unusable name") as caught:
        unpack(packed(tmp_path / "a.tgz", GOOD | {name: b"x"}), WANTED, tmp_path / "out")
    assert caught.value.cause.isprintable()


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
def test_a_truncated_archive(tmp_path: Path, suffix: str) -> None:
    noise = bytes(range(256)) * 400
    archive = packed(tmp_path / f"a{suffix}", {f"set/lq/{i}.png": noise for i in range(20)})
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError) as caught:
        unpack(archive, WANTED, tmp_path / "out")
    assert "cannot be unpacked" in caught.value.cause or "neither" in caught.value.cause


def test_damaged_content(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", {"set/lq/a.png": bytes(range(256)) * 40})
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(archive, WANTED, tmp_path / "out")


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("<html>Sign in</html>")
    with pytest.raises(DataError, match="neither a zip nor a tar"):
        unpack(tmp_path / "a.zip", WANTED, tmp_path / "out")
    with pytest.raises(DataError, match="No such archive"):
        unpack(tmp_path / "b.zip", WANTED, tmp_path / "out")


def test_an_archive_without_the_folders(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", {"set/lq/a.png": b"x"})
    with pytest.raises(DataError, match="holds no images in a folder set/gt/") as caught:
        unpack(archive, WANTED, tmp_path / "out")
    assert str(tmp_path / "out" / "hr") in caught.value.remedy


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_any_damage_is_one_error(tmp_path: Path, suffix: str) -> None:
    """Every byte of the headers in turn, local ones and those at the end; and every length."""
    archive = packed(tmp_path / f"a{suffix}", {"set/lq/a.png": b"lr", "set/gt/a.png": b"hr"})
    whole = archive.read_bytes()
    step = 1 if suffix == ".zip" else 37
    for at in range(0, len(whole), step):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        for content in (bytes(changed), whole[:at]):
            archive.write_bytes(content)
            try:
                unpack(archive, WANTED, tmp_path / "out")
            except DataError as error:
                assert "\n" not in error.cause


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
def test_a_name_that_no_file_can_have_is_no_full_disk(tmp_path: Path, suffix: str) -> None:
    for name in ("x" * 300, "ü" * 130):
        archive = packed(tmp_path / f"a{suffix}", GOOD | {f"set/lq/{name}.png": b"x"})
        with pytest.raises(DataError, match=r"unusable name.*bytes"):
            unpack(archive, WANTED, tmp_path / "out")
    unpack(packed(archive, GOOD | {f"set/lq/{'x' * 251}.png": b"x"}), WANTED, tmp_path / "out")


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
def test_two_files_for_one_place_are_refused(tmp_path: Path, suffix: str) -> None:
    archive = packed(tmp_path / f"a{suffix}", GOOD | {"copy/set/lq/a.png": b"another"})
    with pytest.raises(DataError, match=r"holds two files lr/a\.png"):
        unpack(archive, WANTED, tmp_path / "out")


def test_members_and_their_sum_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(tmp_path / "a.tgz", {f"set/lq/{i}.png": bytes(1000) for i in range(30)})
    with monkeypatch.context() as patch, pytest.raises(DataError, match="over 29 files"):
        patch.setattr(archives, "MOST_MEMBERS", 29)
        unpack(archive, WANTED, tmp_path / "out")
    with monkeypatch.context() as patch, pytest.raises(DataError, match="unpacks to over"):
        patch.setattr(archives, "LARGEST_SET", 20_500)
        unpack(archive, WANTED, tmp_path / "out")
