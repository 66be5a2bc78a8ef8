"""Weight files that are not what they should be: one error before anything is computed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from program import Program

from benchmarks.api import paths
from benchmarks.api.card import MethodCard, WeightFile
from benchmarks.api.weights import WeightStore

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 686000000\n"


def whole(gain: float, *, new: bool = True) -> bytes:
    """Return a file of the method `weighted`."""
    path = paths.weights() / "whole.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"gain": torch.full((1000,), gain)}, path, _use_new_zipfile_serialization=new)
    return path.read_bytes()


def put(owner: str, name: str, content: bytes) -> Path:
    path = paths.weights() / owner / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def run(program: Program, photos: Path, out: Path, method: str = "weighted"):
    folder = f"folder:{photos}/lr::{photos}/hr"
    words = ("--methods", method, "--datasets", folder, "--metrics", "psnr@rgb", "--out", out)
    return program("run", *words)


DAMAGED = {
    "pointer": (POINTER, "git lfs pull"),
    "page": (b"<!DOCTYPE html><title>Google Drive - Quota exceeded</title>", "is a web page"),
    "code": (pickle.dumps({"gain": print}), "torch.save"),
    "cut": (b"PK\x03\x04 the rest did not arrive", "is cut short"),
    "empty": (b"", "is empty"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_every_command_says_what_lies_there(
    program: Program, photos: Path, tmp_path: Path, case: str
) -> None:
    content, says = DAMAGED[case]
    path = put("ctmsr", "CTMSR.pth", content)
    for words, code in (
        (("weights", "list", "ctmsr"), 0),
        (("weights", "verify", "ctmsr"), 4),
        (("weights", "fetch", "ctmsr", "--accept-licence"), 4),
        (("bench", "--methods", "ctmsr", "--out", tmp_path / "bench"), 4),
        (("doctor",), 1),
    ):
        answer = program(*words)
        said = " ".join((answer.stdout + answer.stderr).split())
        assert answer.returncode == code, (words, said)
        assert says in said, words
        assert "weights_only" not in said
    (listed,) = json.loads(program("weights", "list", "ctmsr", "--json").stdout)
    assert listed["state"] == "corrupt"
    refused = run(program, photos, tmp_path / "run", "ctmsr")
    assert refused.returncode == 4
    assert says in " ".join(refused.stderr.split())
    assert not (tmp_path / "run").exists()
    assert path.read_bytes() == content


def test_a_file_that_only_loading_shows_to_be_damaged_is_one_error(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    """An old torch file that lacks its end; then the right one, in the same run directory."""
    put("weighted", "net.v2.pt", whole(0.5, new=False)[:-2000])
    refused = run(program, photos, tmp_path / "run")
    assert refused.returncode == 4
    assert refused.stderr.count("net.v2.pt cannot be read") == 1
    assert "weights_only" not in refused.stderr
    put("weighted", "net.v2.pt", whole(0.5))
    assert run(program, photos, tmp_path / "run").returncode == 0


def test_a_replaced_file_is_refused_by_its_hash_once_it_has_made_an_image(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    put("weighted", "net.v2.pt", whole(0.5))
    assert run(program, photos, tmp_path / "run").returncode == 0
    put("weighted", "net.v2.pt", whole(0.25))
    refused = run(program, photos, tmp_path / "run")
    assert refused.returncode == 6
    said = " ".join(refused.stderr.split())
    assert "weights, net.v2.pt" in said
    assert "null" not in said


def test_a_card_with_a_hash_holds_for_a_run_too(
    program: Program, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fakes

    (weight,) = fakes.Weighted.card.weights
    assert isinstance(weight, WeightFile)
    known = WeightFile(
        name=weight.name, licence="MIT", page="https://x.example", sha256_prefix="0" * 8
    )
    card = MethodCard(name="weighted", title="Weighted", weights=(known,))
    monkeypatch.setattr(fakes.Weighted, "card", card)
    put("weighted", "net.v2.pt", whole(0.5))
    assert WeightStore().status("weighted", known).state == "present"
    refused = run(program, photos, tmp_path / "run")
    assert refused.returncode == 4
    assert "was expected" in refused.stderr
