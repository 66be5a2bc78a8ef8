from __future__ import annotations

from pathlib import Path

import pytest
import small_sd3
import torch

from baselines.sd3.text import SD3TextEncoders
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError


class Counted(SD3TextEncoders):
    """Stands in for the encoders: writes the cache, and counts how often they are loaded."""

    loads = 0

    def _compute(self, prompts: list[str]) -> None:  # type: ignore[override]
        from safetensors.torch import save

        from benchmarks.api.images import write_atomic

        self.loads += 1
        for prompt in prompts:
            value = torch.full((3, 2), float(len(prompt)))
            write_atomic(self._place(prompt), save({"text": value, "pooled": value[0].clone()}))


def encoders(folder: Path, cache: Path) -> Counted:
    for part in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part / "model.safetensors").write_bytes(part.encode())
    return Counted(folder, cache=cache)


def test_embeddings_are_computed_once_per_prompt_and_encoder(tmp_path: Path) -> None:
    one = encoders(tmp_path / "sd3", tmp_path / "cache")
    text, pooled = one.embed(["a", "bb", "a"])
    assert text[:, 0, 0].tolist() == [1, 2, 1] and pooled.shape == (3, 2)
    one.embed(["bb"])
    assert one.loads == 1
    again = Counted(tmp_path / "sd3", cache=tmp_path / "cache")
    again.embed(["a", "bb"])
    assert again.loads == 0
    (tmp_path / "sd3" / "text_encoder_3" / "model.safetensors").write_bytes(b"other weights")
    changed = Counted(tmp_path / "sd3", cache=tmp_path / "cache")
    changed.embed(["a"])
    assert changed.loads == 1


def test_missing_encoders_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="No such pipeline folder"):
        SD3TextEncoders(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsCorruptError, match="cannot be read"):
        SD3TextEncoders(tmp_path / "empty", cache=tmp_path).embed(["a"])


def test_the_three_encoders_are_joined_as_sd3_joins_them(tmp_path: Path) -> None:
    small_sd3.write_text(tmp_path / "sd3")
    text, pooled = SD3TextEncoders(tmp_path / "sd3", t5_tokens=9, cache=tmp_path / "cache").embed(
        ["a cat", "a dog"]
    )
    assert text.shape == (2, 77 + 9, 24)
    assert pooled.shape == (2, 8 + 12)
    assert not text[:, :77, 20:].any()  # CLIP's 8 + 12 numbers, completed by zeros
    assert not torch.equal(pooled[0], pooled[1])
