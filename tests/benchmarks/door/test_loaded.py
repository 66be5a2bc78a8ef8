"""Methods and metrics as functions: the same kind out as in, the same numbers as a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import costs
import fakes
import numpy as np
import pytest
import torch
from PIL import Image

import benchmarks as mb
from benchmarks import registry
from benchmarks.api.errors import (
    ConfigError,
    ImageError,
    ScoreError,
    UnknownNameError,
    UsageError,
    WeightsMissingError,
)
from benchmarks.api.images import read_rgb, to_tensor, write_png
from benchmarks.engine.batches import Shard
from benchmarks.engine.restore import Restored, restore
from benchmarks.metrics.psnr import psnr


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    real, ours = registry.restorer, {"fake": fakes.Fake, "costs": costs.Costs}
    monkeypatch.setattr(registry, "restorer", lambda name: ours.get(name) or real(name))
    monkeypatch.setattr(registry, "prompt_extractor", lambda kind: costs.Tagger)


@pytest.fixture
def lr(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
    write_png(tmp_path / "lr.png", pixels)
    return tmp_path / "lr.png"


def kinds(path: Path) -> dict[str, Any]:
    pixels = read_rgb(path)
    return {
        "path": path,
        "text": str(path),
        "PIL": Image.fromarray(pixels),
        "array": pixels,
        "tensor": to_tensor(pixels),
        "half": to_tensor(pixels).half(),
    }


def pixels(image: Any) -> np.ndarray:
    if isinstance(image, torch.Tensor):
        return (image * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
    return np.asarray(image)


@pytest.mark.parametrize("kind", ["path", "text", "PIL", "array", "tensor"])
def test_the_same_kind_comes_out_and_the_same_image(lr: Path, kind: str) -> None:
    sr = mb.load("fake", device="cpu")(kinds(lr)[kind], seed=7)
    expected = {"array": np.ndarray, "tensor": torch.Tensor}.get(kind, Image.Image)
    assert isinstance(sr, expected)
    whole = mb.load("fake", device="cpu")(kinds(lr)["array"], seed=7)
    np.testing.assert_array_equal(pixels(sr), whole)


def test_the_seed_of_a_runs_image_gives_that_image(lr: Path, tmp_path: Path) -> None:
    from benchmarks.api.restorer import LRFile
    from benchmarks.methods import resolve

    file = LRFile(id="x", path=lr, seed=12345)
    shard = Shard(method=resolve("fake"), dataset="d", images=(file,), run=tmp_path / "run", seed=1)
    ((outcome,)) = restore([[shard]], ["cpu"], inline=True)
    assert isinstance(outcome, Restored)
    saved = read_rgb(next((tmp_path / "run").rglob("*.png")))
    loaded = mb.load("fake", device="cpu")
    np.testing.assert_array_equal(loaded(read_rgb(lr), seed=outcome.image.seed), saved)
    assert (loaded(read_rgb(lr), seed=outcome.image.seed + 1) != saved).any()


def test_batches_are_their_images_with_seeds_that_count_on(lr: Path) -> None:
    loaded = mb.load("fake", device="cpu")
    one = kinds(lr)
    first, second = (loaded(one["array"], seed=seed) for seed in (3, 4))
    array = loaded(np.stack([one["array"]] * 2), seed=3)
    tensor = loaded(torch.stack([one["tensor"]] * 2), seed=3)
    mixed = loaded([one["path"], one["tensor"]], seed=3)
    assert array.shape == (2, 24, 36, 3)
    assert tensor.shape == (2, 3, 24, 36)
    assert isinstance(mixed, list)
    for images in (array, tensor, mixed):
        np.testing.assert_array_equal(pixels(images[0]), first)
        np.testing.assert_array_equal(pixels(images[1]), second)


def test_prompts_are_extracted_or_given(lr: Path) -> None:
    loaded = mb.load("costs", device="cpu")
    loaded(lr)
    loaded([lr, lr], prompt="a harbour")
    loaded([lr, lr], prompt=["one", "two"])
    seen = [prompts for (prompts,) in loaded._restorer.prompts]  # type: ignore[attr-defined]
    assert seen[0].startswith("brightness")
    assert seen[1:] == ["a harbour", "a harbour", "one", "two"]
    with pytest.raises(UsageError, match="1 prompts were given for 2 images"):
        loaded([lr, lr], prompt=["one"])
    loaded.close()


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((4, 4), np.uint8), "uint8 \\(4, 4\\)"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((0, 4, 3), np.uint8), "\\(0, 4, 3\\)"),
        (torch.zeros(4, 4, 3), "\\(4, 4, 3\\)"),
        (torch.full((3, 4, 4), 2.0), "lies in \\[0, 1\\]"),
        (torch.full((3, 4, 4), float("nan")), "lies in \\[0, 1\\]"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "int64"),
        (Image.new("CMYK", (4, 4)), "mode CMYK"),
        (Image.new("RGBA", (4, 4)), "mode RGBA"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_image_is_refused(image: Any, says: str) -> None:
    for what in (mb.load("fake", device="cpu"), mb.metric("niqe", device="cpu")):
        with pytest.raises(ConfigError, match=says):
            what(image)


def test_what_cannot_be_loaded_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'bicubic'"):
        mb.load("bicubc", device="cpu")
    with pytest.raises(WeightsMissingError, match="weights fetch"):
        mb.load("osediff", device="cpu")
    with pytest.raises(WeightsMissingError, match="weights fetch"):
        mb.metric("lpips", device="cpu")
    with pytest.raises(UsageError, match="restores whole data sets"):
        mb.load(f"precomputed:X={tmp_path}", device="cpu")
    with pytest.raises(ImageError, match="No such image"):
        mb.load("fake", device="cpu")(tmp_path / "none.png")


def test_a_metric_is_the_same_number_for_every_kind(lr: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    write_png(other, 255 - read_rgb(lr))
    metric = mb.metric("psnr@rgb", device="cpu")
    expected = psnr(read_rgb(lr), read_rgb(other), "rgb")
    found = [metric(one, two) for one, two in zip(
        kinds(lr).values(), kinds(other).values(), strict=True
    )]  # fmt: skip
    assert found == [expected] * len(found)
    batch = metric(np.stack([read_rgb(lr)] * 2), [other, lr])
    assert batch.tolist() == [expected, 80.0]
    with pytest.raises(UsageError, match="compares with a reference"):
        metric(lr)
    with pytest.raises(UsageError, match="2 SR images came with 1"):
        metric([lr, lr], [other])
    with pytest.raises(ImageError, match="SR is 9 x 6 where HR is 6 x 6"):
        metric(lr, read_rgb(lr)[:, :6])


def test_folders_are_scored_by_name_or_not_at_all(lr: Path, tmp_path: Path) -> None:
    for side in ("sr", "hr"):
        for name in ("a", "b"):
            write_png(tmp_path / side / f"{name}.png", read_rgb(lr))
    metric = mb.metric("psnr@rgb", device="cpu")
    assert metric(tmp_path / "sr", tmp_path / "hr").to_dict() == {"a": 80.0, "b": 80.0}
    write_png(tmp_path / "sr" / "b.png", read_rgb(lr)[:4])
    with pytest.raises(ScoreError, match="No psnr@rgb of 'b'"):
        metric(tmp_path / "sr", tmp_path / "hr")
    frame = mb.score(tmp_path / "sr", tmp_path / "hr", metrics="psnr@rgb", workers=0, quiet=True)
    assert frame["psnr@rgb"].isna().to_dict() == {"a": False, "b": True}
    assert "SR is 9 x 4" in frame.attrs["failures"]["b"]


def test_importing_the_door_imports_nothing_heavy() -> None:
    code = (
        "import sys, benchmarks as mb; names = dir(mb)\n"
        "assert {'load', 'metric', 'run', 'score', 'Results'} <= set(names)\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pydantic', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
