from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from pyiqa.archs.niqe_arch import NIQE

from benchmarks.api.errors import ScoreError, WeightsCorruptError
from benchmarks.metrics.niqe import Niqe, niqe, read_model, shipped_model

if TYPE_CHECKING:
    from benchmarks.metrics.luma import Space


def _tensor(image: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(image).float() / 255).permute(2, 0, 1)[None]


@pytest.fixture
def untied(make_image) -> Callable[..., np.ndarray]:
    """Return `make_image` without pixels whose luma is a tie, which a CPU's last bit decides."""

    def make(height: int, width: int) -> np.ndarray:
        image = make_image(height, width)
        for weights in ((299, 587, 114), (256.788, 504.129, 97.906)):  # of RGB, in thousandths
            tied = np.abs(image @ np.array(weights) % 1000 - 500) < 0.2
            image[tied, 1] ^= 1
        return image

    return make


@pytest.mark.parametrize(
    ("height", "width"), [(96, 96), (150, 100), (192, 200), (300, 289)], ids=str
)
def test_agrees_with_pyiqa(niqe_mat: Path, untied, height: int, width: int) -> None:
    image = untied(height, width)
    expected = NIQE(pretrained_model_path=niqe_mat)(_tensor(image)).item()
    (value,) = Niqe(read_model(niqe_mat), arithmetic="cpu").score([image], None)
    assert value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("space", "crop", "options"),
    [("y601", 0, {"color_space": "ycbcr"}), ("yiq", 4, {"crop_border": 4})],
)
def test_variants_agree_with_pyiqa(
    niqe_mat: Path, untied, space: Space, crop: int, options: dict[str, object]
) -> None:
    image = untied(200, 200)
    expected = NIQE(pretrained_model_path=niqe_mat, **options)(_tensor(image)).item()
    (value,) = Niqe(read_model(niqe_mat), space, crop, "cpu").score([image], None)
    assert value == pytest.approx(expected, abs=1e-6)


def test_flat_blocks_are_left_out_as_pyiqa_leaves_them_out(niqe_mat: Path, untied) -> None:
    image = untied(288, 288)
    image[:110, :110] = 255
    expected = NIQE(pretrained_model_path=niqe_mat)(_tensor(image)).item()
    (value,) = Niqe(read_model(niqe_mat), arithmetic="cpu").score([image], None)
    assert value == pytest.approx(expected, abs=1e-6)


def test_gpu_order_stays_near_the_cpu_order(niqe_mat: Path, make_image) -> None:
    model, image = read_model(niqe_mat), make_image(300, 300)
    (gpu,) = Niqe(model).score([image], None)
    (cpu,) = Niqe(model, arithmetic="cpu").score([image], None)
    assert gpu == pytest.approx(cpu, abs=0.02)


def test_several_images_score_as_each_alone(niqe_mat: Path, make_image) -> None:
    metric = Niqe(read_model(niqe_mat))
    images = [make_image(200, 200, seed) for seed in (1, 2)]
    alone = [metric.score([image], None)[0] for image in images]
    assert metric.score(images, None) == alone


def test_a_flat_image_has_no_value(niqe_mat: Path) -> None:
    flat = np.full((200, 200), 128.0)
    with pytest.raises(ScoreError, match="flat"):
        niqe(flat, read_model(niqe_mat))


def test_an_image_below_one_block_has_no_value(niqe_mat: Path) -> None:
    with pytest.raises(ScoreError, match="95 x 200"):
        niqe(np.zeros((200, 95)), read_model(niqe_mat))


def test_the_shipped_model_is_a_gaussian_over_the_features() -> None:
    # That it is the release's own is seen in test_conformance: scores of a published log.
    model = shipped_model()
    assert model.mean.shape == (36,)
    assert model.mean[:2] == pytest.approx([2.601314, 0.905703], abs=1e-6)
    assert np.linalg.eigvalsh(model.covariance).min() > 0
    assert np.allclose(model.covariance, model.covariance.T, rtol=0, atol=1e-15)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "niqe_matlab_params.mat"
    path.write_bytes(b"not a MATLAB file at all" * 20)
    with pytest.raises(WeightsCorruptError, match=r"niqe_matlab_params\.mat"):
        read_model(path)


def test_a_model_of_another_shape_is_named(tmp_path: Path) -> None:
    from scipy.io import savemat

    path = tmp_path / "model.mat"
    savemat(path, {"mu_prisparam": np.zeros((1, 18)), "cov_prisparam": np.eye(18)})
    with pytest.raises(WeightsCorruptError, match="18"):
        read_model(path)
