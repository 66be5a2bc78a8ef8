"""Against the official pipelines (Adam-duan/DiT4SR at 7ec9e5e), run as test_wollava.py runs them.

golden.json: 4 steps, guidance 8, both pipelines, on the networks of small_sd3, float32; latents
before decoding and the pixels of the final file, untiled with AdaIN and tiled with wavelets.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines.dit4sr import inference, restorer
from baselines.dit4sr.field import Condition
from baselines.dit4sr.prompts import DIT4SR_NEGATIVE
from baselines.dit4sr.releases import SD35
from baselines.dit4sr.restorer import DiT4SRReleased, prompt_of
from baselines.llava.sentences import drop_focus_sentences
from baselines.sd3.noise_levels import shifted_sigmas
from benchmarks import registry
from benchmarks.api.errors import ConfigError, WeightsGatedError, WeightsMissingError
from benchmarks.api.restorer import LRBatch, LRFile, Runtime
from benchmarks.api.tiling import Tile, Tiling
from benchmarks.api.weights import WeightStore

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
Load = Callable[..., DiT4SRReleased]
LR = small.lr_picture(32, 32)


def _batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8), **changes: Any) -> LRBatch:
    count = len(images)
    given = {"prompts": ("A cat.", "A dog.")[:count], **changes}
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count], **given)


@pytest.mark.parametrize(("variant", "key"), [("q", "noise"), ("r1", "lr")])
@pytest.mark.parametrize(
    ("case", "size", "fix"), [("square", (32, 32), "adain"), ("tiled", (36, 50), "wavelet")]
)
def test_the_program_gives_the_official_latents_and_pixels(
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
    variant: str,
    key: str,
    case: str,
    size: tuple[int, int],
    fix: str,
) -> None:
    found: list[Tensor] = []
    run = inference.restore_latent

    def tapped(*args: Any, **kwargs: Any) -> Tensor:
        found.append(run(*args, **kwargs))
        return found[-1]

    monkeypatch.setattr(inference, "restore_latent", tapped)
    method = load(options=(("colour-fix", fix), ("variant", variant)))
    sr = method.restore(_batch(small.lr_picture(*size)), steps=4)[0] * 255
    small.assert_golden(GOLDEN, f"{key}_{case}_z", found[0], atol=1e-4)
    # Where a value lies on the border of two grey levels, a rounding error becomes a level.
    small.assert_golden(GOLDEN, f"{key}_{case}_program", sr.round(), atol=1)
    assert abs(float(sr.mean()) - GOLDEN[f"{key}_{case}_program"]["mean_abs"]) < 0.01


def test_the_golden_values_tell_the_variants_apart() -> None:
    for case in ("square", "tiled"):
        one, other = (torch.tensor(GOLDEN[f"{k}_{case}_z"]["sample"]) for k in ("noise", "lr"))
        assert float((one - other).abs().max()) > 5e-3


def test_the_schedule_is_upstreams() -> None:
    sigmas = shifted_sigmas(40, restorer.SHIFT)
    expected = [1.0, 0.99133, 0.98236, 0.14651, 0.08105, 0.00893, 0.0]
    assert [*sigmas[:3], *sigmas[-4:]] == pytest.approx(expected, abs=5e-6)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    method, other = load(mended=True), LR.flip(1)
    both = method.restore(_batch(LR, other), steps=2)
    assert both.shape == (2, 3, 128, 128)
    alone = method.restore(_batch(other, seeds=(8,), prompts=("A dog.",)), steps=2)
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=1e-4)
    assert set(method.pop_stages()) == {"text", "vae", "network"}
    for changed in ({"seeds": (9,)}, {"prompts": ("A cat.",)}):
        found = method.restore(
            _batch(other, **{"seeds": (8,), "prompts": ("A dog.",), **changed}), steps=2
        )
        assert not torch.equal(found, alone)


class Twice(Tiling):
    """Two tiles, each as large as the latent."""

    def grid(self, height: int, width: int) -> tuple[Tile, ...]:
        return (Tile(y=0, x=0, height=height, width=width),) * 2


def test_tiles_that_overlap_wholly_change_nothing(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load(mended=True).restore(_batch(LR), steps=2)
    monkeypatch.setattr(restorer, "TILING", Twice(tile=16, overlap=15))
    torch.testing.assert_close(
        load(mended=True).restore(_batch(LR), steps=2), whole, rtol=0, atol=1e-4
    )


def test_mended_both_branches_see_one_sample(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    same: list[bool] = []
    run = inference.restore_latent

    def tapped(velocity: Any, eps: Tensor, c: Condition, *args: Any, **kwargs: Any) -> Tensor:
        same.append(torch.equal(c.z_lr, kwargs["other"].z_lr))
        return run(velocity, eps, c, *args, **kwargs)

    monkeypatch.setattr(inference, "restore_latent", tapped)
    mended, faithful = (load(mended=m).restore(_batch(LR), steps=2) for m in (True, False))
    assert same == [True, False]
    assert not torch.equal(mended, faithful)
    assert torch.equal((faithful * 255).round() / 255, faithful)
    assert not torch.equal((mended * 255).round() / 255, mended)


def test_offloading_changes_nothing(load: Load) -> None:
    found = [load(offload=flag).restore(_batch(LR), steps=2) for flag in (False, True)]
    assert torch.equal(*found)


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_half_precision_stays_close(load: Load, dtype: Any) -> None:
    full, half = (load(dtype=name).restore(_batch(LR), steps=2) for name in ("fp32", dtype))
    assert 0 < float((full - half).abs().mean()) < 0.05


def test_without_guidance_the_negative_prompt_is_not_used(load: Load) -> None:
    """At scale 1 the result does not depend on the other branch; at 8 it does."""
    plain, guided = (
        load(options=(("guidance", scale),)).restore(_batch(LR), steps=2) for scale in ("1", "8.0")
    )
    assert not torch.equal(plain, guided)
    for text, says in (("0.5", "guidance is 0.5"), ("much", "not a number")):
        with pytest.raises(ConfigError, match=says):
            load(options=(("guidance", text),))


def test_all_prompts_are_encoded_before_the_first_image(load: Load) -> None:
    method, texts = load(), load.texts  # type: ignore[attr-defined]
    texts.asked.clear()
    texts.known.clear()
    moved: list[str] = []
    method._network.to = moved.append  # type: ignore[method-assign,assignment]
    files = [
        LRFile(id=name, path=Path(name), seed=0, prompt=prompt)
        for name, prompt in (("a", "A cat. It is blurred."), ("b", "A dog."), ("c", "A cat."))
    ]
    try:
        method.begin("set", files, seed=0)
        assert moved == ["cpu"]  # the network makes room for the encoders
        method.begin("set", files, seed=0)
        assert moved == ["cpu"]  # and stays where it is when all is known
    finally:
        del method._network.to
    assert sorted(texts.asked) == sorted(
        [prompt_of("A cat."), prompt_of("A dog."), DIT4SR_NEGATIVE]
    )


def test_the_prompts_are_verbatim() -> None:
    assert prompt_of("A cat. The background is blurred. Is it asleep?") == (
        "A cat. Is it asleep? Cinematic, hyper sharpness, highly detailed, perfect without "
        "deformations, camera, hyper detailed photo - realistic maximum detail, 32k, Color "
        "Grading, ultra HD, extreme meticulous detailing, skin pore detailing. "
    )
    assert prompt_of("").startswith(" Cinematic, ")
    assert DIT4SR_NEGATIVE == (
        "motion blur, noisy, dotted, bokeh, pointed, CG Style, 3D render, unreal engine, "
        "blurring, dirty, messy, worst quality, low quality, frames, watermark, signature, "
        "jpeg artifacts, deformed, lowres, chaotic"
    )


@pytest.mark.parametrize(
    ("caption", "kept"),  # by upstream's remove_focus_sentences
    [
        ("", ""),
        ("A cat", "A cat"),
        ("In focus. A cat", "A cat"),
        ("A condensed text! A cat... It POSITIONED itself? Yes.", "A cat... Yes."),
        ("One. Two are prominent. In black and white. A close-up! Three", "One. Three"),
        ("Depth 3.5 m. Wide.", "5 m. Wide."),
    ],
)
def test_sentences_about_focus_are_dropped(caption: str, kept: str) -> None:
    assert drop_focus_sentences(caption) == kept
    assert drop_focus_sentences(kept) == kept


def test_missing_weights_are_told_before_anything_is_computed(tmp_path: Path) -> None:
    card = DiT4SRReleased.card.with_weights_for({"variant": "r1"})
    assert [weight.name for weight in card.weights] == [SD35.name, "dit4sr_r1"]
    runtime = Runtime(card=card, weights=WeightStore(tmp_path), options={"variant": "r1"})
    with pytest.raises(WeightsGatedError, match="are missing: stable-diffusion-3.5") as gated:
        DiT4SRReleased.load(runtime)
    assert "https://huggingface.co/stabilityai/stable-diffusion-3.5-medium" in gated.value.remedy
    with pytest.raises(WeightsMissingError, match=r"weights fetch dit4sr\+variant=r1"):
        runtime.weight("dit4sr_r1")


def test_the_method_is_registered() -> None:
    assert registry.restorer("dit4sr").card.default_steps == 40


@pytest.mark.parametrize("variant", ["q", "f", "r1"])
def test_first_contact(rehearse: Any, load: Any, variant: str) -> None:
    rehearse.method(f"dit4sr@2+variant={variant}", load.root, options=("--prompts", "none"))
