from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from torchvision.transforms.functional import to_pil_image, to_tensor

from benchmarks.api import colour
from benchmarks.api.errors import ConfigError


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    content = torch.rand(2, 3, 40, 48, generator=generator)
    style = 0.3 + 0.4 * torch.rand(2, 3, 40, 48, generator=generator)
    return content, style


def test_adain_gives_the_mean_and_deviation_of_the_source(
    pair: tuple[torch.Tensor, torch.Tensor],
) -> None:
    content, style = (image.double().numpy() for image in pair)
    axes = {"axis": (2, 3), "keepdims": True}
    expected = (content - content.mean(**axes)) / np.sqrt(content.var(**axes, ddof=1) + 1e-5)
    expected = expected * np.sqrt(style.var(**axes, ddof=1) + 1e-5) + style.mean(**axes)
    np.testing.assert_allclose(colour.adain(*pair).numpy(), expected, atol=1e-6)


def test_adain_takes_a_source_of_another_size(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    content, style = pair
    found = colour.fix_colours(content, style[..., ::4, ::4], "adain")
    torch.testing.assert_close(found.mean((2, 3)), style[..., ::4, ::4].mean((2, 3)))


def test_adain_of_one_pixel_has_no_variance() -> None:
    with pytest.raises(ConfigError, match="two pixels"):
        colour.adain(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 1, 1))


def _bands(image: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """The à trous transform by SciPy, one axis after the other: (sum of high bands, low band)."""
    low = image
    for level in range(levels):
        taps = np.zeros(2 * 2**level + 1)
        taps[[0, 2**level, -1]] = 0.25, 0.5, 0.25
        for axis in (2, 3):
            low = correlate1d(low, taps, axis=axis, mode="nearest")
    return image - low, low


def test_wavelet_joins_high_bands_and_low_band(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    content, style = (image.double().numpy() for image in pair)
    expected = _bands(content, 5)[0] + _bands(style, 5)[1]
    np.testing.assert_allclose(colour.wavelet(*pair).numpy(), expected, atol=2e-6)


def test_wavelet_of_an_image_with_itself_is_the_image(
    pair: tuple[torch.Tensor, torch.Tensor],
) -> None:
    torch.testing.assert_close(colour.fix_colours(pair[0], pair[0], "wavelet"), pair[0])


def test_wavelet_refuses_two_sizes(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ConfigError, match="one size"):
        colour.fix_colours(pair[0], pair[1][..., 1:], "wavelet")


def test_no_fix_clamps_only(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    found = colour.fix_colours(pair[0] * 3 - 1, pair[1], "none")
    assert torch.equal(found, (pair[0] * 3 - 1).clamp(0, 1))


def test_an_unknown_fix_is_refused(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ConfigError, match="Unknown colour fix 'lab'"):
        colour.fix_colours(*pair, "lab")  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_truncation_is_that_of_torchvision(dtype: torch.dtype) -> None:
    image = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1)).to(dtype)
    image[0, 0, :3] = torch.tensor([0.0, 0.5, 1.0])
    assert torch.equal(colour.quantise(image, "truncate"), to_tensor(to_pil_image(image)))


def test_rounding_is_that_of_numpy() -> None:
    image = torch.linspace(0, 1, 10_001)
    expected = np.round(image.numpy() * np.float32(255)).astype(np.uint8)
    found = (colour.quantise(image, "round") * 255).round().numpy().astype(np.uint8)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("rounding", ["none", "round", "truncate"])
def test_eight_bit_values_stay_what_they_are(rounding: colour.Rounding) -> None:
    levels = torch.arange(256) / 255
    assert torch.equal(colour.quantise(levels, rounding), levels)


def test_quantise_clamps() -> None:
    assert colour.quantise(torch.tensor([-0.2, 1.3]), "truncate").tolist() == [0.0, 1.0]
