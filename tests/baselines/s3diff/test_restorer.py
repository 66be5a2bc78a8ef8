from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import official
import pytest
import small_networks as small
import torch

from baselines.s3diff import restorer
from baselines.s3diff.restorer import S3Diff
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore

GOLDEN = official.read(Path(__file__).parent / "golden.json")["tensors"]

Load = Callable[..., S3Diff]


@pytest.fixture(scope="module")
def load(
    sd21: tuple[Path, Any],
    s3diff_files: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Load]:
    """Load the method from a weights folder with the small base model, once per runtime."""
    root = tmp_path_factory.mktemp("weights")
    (root / "s3diff").mkdir()
    (root / "s3diff/sd-turbo").symlink_to(sd21[0])
    for file in s3diff_files:
        (root / "s3diff" / file.name).symlink_to(file)

    @cache
    def loaded(mended: bool = False, colour_fix: str = "wavelet", **changes: Any) -> S3Diff:
        runtime = Runtime(
            card=S3Diff.card,
            weights=WeightStore(root),
            mended=mended,
            options={"colour-fix": colour_fix},
            **changes,
        )
        return S3Diff.load(runtime)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "PARAMETERS", sd21[1])
        loaded.root = root  # type: ignore[attr-defined]
        yield loaded


def _batch(*images: torch.Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


@pytest.mark.parametrize("colour_fix", ["wavelet", "adain"])
def test_the_program_gives_the_official_pixels(load: Load, colour_fix: str) -> None:
    """An LR image whose enlarged sides are no multiples of 64."""
    method = load(colour_fix=colour_fix)
    sr = method.restore(_batch(small.lr_picture(40, 29)))[0]
    name = f"program_{colour_fix}"
    # Where a value lies on the border of two grey levels, a rounding error becomes a level.
    small.assert_golden(GOLDEN, name, (sr * 255).round(), atol=2)
    assert abs(float((sr * 255).mean()) - GOLDEN[name]["mean_abs"]) < 0.01
    assert set(method.pop_stages()) == {"vae", "network"}


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    """The two images are degraded differently, and each is modulated by its own degradation."""
    first = small.lr_picture(16, 20)
    second = (
        first + 0.3 * torch.randn(3, 16, 20, generator=torch.Generator().manual_seed(0))
    ).clamp(0, 1)
    method = load(mended=True)
    both = method.restore(_batch(first, second))
    alone = method.restore(_batch(second, seeds=(8,)))
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert torch.equal(alone, method.restore(_batch(second, seeds=(8,))))


def test_tiny_images_are_padded_by_their_last_row(load: Load) -> None:
    sr = load().restore(_batch(small.lr_picture(5, 3)))
    assert sr.shape == (1, 3, 20, 12)


def test_truncation_is_mended_unless_upstream_is_wanted(load: Load) -> None:
    batch = _batch(small.lr_picture(16, 16))
    mended, faithful = (load(mended=m).restore(batch) for m in (True, False))
    assert torch.equal((faithful * 255).round() / 255, faithful)
    assert not torch.equal((mended * 255).round() / 255, mended)
    # Both its source and the result are half a level darker.
    assert 0.8 < float((mended - faithful).mean()) * 255 < 1.2


@pytest.mark.parametrize("changes", [{"offload": True}, {"dtype": "fp16"}])
def test_other_ways_to_compute_stay_close(load: Load, changes: dict[str, Any]) -> None:
    batch = _batch(small.lr_picture(16, 16))
    found, expected = load(**changes).restore(batch), load().restore(batch)
    assert float((found - expected).abs().mean()) < (0.02 if "dtype" in changes else 1e-7)


def test_first_contact(rehearse: Any, load: Any) -> None:
    rehearse.method("s3diff", load.root)
