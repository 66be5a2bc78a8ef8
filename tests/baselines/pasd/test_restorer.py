from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import official
import pytest
import small_networks as small
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, Resize

from baselines.pasd import restorer
from baselines.pasd.restorer import ADDED, NEGATIVE, PASD, prompt_of, working_size
from benchmarks.api.errors import ConfigError, WeightsMissingError
from benchmarks.api.images import to_tensor
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore

GOLDEN = official.read(Path(__file__).parent / "golden.json")
SOURCE = small.lr_picture(128, 192)[None]
Load = Callable[..., Any]


@pytest.fixture(autouse=True)
def _official_text(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the golden runs the golden file's embeddings of the prompts."""
    if "golden" in request.node.name:
        text = tuple(official.noise(f"pasd.{name}", 1, 77, 32) for name in ("neg", "pos"))
        monkeypatch.setattr(PASD, "_embed", lambda *_: text)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, Tensor]]:
    """Latents and eps of each step."""
    found: list[tuple[Tensor, Tensor]] = []
    actual = PASD._predictor

    def spy(self: PASD, *given: Any) -> Any:
        predict = actual(self, *given)

        def spied(z: Tensor, timestep: int) -> Tensor:
            eps = predict(z, timestep)
            found.append((z, eps))
            return eps

        return spied

    monkeypatch.setattr(PASD, "_predictor", spy)
    return found


def test_five_golden_steps(load: Load, calls: list[tuple[Tensor, Tensor]]) -> None:
    method = load()
    with torch.inference_mode():
        z = method._sample(SOURCE, ("",), official.named_draws("pasd.draw", 1, 4, 16, 24), 5)
        image = method._decode(z)[0]
    timesteps = GOLDEN["run"]["timesteps"]
    before = [z for z, _ in calls]
    official.assert_golden(GOLDEN, "run.z_T", before[0], 1e-5)
    for timestep, after, (_, eps) in zip(timesteps, [*before[1:], z], calls, strict=True):
        official.assert_golden(GOLDEN, f"run.eps_cfg.t{timestep}", eps, 1e-4)
        official.assert_golden(GOLDEN, f"run.z_after.t{timestep}", after, 1e-4)
    official.assert_golden(GOLDEN, "run.image", image, 1e-4)


def test_golden_tiles(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restorer, "TILING", Tiling(tile=12, overlap=4))
    method = load()
    with torch.inference_mode():
        draw = official.named_draws("pasd.draw", 1, 4, 16, 24)
        z = method._start(SOURCE, draw, GOLDEN["run"]["timesteps"])
        eps = method._predictor(method._embed(), SOURCE)(z, 999)
    official.assert_golden(GOLDEN, "tiled.eps_cfg.first", eps, 1e-4)


def test_the_golden_start_of_the_table(load: Load) -> None:
    method = load(options=(("start", "table"),))
    timesteps = GOLDEN["run"]["timesteps"]
    with torch.inference_mode():
        draw = official.named_draws("pasd.draw", 1, 4, 16, 24)
        official.assert_golden(GOLDEN, "z_lq", method._encode(SOURCE, draw()), 1e-5)
        draw = official.named_draws("pasd.draw", 1, 4, 16, 24)
        z = method._start(SOURCE, draw, timesteps)
    official.assert_golden(GOLDEN, "start.table", z, 1e-5)


def test_the_start_is_what_diffusers_own_scheduler_makes_of_it(load: Load) -> None:
    method, draw = load(), official.named_draws("pasd.draw", 1, 4, 16, 24)
    scheduler = restorer.scheduler_of(20)
    timesteps = scheduler.timesteps.tolist()
    assert timesteps[:3] == [999, 949, 899]
    with torch.inference_mode():
        found = method._start(SOURCE, draw, timesteps)
        draw = official.named_draws("pasd.draw", 1, 4, 16, 24)
        z = method._encode(SOURCE, draw())
        for timestep in (999, restorer.SECOND_NOISE):
            z = scheduler.add_noise(z, draw(), torch.tensor([timestep]))
    torch.testing.assert_close(found, z)


@pytest.mark.parametrize(("height", "width"), [(128, 128), (1, 1), (31, 57), (300, 200)])
def test_the_working_image_is_the_official_ones(load: Load, height: int, width: int) -> None:
    lr = small.lr_picture(height, width)
    picture = Image.fromarray((lr * 255).round().byte().permute(1, 2, 0).numpy())
    picture = picture.resize((picture.width * 4, picture.height * 4))
    if min(picture.size) < 768:
        picture = Resize(768, interpolation=InterpolationMode.BILINEAR)(picture)
    picture = picture.resize((picture.width // 8 * 8, picture.height // 8 * 8))
    found = load()._enlarge(lr)
    assert working_size(height, width, 768)[-1] == found.shape[-2:]
    assert torch.equal(found, to_tensor(np.asarray(picture)))


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8), **changes: Any) -> LRBatch:
    count = len(images)
    given = {"prompts": ("a cat", "a tree")[:count], **changes}
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count], **given)


SMALL = (("process-size", "64"),)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    first, second = small.lr_picture(16, 23), small.lr_picture(16, 23).flip(1)
    method = load(options=SMALL)
    both = method.restore(batch(first, second), steps=2)
    alone = method.restore(batch(second, seeds=(8,), prompts=("a tree",)), steps=2)
    assert both.shape == (2, 3, 64, 92)
    assert float((both[1] - alone[0]).abs().mean()) < 1e-4
    assert set(method.pop_stages()) == {"text", "vae", "network"}


def test_seed_caption_and_options_change_the_result(load: Load) -> None:
    lr = small.lr_picture(1, 2)
    results = [
        load(options=(*SMALL, *options)).restore(
            batch(lr, seeds=(seed,), prompts=(caption,)), steps=1
        )
        for seed, caption, options in (
            (7, "cat", ()),
            (8, "cat", ()),
            (7, "dog", ()),
            (7, "cat", (("guidance", "1"),)),
        )
    ]
    assert results[0].shape == (1, 3, 4, 8)
    assert not any(torch.equal(results[0], other) for other in results[1:])


def test_offloading_changes_nothing_and_half_precision_little(load: Load) -> None:
    lr = batch(small.lr_picture(16, 16))
    plain, offloaded, half = (
        load(options=SMALL, **changes).restore(lr, steps=1)
        for changes in ({}, {"offload": True}, {"dtype": None})
    )
    assert torch.equal(plain, offloaded)
    assert 0 < float((plain - half).abs().mean()) < 0.02


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a dog on grass .", "a dog on grass .clean, high-resolution, 8k"),
        ("a blurry, noisy dog", "a clear, clean dogclean, high-resolution, 8k"),
        ("", "clean, high-resolution, 8k"),
    ],
)
def test_the_prompt_is_that_of_upstream(caption: str, expected: str) -> None:
    assert prompt_of(caption) == expected
    assert expected.endswith(ADDED)


@pytest.mark.parametrize("caption", ["", 'it\'s a "sign"', "two\nlines", "word " * 400])
def test_any_caption_is_a_prompt(load: Load, caption: str) -> None:
    negative, positive = load()._embed(NEGATIVE, (prompt_of(caption),))
    assert negative.shape == positive.shape == (1, 77, 32)
    assert positive.isfinite().all()


@pytest.mark.parametrize(
    ("option", "value"),
    [("guidance", "0.5"), ("process-size", "100"), ("process-size", "8"), ("process-size", "big")],
)
def test_settings_that_mean_nothing_are_refused(load: Load, option: str, value: str) -> None:
    with pytest.raises(ConfigError, match=option):
        load(options=((option, value),))


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch pasd"):
        PASD.load(Runtime(card=PASD.card, weights=WeightStore(tmp_path)))


def test_memory_is_counted(small_shapes: None) -> None:
    runtime = Runtime(card=PASD.card, options=dict(SMALL), offload=True)
    offloaded = PASD.memory_estimate(runtime, (16, 16))
    assert offloaded
    assert offloaded > CONTEXT_BYTES


def test_first_contact(rehearse: Any, load: Any) -> None:
    rehearse.method("pasd@2", load.root, options=("--prompts", "none"))
