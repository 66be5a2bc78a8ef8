from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import official
import pytest
import small_networks as small
import torch

from baselines.osediff import restorer
from baselines.osediff.restorer import OSEDiff, prompt_of
from benchmarks.api.errors import ConfigError, WeightsMissingError
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore

GOLDEN = official.read(Path(__file__).parent / "golden.json")["tensors"]

Load = Callable[..., OSEDiff]


@pytest.fixture(scope="module")
def load(
    sd21: tuple[Path, Any], osediff_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Load]:
    """Load the method from a weights folder with the small base model, once per runtime."""
    root = tmp_path_factory.mktemp("weights")
    (root / "osediff").mkdir()
    (root / "osediff/stable-diffusion-2-1-base").symlink_to(sd21[0])
    (root / "osediff/osediff.pkl").symlink_to(osediff_file)

    @cache
    def loaded(mended: bool = False, colour_fix: str = "adain", **changes: Any) -> OSEDiff:
        runtime = Runtime(
            card=OSEDiff.card,
            weights=WeightStore(root),
            mended=mended,
            options={"colour-fix": colour_fix},
            **{"dtype": "fp32", **changes},
        )
        return OSEDiff.load(runtime)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "PARAMETERS", sd21[1])
        loaded.root = root  # type: ignore[attr-defined]
        yield loaded


@pytest.fixture
def small_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images of 8 pixels through as they are: the rest of the way is the same and quick."""
    monkeypatch.setattr("baselines.sd21.restorer.MINIMUM", 8)


def _batch(*images: torch.Tensor, seeds: tuple[int, ...] = (7, 8), **changes: Any) -> LRBatch:
    count = len(images)
    given = {"prompts": ("cat, dog", "a tree")[:count], **changes}
    ids = ("a", "b")[:count]
    return LRBatch(images=torch.stack(images), ids=ids, seeds=seeds[:count], **given)


def test_the_program_gives_the_official_pixels(load: Load) -> None:
    """An LR image of odd width: enlarged, reduced to a multiple of 8, AdaIN, resized to 4x."""
    method = load()
    sr = method.restore(_batch(small.lr_picture(128, 129)))[0]
    # Where a value lies on the border of two grey levels, a rounding error becomes a level.
    small.assert_golden(GOLDEN, "program_adain", (sr * 255).round(), atol=3)
    mean = GOLDEN["program_adain"]["mean_abs"]
    assert abs(float((sr * 255).mean()) - mean) < 0.01
    assert set(method.pop_stages()) == {"text", "vae", "network"}


def test_a_small_image_is_enlarged_first_and_brought_to_4x_after(load: Load) -> None:
    method = load(colour_fix="wavelet")
    sr = method.restore(_batch(small.lr_picture(60, 50)))[0]
    small.assert_golden(GOLDEN, "program_small", (sr * 255).round(), atol=2)


def test_truncation_is_mended_unless_upstream_is_wanted(load: Load, small_minimum: None) -> None:
    batch = _batch(small.lr_picture(16, 24))
    mended, faithful = (load(mended=m).restore(batch) for m in (True, False))
    assert torch.equal((faithful * 255).round() / 255, faithful)
    assert not torch.equal((mended * 255).round() / 255, mended)
    # The colour fix makes good the first truncation's half level; the second one stays.
    assert 0.4 < float((mended - faithful).mean()) * 255 < 0.6


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load, small_minimum: None) -> None:
    first, second = small.lr_picture(16, 24), small.lr_picture(16, 24).flip(1)
    method = load(mended=True)
    both = method.restore(_batch(first, second))
    alone = method.restore(_batch(second, seeds=(8,), prompts=("a tree",)))
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert torch.equal(alone, method.restore(_batch(second, seeds=(8,), prompts=("a tree",))))


def test_seed_and_prompt_change_the_result(load: Load, small_minimum: None) -> None:
    method, lr = load(), small.lr_picture(16, 16)
    results = [
        method.restore(_batch(lr, seeds=(seed,), prompts=(prompt,)))
        for seed, prompt in ((7, "cat"), (8, "cat"), (7, "dog"))
    ]
    assert not torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_offloading_changes_nothing(load: Load, small_minimum: None) -> None:
    batch = _batch(small.lr_picture(16, 16))
    assert torch.equal(load().restore(batch), load(offload=True).restore(batch))


def test_half_precision_stays_close(load: Load, small_minimum: None) -> None:
    batch = _batch(small.lr_picture(16, 16))
    full, half = (load(dtype=dtype).restore(batch) for dtype in ("fp32", None))
    assert load(dtype=None).runtime.torch_dtype == torch.float16
    assert half.dtype == torch.float32
    assert float((full - half).abs().mean()) < 0.02


@pytest.mark.parametrize("tags", ["cat, dog", "cat, dog, ,"])
def test_the_prompt_is_that_of_upstream(tags: str) -> None:
    captions, user_prompt = ["cat, dog"], ""
    assert prompt_of(tags) == f"{captions[0]}, {user_prompt},"


def test_an_image_without_tags_still_has_a_prompt() -> None:
    assert prompt_of("") == ", ,"


def test_prompts_are_required(load: Load) -> None:
    with pytest.raises(ConfigError, match="needs one prompt per image"):
        load().restore(_batch(small.lr_picture(16, 16), prompts=None))


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch osediff"):
        OSEDiff.load(Runtime(card=OSEDiff.card, weights=WeightStore(tmp_path)))


def test_the_card_is_light() -> None:
    code = "import sys, baselines.osediff.restorer, baselines.s3diff.restorer; " + (
        "import baselines.tagger.extractor; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_first_contact(rehearse: Any, load: Any) -> None:
    rehearse.method("osediff", load.root, options=("--prompts", "none"))
