from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmarks.api.errors import DataError
from mfsr.tiny.prompts import POSITIVE, VOCABULARY
from mfsr.training.data import DataConfig, LatentPairs, PhotoPairs, Photos
from mfsr.training.order import Numbers, batches, check_enough, order

WORDS = DataConfig(crop=32, prompts="words", null_share=0.3, negative_share=0.4)


def pairs(photos: Path, config: DataConfig = WORDS, **kwargs: object) -> PhotoPairs:
    found = Photos.find([photos], least=config.crop, limit=0.05)
    return PhotoPairs(found, config, seed=5, **kwargs)  # type: ignore[arg-type]


def test_a_sample_is_its_number(photos: Path) -> None:
    """Sample n is the same whoever asks, whenever, and differs from the others."""
    one, other = pairs(photos), pairs(photos)
    for number in (0, 7, 1000):
        first, second = one[number], other[number]
        assert torch.equal(first["hr"], second["hr"])
        assert torch.equal(first["lr_up"], second["lr_up"])
        assert first["prompt"] == second["prompt"]
    assert not torch.equal(one[0]["hr"], one[6]["hr"])
    sample = one[3]
    assert sample["hr"].shape == sample["lr_up"].shape == (3, 32, 32)
    assert sample["hr"].dtype == torch.float32
    assert sample["hr"].min() >= 0 and sample["hr"].max() <= 1


def test_an_epoch_visits_every_photograph_once() -> None:
    assert sorted(order(1, 10, 0)) == list(range(10))
    assert list(order(1, 10, 0)) != list(order(1, 10, 1))


def test_prompts_are_drawn_in_the_asked_shares(photos: Path) -> None:
    data = pairs(photos)
    prompts = [data[number]["prompt"] for number in range(60)]
    null, positive = prompts.count(""), prompts.count(POSITIVE)
    negative = [p for p in prompts if p not in ("", POSITIVE)]
    assert 8 <= null <= 30 and 8 <= positive <= 30 and 12 <= len(negative) <= 36
    assert {word for prompt in negative for word in prompt.split(", ")} <= set(VOCABULARY)


def test_a_pool_is_made_once_and_then_read(photos: Path, tmp_path: Path) -> None:
    config = replace(WORDS, pool=3, pool_crop=64)
    fresh = pairs(photos, config, pool=tmp_path)
    first = [fresh[number] for number in range(6)]
    assert len(list(tmp_path.iterdir())) == 3
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = pairs(photos, config, pool=tmp_path)
    for number, sample in enumerate(first):
        assert torch.equal(again[number]["hr"], sample["hr"])
        assert torch.equal(again[number]["lr_up"], sample["lr_up"])
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_ranks_and_steps_share_the_numbers_out() -> None:
    def first(count: int, **kwargs: int) -> list[list[int]]:
        numbers = iter(Numbers(batch=2, **kwargs))
        return [next(numbers) for _ in range(count)]

    assert first(3, rank=0, ranks=1, first=0) == [[0, 1], [2, 3], [4, 5]]
    assert first(2, rank=0, ranks=2, first=0) == [[0, 1], [4, 5]]
    assert first(2, rank=1, ranks=2, first=0) == [[2, 3], [6, 7]]
    assert first(1, rank=0, ranks=1, first=2) == [[4, 5]]


def test_workers_give_the_same_batches(photos: Path) -> None:
    data = pairs(photos)
    plain = batches(data, Numbers(batch=2, rank=0, ranks=1, first=1), workers=0)
    worked = batches(data, Numbers(batch=2, rank=0, ranks=1, first=1), workers=1)
    for _ in range(2):
        one, other = next(plain), next(worked)
        assert torch.equal(one["hr"], other["hr"])
        assert one["prompt"] == other["prompt"]


def test_captions_pair_by_stem(photos: Path, tmp_path: Path) -> None:
    config = DataConfig(crop=32, prompts="files", added_prompt="sharp.")
    for path in photos.iterdir():
        (tmp_path / f"{path.stem}.txt").write_text(f"a picture of {path.stem}\n")
    sample = pairs(photos, config, captions=tmp_path)[0]
    assert sample["prompt"].startswith("a picture of ") and sample["prompt"].endswith(" sharp.")
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(DataError, match="has no caption"):
        pairs(photos, config, captions=tmp_path)[0]


def folder_with(tmp_path: Path, good: int, bad: dict[str, bytes]) -> Path:
    for index in range(good):
        pixels = np.full((40, 48, 3), 10 * index, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"good{index}.png")
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_unusable_photographs_are_skipped_and_counted(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, 9, {"broken.png": b"not an image"})
    Image.new("RGB", (20, 200)).save(folder / "narrow.png")
    found = Photos.find([folder], least=32, limit=0.2)
    assert len(found.paths) == 9
    assert sorted(path.name for path in found.skipped) == ["broken.png", "narrow.png"]
    with pytest.raises(DataError, match="2 of 11 photographs"):
        Photos.find([folder], least=32, limit=0.1)


def test_a_photograph_damaged_behind_its_header_is_replaced(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, 9, {})
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    Image.fromarray(noise).save(folder / "cut.png")
    content = (folder / "cut.png").read_bytes()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    config = DataConfig(crop=32, prompts="none", unreadable_limit=0.2)
    data = pairs(folder, config)
    assert all(data[number]["hr"].shape == (3, 32, 32) for number in range(10))
    assert {path.name for path in data.unreadable} == {"cut.png"}
    strict = pairs(folder, replace(config, unreadable_limit=0.05))
    with pytest.raises(DataError, match="1 photographs cannot be read"):
        [strict[number] for number in range(10)]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No photographs"):
        Photos.find([tmp_path], least=32, limit=0.05)
    with pytest.raises(DataError, match="No safetensors"):
        LatentPairs([tmp_path], seed=0)


def test_latents_are_read_by_name(tmp_path: Path) -> None:
    whole = {key: torch.full((2, 2), float(i)) for i, key in enumerate(LatentPairs.KEYS)}
    save_file(whole, tmp_path / "a.safetensors")
    sample = LatentPairs([tmp_path], seed=0)[4]
    assert torch.equal(sample["z_lr"], whole["z_lr"])
    check_enough(LatentPairs([tmp_path], seed=0), 1)
    save_file({"x": whole["x"]}, tmp_path / "a.safetensors")
    with pytest.raises(DataError, match="no tensor 'z_lr'"):
        LatentPairs([tmp_path], seed=0)[0]


@pytest.mark.parametrize(
    "wrong", [{"crop": 30}, {"pool": 4, "crop": 512}, {"negative_share": 0.1, "prompts": "none"}]
)
def test_impossible_configurations_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        DataConfig(**wrong)  # type: ignore[arg-type]


def test_the_camera_degradation_is_the_milder_one(photos: Path) -> None:
    def error(config: DataConfig) -> float:
        data = pairs(photos, replace(config, null_share=0.0, negative_share=0.0))
        samples = [data[number] for number in range(12)]
        return float(np.mean([(s["hr"] - s["lr_up"]).square().mean() for s in samples]))

    mild = replace(WORDS, degradation="camera", sharpen_target=False)
    assert 0 < error(mild) < 0.8 * error(replace(WORDS, sharpen_target=False))
