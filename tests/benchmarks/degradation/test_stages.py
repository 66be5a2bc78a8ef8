"""Each stage of the degradation against an implementation that is not ours."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import scipy.ndimage
import scipy.special
import scipy.stats
import skimage.data
import torch
from PIL import Image

from benchmarks.degradation import filtering, jpeg, kernels, noise, resizing


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A photograph as planes, 144 x 208: 16 divides both sides."""
    return skimage.data.coffee()[60:204, 170:378].transpose(2, 0, 1) / 255.0


# Kernels


def covariance(kernel: np.ndarray) -> np.ndarray:
    axis = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    x, y = np.meshgrid(axis, axis)
    grid = np.stack([x.ravel(), y.ravel()])
    return (grid * kernel.ravel()) @ grid.T


@pytest.mark.parametrize(
    "kernel",
    [
        kernels.gaussian(7, 0.2, 0.2, 0.0),
        kernels.gaussian(21, 3.0, 0.7, -1.1, beta=0.5),
        kernels.plateau(13, 1.0, 2.5, 2.0, beta=1.7),
        kernels.sinc(9, 1.2),
    ],
)
def test_kernels_sum_to_one_and_are_point_symmetric(kernel: np.ndarray) -> None:
    assert kernel.dtype == np.float64
    assert kernel.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-15)


def test_gaussian_kernel_is_scipys_density() -> None:
    rotation = 0.7
    turn = np.array([[np.cos(rotation), -np.sin(rotation)], [np.sin(rotation), np.cos(rotation)]])
    expected = turn @ np.diag([2.0**2, 4.0**2]) @ turn.T
    axis = np.arange(21) - 10
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    density = scipy.stats.multivariate_normal(cov=expected).pdf(grid)
    kernel = kernels.gaussian(21, 2.0, 4.0, rotation)
    np.testing.assert_allclose(kernel, density / density.sum(), atol=1e-15)


@pytest.mark.parametrize("beta", [0.6, 1.0, 2.5])
def test_generalised_gaussian_has_its_closed_form_variance(beta: float) -> None:
    # With s = r^2 / sigma^2: E[s] = 2^(1/beta) Gamma(2/beta) / Gamma(1/beta), shared by two axes.
    gamma = scipy.special.gamma
    variance = 4.0**2 * 2 ** (1 / beta) * gamma(2 / beta) / gamma(1 / beta) / 2
    kernel = kernels.gaussian(301, 4.0, 4.0, 0.0, beta=beta)
    np.testing.assert_allclose(covariance(kernel), np.diag([variance, variance]), atol=2e-2)


@pytest.mark.parametrize("beta", [1.0, 1.8])
def test_plateau_falls_to_half_at_one_sigma(beta: float) -> None:
    kernel = kernels.plateau(21, 3.0, 5.0, 0.0, beta=beta)
    assert kernel[10, 10] / kernel[10, 13] == pytest.approx(2.0)
    assert kernel[10, 10] / kernel[15, 10] == pytest.approx(2.0)


def test_rotation_turns_the_first_axis() -> None:
    upright = kernels.gaussian(21, 3.0, 1.0, np.pi / 2)
    np.testing.assert_allclose(upright, kernels.gaussian(21, 1.0, 3.0, 0.0), atol=1e-15)
    # At 45 degrees the long axis runs along x = y: positive covariance.
    assert covariance(kernels.gaussian(41, 4.0, 1.0, np.pi / 4))[0, 1] > 5.0


def test_sinc_passes_below_its_cutoff_and_stops_above() -> None:
    cutoff, size = 1.5, 401
    response = np.abs(np.fft.fft2(kernels.sinc(size, cutoff)))
    frequency = 2 * np.pi * np.fft.fftfreq(size)
    radius = np.hypot(frequency[:, None], frequency)
    assert np.abs(response[radius < 0.8 * cutoff] - 1).max() < 0.05
    assert response[radius > 1.2 * cutoff].max() < 0.05


def test_sinc_is_the_bessel_formula() -> None:
    kernel = kernels.sinc(21, 2.0)
    radius = np.hypot(3, 4)
    ratio = (2.0 * scipy.special.jv(1, 2.0 * radius) / (2 * np.pi * radius)) / (
        2.0**2 / (4 * np.pi)
    )
    assert kernel[10 + 3, 10 - 4] / kernel[10, 10] == pytest.approx(ratio)


# Filtering


@pytest.mark.parametrize("size", [7, 21, 51])
def test_filtering_is_opencvs_and_scipys(photo: np.ndarray, size: int) -> None:
    kernel = np.random.default_rng(0).random((size, size))  # not symmetric
    kernel /= kernel.sum()
    ours = filtering.filter_planes(photo, kernel)
    theirs = cv2.filter2D(
        np.ascontiguousarray(photo.transpose(1, 2, 0)),
        -1,
        kernel,
        borderType=cv2.BORDER_REFLECT_101,
    )
    np.testing.assert_allclose(ours, theirs.transpose(2, 0, 1), atol=1e-12)
    np.testing.assert_allclose(
        ours[0], scipy.ndimage.correlate(photo[0], kernel, mode="mirror"), atol=1e-12
    )


def test_filtering_an_image_smaller_than_its_kernel() -> None:
    image = np.random.default_rng(0).random((3, 5, 8))
    kernel = kernels.gaussian(21, 3.0, 2.0, 0.5)
    expected = scipy.ndimage.correlate(image[1], kernel, mode="mirror")
    np.testing.assert_allclose(filtering.filter_planes(image, kernel)[1], expected, atol=1e-12)


def test_sharpening_is_an_unsharp_mask_by_opencvs_blur(photo: np.ndarray) -> None:
    image = np.ascontiguousarray(photo.transpose(1, 2, 0))
    residual = image - cv2.GaussianBlur(image, (51, 51), 0)
    mask = cv2.GaussianBlur((np.abs(residual) * 255 > 10).astype(np.float64), (51, 51), 0)
    expected = mask * np.clip(image + 0.5 * residual, 0, 1) + (1 - mask) * image
    np.testing.assert_allclose(filtering.sharpen(photo).transpose(1, 2, 0), expected, atol=1e-9)


# Resizing


@pytest.mark.parametrize("mode", resizing.RESIZE_MODES)
@pytest.mark.parametrize("factor", [0.1537, 0.5, 0.77, 1.0, 1.33])
def test_resizing_by_a_factor_is_torchs(
    photo: np.ndarray, mode: resizing.ResizeMode, factor: float
) -> None:
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(photo)[None], scale_factor=factor, mode=mode
    )[0].numpy()
    ours = resizing.resize(photo, expected.shape[1:], mode, factor=factor)
    np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("mode", resizing.RESIZE_MODES)
@pytest.mark.parametrize("size", [(1, 1), (31, 97), (144, 208), (300, 150)])
def test_resizing_to_a_size_is_torchs(
    photo: np.ndarray, mode: resizing.ResizeMode, size: tuple[int, int]
) -> None:
    expected = torch.nn.functional.interpolate(torch.from_numpy(photo)[None], size=size, mode=mode)
    ours = resizing.resize(photo, size, mode)
    np.testing.assert_allclose(ours, expected[0].numpy(), atol=1e-12)


# Noise


def test_gaussian_noise_has_its_sigma_and_independent_channels() -> None:
    grey = np.full((3, 200, 200), 0.5)
    added = noise.add_gaussian(grey, 20.0, grey=False, rng=np.random.default_rng(0)) - grey
    np.testing.assert_allclose(added.std(axis=(1, 2)), 20.0 / 255, rtol=0.02)
    assert np.abs(added.mean()) < 1e-3
    correlation = np.corrcoef(added.reshape(3, -1))
    assert np.abs(correlation - np.eye(3)).max() < 0.02


@pytest.mark.parametrize("add", [noise.add_gaussian, noise.add_poisson])
def test_grey_noise_is_the_same_in_all_channels(add: object, photo: np.ndarray) -> None:
    dim = photo * 0.4 + 0.2  # nothing is clipped
    added = add(dim, 0.5, grey=True, rng=np.random.default_rng(0)) - dim  # type: ignore[operator]
    assert added.std() > 0
    np.testing.assert_allclose(added[0], added[1], atol=1e-12)
    np.testing.assert_allclose(added[0], added[2], atol=1e-12)


@pytest.mark.parametrize("grey", [False, True])
def test_poisson_noise_has_variance_proportional_to_intensity(grey: bool) -> None:
    ramp = np.broadcast_to(np.arange(256) / 255.0, (3, 3000, 256))  # 256 distinct values
    added = noise.add_poisson(ramp, 0.7, grey=grey, rng=np.random.default_rng(0)) - ramp
    expected = 0.7**2 * ramp[0, 0] / 256
    middle = slice(40, 200)  # away from the clipping
    np.testing.assert_allclose(added.var(axis=(0, 1))[middle], expected[middle], rtol=0.15)
    np.testing.assert_allclose(added[:, :, middle].mean(axis=(0, 1)), 0.0, atol=3e-3)


def test_poisson_noise_counts_levels_by_the_distinct_values() -> None:
    # Five distinct values make eight levels: the noise comes in steps of 1/8.
    image = np.tile(np.array([64, 96, 128, 160, 192]) / 255.0, (3, 400, 8))
    added = noise.add_poisson(image, 1.0, grey=False, rng=np.random.default_rng(0)) - image
    counts = ((added + image) * 8)[(added + image) < 1]
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)


def test_noise_stays_in_range(photo: np.ndarray) -> None:
    for add in (noise.add_gaussian, noise.add_poisson):
        noisy = add(photo, 30.0, grey=False, rng=np.random.default_rng(0))
        assert noisy.min() >= 0.0
        assert noisy.max() <= 1.0


# JPEG


def through_pillow(planes: np.ndarray, quality: int) -> np.ndarray:
    image = np.rint(planes.transpose(1, 2, 0) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(buffer)).transpose(2, 0, 1).astype(np.float64)


# At 25 and 50 the tables are whole numbers; elsewhere a codec rounds them and we do not.
@pytest.mark.parametrize(
    ("quality", "mean"), [(25, 0.4), (50, 0.4), (30, 1.2), (75, 0.8), (95, 0.6)]
)
@pytest.mark.parametrize("size", [(144, 208), (139, 201)])
def test_jpeg_of_grey_images_is_pillows(
    photo: np.ndarray, quality: int, mean: float, size: tuple[int, int]
) -> None:
    grey = np.repeat(photo[1:2, : size[0], : size[1]], 3, axis=0)
    difference = np.abs(jpeg.compress(grey, quality) * 255 - through_pillow(grey, quality))
    assert difference.mean() < mean


@pytest.mark.parametrize("quality", [25, 50, 75, 95])
def test_jpeg_of_colour_images_is_pillows_but_for_the_chroma_filter(
    photo: np.ndarray, quality: int
) -> None:
    ours, theirs = jpeg.compress(photo, quality) * 255, through_pillow(photo, quality)
    assert np.abs(ours - theirs).mean() < 1.7  # Pillow smooths chroma where it enlarges it
    loss = np.abs(theirs - photo * 255).mean()
    assert np.abs(ours - photo * 255).mean() == pytest.approx(loss, rel=0.12)


def test_jpeg_takes_any_real_quality(photo: np.ndarray) -> None:
    qualities = [1.5, 30.0, 49.9, 50.1, 72.3, 95.0, 100.0]
    errors = [np.abs(jpeg.compress(photo, quality) - photo).mean() for quality in qualities]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] == pytest.approx(errors[3], rel=0.01)  # the two branches meet at 50
    assert all(np.isfinite(errors))
