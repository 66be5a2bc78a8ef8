"""`mfsr-bench datasets` as a user meets it."""

from __future__ import annotations

import json
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import registry
from benchmarks.api import reach
from benchmarks.cli import app
from benchmarks.datasets import making
from benchmarks.datasets.catalogue import DIV2K_VAL
from benchmarks.datasets.places import locate
from benchmarks.options import split_datasets

Program = Callable[..., tuple[int, str, str]]  # (exit code, stdout, stderr)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mfsr-bench", "datasets", *arguments])
        with pytest.raises(SystemExit) as done:
            app.main()
        captured = capsys.readouterr()
        return int(done.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for side, size in (("lr", 8), ("hr", 32)):
        (tmp_path / side).mkdir()
        for name in ("a", "b", "c"):
            Image.fromarray(np.zeros((size, size, 3), np.uint8)).save(
                tmp_path / side / f"{name}.png"
            )
    return tmp_path / "lr", tmp_path / "hr"


def test_verify_names_what_is_not_used(program: Program, folders: tuple[Path, Path]) -> None:
    (folders[0] / "notes.txt").touch()
    (folders[0] / "old").mkdir()
    note = "2 entries are not used in lr/: notes.txt, old (a folder)"
    code, _, err = program("verify", f"folder:{folders[0]},{folders[1]}")
    assert code == 0
    assert f"folder-lr: note: {note}" in " ".join(err.split())
    (row,) = json.loads(program("verify", "--json", f"folder:{folders[0]},{folders[1]}")[1])
    assert (row["state"], row["notes"], row["problems"]) == ("correct", [note], [])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (None, ()),
        (["realsr, drealsr", "sample", "realsr"], ("realsr", "drealsr", "sample")),
        (["folder:a,b"], ("folder:a,b",)),
        (["sample,folder:mine=a,b"], ("sample", "folder:mine=a,b")),
        (["sample, folder:a::b,c"], ("sample", "folder:a::b,c")),
        (['"folder:a,b",sample'], ("folder:a,b", "sample")),
        (["folder:a", "folder:b,c"], ("folder:a", "folder:b,c")),
    ],
)
def test_lists_of_data_sets(values: list[str] | None, expected: tuple[str, ...]) -> None:
    assert split_datasets(values) == expected


def test_fetch_and_verify_the_sample(program: Program) -> None:
    code, out, err = program("fetch", "sample")
    assert code == 0
    assert "correct" in out
    assert "Fetching sample" in err
    code, out, _ = program("verify", "--json")
    assert code == 0
    (row,) = json.loads(out)
    assert (row["dataset"], row["state"], row["n"]) == ("sample", "correct", 8)
    assert row["checked"] == "every file"


def test_verify_lists_every_bad_file(program: Program, folders: tuple[Path, Path]) -> None:
    lr, hr = folders
    (hr / "a.png").unlink()
    Image.new("RGB", (9, 9)).save(lr / "b.png")
    code, out, err = program("verify", f"folder:mine={lr},{hr}")
    assert code == 3
    assert "wrong" in out
    assert "mine: lr/a.png: has no HR image of its name" in err
    assert "mine: hr/b.png: is 32x32, not 36x36" in err
    code, out, err = program("verify", f"folder:mine={lr},{hr}", "--json")
    assert code == 3
    assert [problem["file"] for problem in json.loads(out)[0]["problems"]] == [
        "hr/b.png",
        "lr/a.png",
    ]


def test_sets_without_a_manifest_say_so(program: Program, folders: tuple[Path, Path]) -> None:
    code, out, _ = program("verify", f"folder:{folders[0]}")
    assert code == 0
    assert "names and sizes" in out
    place = locate("reallq250")
    place.root.mkdir(parents=True)
    place.lr.symlink_to(folders[0])
    code, out, err = program("verify", "reallq250")
    assert code == 3
    assert "no official manifest is known" in out
    assert "3 LR images where 250 belong" in err


def test_missing_sets_do_not_hide_the_others(program: Program) -> None:
    code, out, err = program("verify", "reallq250,sample", "--json")
    assert code == 3
    states = {row["dataset"]: row["state"] for row in json.loads(out)}
    assert states == {"reallq250": "missing", "sample": "correct"}
    assert "https://drive.google.com/" in err


def test_verify_without_names_takes_what_is_here(program: Program) -> None:
    code, out, _ = program("verify", "--json")
    assert code == 0
    assert [row["dataset"] for row in json.loads(out)] == ["sample"]


def test_unknown_names_get_neighbours(program: Program) -> None:
    code, _, err = program("fetch", "realsrr")
    assert code == 2
    assert "Did you mean 'realsr'" in err


def test_where_names_every_place(program: Program) -> None:
    code, out, _ = program("where", "--json")
    assert code == 0
    rows = {row["dataset"]: row for row in json.loads(out)}
    assert rows["realsr"]["lr"].endswith("/datasets/realsr/lr")
    assert rows["reallq250"]["hr"] is None
    assert rows["sample"]["here"]
    assert not rows["realsr"]["here"]
    code, out, _ = program("where", "realsr")
    assert "/datasets/realsr/hr" in out


def test_an_archive_goes_with_one_set(program: Program, tmp_path: Path) -> None:
    code, _, err = program("fetch", "reallq250,reallr200", "--archive", str(tmp_path / "x.zip"))
    assert code == 2
    assert "--archive goes with one data set" in err
    code, _, err = program("fetch", "reallq250", "--archive", str(tmp_path / "x.zip"))
    assert code == 3
    assert "No such archive" in err


def test_make_refuses_what_is_not_made_and_wrong_folders(
    program: Program, folders: tuple[Path, Path]
) -> None:
    code, _, err = program("make", "realsr", "--hr", str(folders[1]))
    assert code == 2
    assert "mfsr-bench datasets fetch realsr" in err
    code, _, err = program("make", "div2k-val", "--hr", str(folders[1]))
    assert code == 3
    assert "lacks 100 of the 100 DIV2K validation images: 0801, 0802, 0803 and 97 more" in err


def test_a_made_set_is_fetched_unpacked_and_made(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(DIV2K_VAL, n=2, lr_size=(16, 16))
    monkeypatch.setattr(registry, "dataset_cards", lambda: {small.id: small})
    monkeypatch.setattr(making, "CROP", 64)
    monkeypatch.setattr(making, "ORIGINALS", ("0801", "0802"))
    with zipfile.ZipFile(tmp_path / "DIV2K_valid_HR.zip", "w") as archive:
        for name in ("0801", "0802"):
            Image.effect_noise((80, 70), 60).save(tmp_path / "x.png")
            archive.write(tmp_path / "x.png", f"DIV2K_valid_HR/{name}.png")
    arguments = ("fetch", "div2k-val", "--archive", str(tmp_path / "DIV2K_valid_HR.zip"))
    code, out, err = program(*arguments)
    assert code == 0
    assert "every file" in out
    assert "Making div2k-val: 2 of 2" in err
    root = locate("div2k-val").root
    assert {entry.name for entry in root.parent.iterdir()} == {"div2k-val"}
    code, out, err = program(*arguments)
    assert (code, err) == (0, "")


def test_without_a_connection_all_sets_fail_at_once(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def connect(server: tuple[str, int], timeout: float) -> None:
        tried.append(server)
        time.sleep(1)
        raise TimeoutError

    monkeypatch.setattr(reach, "getproxies", dict)
    monkeypatch.setattr(reach.socket, "create_connection", connect)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("requests.Session.request", lambda *_, **__: pytest.fail("was asked"))
    begun = time.monotonic()
    code, _, err = program("fetch", "realsr,drealsr,div2k-val,div2k-bicubic,div2k-val-3k")
    assert time.monotonic() - begun < 4
    assert len(tried) == len(set(tried)) >= 2
    assert code == 3
    assert err.count("Check the connection and repeat the command.") == 5
