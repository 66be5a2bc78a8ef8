from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import small_networks as small
import torch

from baselines.tsdsr import restorer, weights
from baselines.tsdsr.restorer import TSDSR, TSDSRMSE
from benchmarks import registry
from benchmarks.api.errors import WeightsGatedError, WeightsMissingError
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
Load = Callable[..., TSDSR]


@pytest.fixture
def small_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images of 16 pixels through as they are: the rest of the way is the same and quick."""
    monkeypatch.setattr(restorer, "_MINIMUM", 8)


def _batch(*images: torch.Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


@pytest.mark.parametrize(
    ("name", "size", "fix"),
    [("adain", (128, 129), "adain"), ("small", (60, 50), "wavelet"), ("tiled", (136, 160), "none")],
)
def test_the_program_gives_the_official_pixels(
    load: Load, name: str, size: tuple[int, int], fix: str
) -> None:
    """From LR file to result: odd sides and AdaIN, a small image and wavelets, and tiles."""
    method = load(options=(("colour-fix", fix),))
    sr = method.restore(_batch(small.lr_picture(*size)))[0] * 255
    # Where a value lies on the border of two grey levels, a rounding error becomes a level.
    small.assert_golden(GOLDEN, f"program_{name}", sr.round(), atol=2)
    assert abs(float(sr.mean()) - GOLDEN[f"program_{name}"]["mean_abs"]) < 0.01


def test_the_parts_of_the_way_are_measured(load: Load, small_minimum: None) -> None:
    method = load()
    method.pop_stages()
    method.restore(_batch(small.lr_picture(16, 16)))
    assert set(method.pop_stages()) == {"vae", "network"}


def test_truncation_is_mended_unless_upstream_is_wanted(load: Load, small_minimum: None) -> None:
    batch = _batch(small.lr_picture(16, 24))
    mended, faithful = (load(mended=m).restore(batch) for m in (True, False))
    assert torch.equal((faithful * 255).round() / 255, faithful)
    assert not torch.equal((mended * 255).round() / 255, mended)
    assert 0.2 < float((mended - faithful).mean()) * 255 < 1.1


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load, small_minimum: None) -> None:
    first, second = small.lr_picture(16, 24), small.lr_picture(16, 24).flip(1)
    method = load(mended=True)
    both = method.restore(_batch(first, second))
    alone = method.restore(_batch(second, seeds=(8,)))
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert torch.equal(alone, method.restore(_batch(second, seeds=(8,))))
    assert not torch.equal(alone, method.restore(_batch(second, seeds=(9,))))


def test_offloading_changes_nothing(load: Load, small_minimum: None) -> None:
    batch = _batch(small.lr_picture(16, 16))
    assert torch.equal(load().restore(batch), load(offload=True).restore(batch))


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_half_precision_stays_close(load: Load, small_minimum: None, dtype: Any) -> None:
    batch = _batch(small.lr_picture(16, 16))
    full, half = (load(dtype=name).restore(batch) for name in ("fp32", dtype))
    assert half.dtype == torch.float32
    assert 0 < float((full - half).abs().mean()) < 0.03


def test_updates_beside_the_weights_give_the_same_image(load: Load, small_minimum: None) -> None:
    batch = _batch(small.lr_picture(16, 16))
    beside = load(mended=True, options=(("lora", "beside"),))
    torch.testing.assert_close(
        beside.restore(batch), load(mended=True).restore(batch), rtol=0, atol=1e-4
    )


def test_the_benchmarks_release_has_adain_and_shares_the_base(load: Load) -> None:
    assert load(TSDSRMSE)._colour_fix == "adain"
    assert load()._colour_fix == "wavelet"
    store = WeightStore(Path("/w"))
    for kind, folder in ((TSDSR, "tsdsr"), (TSDSRMSE, "tsdsr-mse")):
        places = {store.place(kind.card.name, weight) for weight in kind.card.weights}
        assert places == {
            Path("/w") / folder / "transformer.safetensors",
            Path("/w") / folder / "vae.safetensors",
            Path("/w/tsdsr/stable-diffusion-3-medium"),
            Path("/w/tsdsr/prompt_embeds.pt"),
            Path("/w/tsdsr/pool_embeds.pt"),
        }


@pytest.mark.parametrize(
    ("lr", "size"),
    [
        ((128, 128), (512, 512)),
        ((128, 129), (512, 512)),  # 516 is no multiple of 8
        ((60, 50), (608, 512)),  # 153.6 is cut to 153, 612 to 608
        ((127, 300), (512, 1208)),
        ((256, 130), (1024, 520)),
    ],
)
def test_the_size_that_the_network_sees(lr: tuple[int, int], size: tuple[int, int]) -> None:
    assert TSDSR._working_size(*lr) == size


def test_missing_weights_say_where_they_are(store: SimpleNamespace, tmp_path: Path) -> None:
    runtime = Runtime(card=TSDSR.card.with_weights_for({}), weights=WeightStore(tmp_path))
    with pytest.raises(WeightsMissingError) as caught:
        runtime.weight("transformer.safetensors")
    assert "https://drive.google.com/drive/folders/" in caught.value.remedy
    assert "checkpoint/tsdsr/transformer.safetensors" in caught.value.remedy
    assert str(tmp_path / "tsdsr/transformer.safetensors") in caught.value.remedy
    with pytest.raises(WeightsGatedError, match="Stability") as gated:
        runtime.weight(weights.SD3.name)
    assert "https://huggingface.co/stabilityai/stable-diffusion-3-medium" in gated.value.remedy


def test_an_encoded_prompt_needs_the_text_encoders_and_no_files() -> None:
    names = [weight.name for weight in TSDSR.card.with_weights_for({"prompt": "encoded"}).weights]
    assert names == ["stable-diffusion-3-medium", "transformer.safetensors", "vae.safetensors"]
    (base,) = TSDSR.card.with_weights_for({"prompt": "encoded"}).weights[:1]
    assert "text_encoder_3/config.json" in base.files  # type: ignore[union-attr]


def test_the_prompt_is_encoded_where_asked(
    monkeypatch: pytest.MonkeyPatch, load: Load, store: SimpleNamespace, small_minimum: None
) -> None:
    """The encoders are asked for upstream's prompt, and what they answer reaches the network."""
    from baselines.sd3.text import SD3TextEncoders

    asked = []

    def embed(self: SD3TextEncoders, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        asked.extend(prompts)
        files = ("prompt_embeds.pt", "pool_embeds.pt")
        text, pooled = (torch.load(store.root / "tsdsr" / name) for name in files)
        return text, pooled

    monkeypatch.setattr(SD3TextEncoders, "embed", embed)
    monkeypatch.setattr(Runtime, "weight", lambda self, name: store.root / "tsdsr" / name)
    batch = _batch(small.lr_picture(16, 16))
    encoded = load(options=(("prompt", "encoded"),))
    assert torch.equal(encoded.restore(batch), load().restore(batch))
    assert len(asked) == 1
    assert asked[0].startswith("Cinematic, High Contrast, highly detailed, taken using a Canon")
    assert "32k, Color Grading, ultra HD, extrememeticulous detailing, skin pore" in asked[0]


@pytest.mark.parametrize("name", ["tsdsr", "tsdsr-mse"])
def test_the_methods_are_registered(name: str) -> None:
    assert registry.restorer(name).card.name == name


@pytest.mark.parametrize("name", ["tsdsr", "tsdsr-mse"])
def test_first_contact(rehearse: Any, load: Any, name: str) -> None:
    rehearse.method(name, load.root)
