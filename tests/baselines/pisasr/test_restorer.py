from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import costs
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines.pisasr import restorer
from baselines.pisasr.restorer import PiSASR
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore
from benchmarks.bench.measure import Split

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())

Load = Callable[..., PiSASR]


@pytest.fixture(scope="module")
def store(
    sd21: tuple[Path, Any], pisasr_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WeightStore]:
    """A weights folder with the small base model and PiSA-SR's file for it."""
    root = tmp_path_factory.mktemp("weights")
    (root / "pisasr").mkdir()
    (root / "pisasr/stable-diffusion-2-1-base").symlink_to(sd21[0])
    (root / "pisasr/pisa_sr.pkl").symlink_to(pisasr_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "SD21_PARAMETERS", sd21[1])
        yield WeightStore(root)


@pytest.fixture(scope="module")
def load(store: WeightStore) -> Load:
    """Load the method through the real path, once per runtime."""

    @cache
    def loaded(options: tuple[tuple[str, str], ...] = (), **changes: Any) -> PiSASR:
        given = {"dtype": "fp32", "options": dict(options), **changes}
        return PiSASR.load(Runtime(card=PiSASR.card, weights=store, **given))

    return loaded


@pytest.fixture
def small_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images of 8 pixels through as they are: the rest of the way is the same and quick."""
    monkeypatch.setattr("baselines.sd21.restorer.MINIMUM", 8)


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


def test_the_program_gives_the_official_pixels(load: Load) -> None:
    """An LR image of odd width: enlarged, reduced to a multiple of 8, AdaIN, resized to 4x."""
    method = load()
    sr = method.restore(batch(small.lr_picture(128, 129)))[0]
    # Where a value lies on the border of two grey levels, a rounding error becomes a level.
    small.assert_golden(GOLDEN, "program_adain", (sr * 255).round(), atol=3)
    mean = GOLDEN["program_adain"]["mean_abs"]
    assert abs(float((sr * 255).mean()) - mean) < 0.01
    assert set(method.pop_stages()) == {"text", "vae", "network"}


def test_a_small_image_is_enlarged_first_and_brought_to_4x_after(load: Load) -> None:
    sr = load((("colour-fix", "wavelet"),)).restore(batch(small.lr_picture(60, 50)))[0]
    small.assert_golden(GOLDEN, "program_small", (sr * 255).round(), atol=2)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 21), (8, 61)])
def test_any_size_is_restored(
    load: Load, small_minimum: None, monkeypatch: pytest.MonkeyPatch, height: int, width: int
) -> None:
    """One pixel, odd sides, and a latent that is narrower than a tile and larger than one."""
    monkeypatch.setattr(PiSASR, "tiling", Tiling(tile=8, overlap=4, symmetric=True))
    sr = load().restore(batch(small.lr_picture(height, width)))
    assert sr.shape == (1, 3, 4 * height, 4 * width)
    assert torch.equal((sr * 255).round() / 255, sr)


def test_truncation_is_mended_on_request(load: Load, small_minimum: None) -> None:
    lr = batch(small.lr_picture(16, 24))
    mended, faithful = (load(mended=mended).restore(lr) for mended in (True, False))
    assert torch.equal((faithful * 255).round() / 255, faithful)
    # The colour fix makes good the first truncation's half level; the second one stays.
    assert 0.4 < float((mended - faithful).mean()) * 255 < 0.6


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load, small_minimum: None) -> None:
    first, second = small.lr_picture(16, 24), small.lr_picture(16, 24).flip(1)
    method = load(mended=True)
    both = method.restore(batch(first, second))
    alone = method.restore(batch(second, seeds=(8,)))
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert torch.equal(alone, method.restore(batch(second, seeds=(8,))))
    assert not torch.equal(alone, method.restore(batch(second, seeds=(9,))))


def test_the_scales_change_the_result(load: Load, small_minimum: None) -> None:
    lr = batch(small.lr_picture(16, 16))
    results = [
        load(tuple(options.items())).restore(lr)
        for options in ({}, {"lambda-pix": "0.5"}, {"lambda-sem": "0.5"})
    ]
    assert len({float(sr.double().sum()) for sr in results}) == 3


@pytest.mark.parametrize(
    ("value", "message"), [("-1", "lambda-sem is -1"), ("much", "lambda-sem is 'much'")]
)
def test_a_scale_that_is_none_is_refused(store: WeightStore, value: str, message: str) -> None:
    runtime = Runtime(card=PiSASR.card, weights=store, options={"lambda-sem": value})
    with pytest.raises(ConfigError, match=message):
        PiSASR.load(runtime)


def test_offloading_changes_nothing(load: Load, small_minimum: None) -> None:
    lr, scales = batch(small.lr_picture(16, 16)), (("lambda-sem", "0.5"),)
    assert torch.equal(load(scales).restore(lr), load(scales, offload=True).restore(lr))


def test_half_precision_stays_close(load: Load, small_minimum: None) -> None:
    lr = batch(small.lr_picture(16, 16))
    full, half = (load(dtype=dtype).restore(lr) for dtype in ("fp32", None))
    assert load(dtype=None).runtime.torch_dtype == torch.float16
    assert 0 < float((full - half).abs().mean()) < 0.02


def test_the_second_evaluation_is_counted(store: WeightStore, small_minimum: None) -> None:
    """MACs and parameters of the table of efficiency, and the estimate of memory."""
    counts, estimates = [], []
    for options in ({}, {"lambda-pix": "0.5"}):
        runtime = Runtime(card=PiSASR.card, weights=store, dtype="fp32", options=options)
        task = costs.case(PiSASR, runtime=runtime, height=16, width=16, warm_up=1, repeats=1)
        _, split = costs.measure(task)
        assert isinstance(split, Split)
        counts.append(split.parts["network"])
        estimates.append(PiSASR.memory_estimate(runtime, (16, 16)))
    one, two = counts
    assert one.macs
    assert (two.macs, two.parameters) == (2 * one.macs, 2 * one.parameters)
    assert estimates[0] is not None
    assert estimates[1] is not None
    assert CONTEXT_BYTES < estimates[0] < estimates[1]


def test_another_base_model_of_the_same_shape_is_refused(
    store: WeightStore, sd21: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    hashed = replace(sd21[1], unet_sha256=64 * "0")
    monkeypatch.setattr(restorer, "SD21_PARAMETERS", hashed)
    with pytest.raises(WeightsCorruptError, match="is another model's U-Net of the same size"):
        PiSASR.load(Runtime(card=PiSASR.card, weights=store))


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch pisasr"):
        PiSASR.load(Runtime(card=PiSASR.card, weights=WeightStore(tmp_path)))


def test_the_card_is_light() -> None:
    code = "import sys, baselines.pisasr.restorer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_first_contact(rehearse: Any, store: WeightStore) -> None:
    rehearse.method("pisasr", store.root, options=("--prompts", "none"))
