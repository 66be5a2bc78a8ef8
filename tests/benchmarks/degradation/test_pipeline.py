"""The degradation as a whole: what is drawn, in which order it acts, and that it is a function."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from benchmarks.api.errors import ConfigError
from benchmarks.degradation import jpeg
from benchmarks.degradation.filtering import sharpen
from benchmarks.degradation.parameters import REAL_ESRGAN_X4
from benchmarks.degradation.pipeline import apply, degrade, degrade_pair
from benchmarks.degradation.recipe import Kernel, Noise, Recipe, Resize, Stage, draw


@pytest.fixture(scope="module")
def hr() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.chelsea()[40:168, 100:292])  # 128 x 192


def test_degrading_is_a_function_of_image_and_seed(hr: np.ndarray) -> None:
    first = degrade(hr, np.random.default_rng(7))
    assert first.shape == (32, 48, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, degrade(hr, np.random.default_rng(7)))
    assert not np.array_equal(first, degrade(hr, np.random.default_rng(8)))


def test_a_recipe_makes_the_image_again(hr: np.ndarray) -> None:
    pair = degrade_pair(hr, np.random.default_rng(3))
    np.testing.assert_array_equal(apply(hr, pair.recipe), pair.lr)
    np.testing.assert_array_equal(pair.target, hr)


def test_the_target_is_sharpened_where_asked(hr: np.ndarray) -> None:
    pair = degrade_pair(hr, np.random.default_rng(3), sharpen_target=True)
    expected = np.rint(sharpen(hr.transpose(2, 0, 1) / 255.0).transpose(1, 2, 0) * 255)
    np.testing.assert_array_equal(pair.target, expected)
    plain = degrade_pair(hr, np.random.default_rng(3))
    np.testing.assert_array_equal(pair.lr, plain.lr)  # the LR image does not depend on it


def test_the_image_is_left_alone(hr: np.ndarray) -> None:
    before = hr.copy()
    degrade(hr, np.random.default_rng(0))
    np.testing.assert_array_equal(hr, before)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_other_scales(scale: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (36, 48, 3), dtype=np.uint8)
    lr = degrade(image, np.random.default_rng(0), replace(REAL_ESRGAN_X4, scale=scale))
    assert lr.shape == (36 // scale, 48 // scale, 3)


def test_a_size_that_the_scale_does_not_divide_is_refused() -> None:
    with pytest.raises(ConfigError, match="30x40"):
        degrade(np.zeros((30, 40, 3), np.uint8), np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(8))
def test_the_smallest_images_pass(seed: int) -> None:
    assert degrade(np.full((4, 8, 3), 99, np.uint8), np.random.default_rng(seed)).shape == (1, 2, 3)


def by_hand(hr: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Follow a recipe with OpenCV's filter and PyTorch's resizing; noise of strength 0 is none."""

    def blur(image: np.ndarray, kernel: Kernel | None) -> np.ndarray:
        weights = kernel.weights() if kernel else np.ones((1, 1))
        return cv2.filter2D(image, -1, weights, borderType=cv2.BORDER_REFLECT_101)

    def resize(image: np.ndarray, mode: str, **how: object) -> np.ndarray:
        tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
        return (
            torch.nn.functional.interpolate(tensor, mode=mode, **how)[0].numpy().transpose(1, 2, 0)
        )

    def compress(image: np.ndarray, quality: float) -> np.ndarray:
        clipped = np.clip(image, 0, 1)
        return jpeg.compress(clipped.transpose(2, 0, 1), quality).transpose(1, 2, 0)

    height, width, _ = hr.shape
    image = blur(hr / 255.0, recipe.first.blur)
    image = resize(image, recipe.first.resize.mode, scale_factor=recipe.first.resize.factor)
    image = compress(image, recipe.first.jpeg_quality)
    image = blur(image, recipe.second.blur)
    factor = recipe.second.resize.factor
    size = (int(height / 4 * factor), int(width / 4 * factor))
    image = np.clip(resize(image, recipe.second.resize.mode, size=size), 0, 1)
    if not recipe.jpeg_last:
        image = compress(image, recipe.second.jpeg_quality)
    image = resize(image, recipe.final_resize, size=(height // 4, width // 4))
    image = blur(image, recipe.final_sinc)
    if recipe.jpeg_last:
        image = compress(image, recipe.second.jpeg_quality)
    return np.rint(np.clip(image, 0, 1) * 255)


@pytest.mark.parametrize("jpeg_last", [True, False])
def test_the_stages_act_in_the_published_order(hr: np.ndarray, jpeg_last: bool) -> None:
    silent = Noise(kind="gaussian", strength=0.0, grey=False, seed=0)
    recipe = Recipe(
        scale=4,
        sharpen=False,
        first=Stage(
            blur=Kernel(shape="aniso", size=13, sigma=(2.0, 1.0), rotation=0.4),
            resize=Resize(factor=0.63, mode="bicubic"),
            noise=silent,
            jpeg_quality=61.5,
        ),
        second=Stage(
            blur=Kernel(shape="plateau_iso", size=7, sigma=(1.0, 1.0), beta=1.4),
            resize=Resize(factor=1.13, mode="area"),
            noise=silent,
            jpeg_quality=44.4,
        ),
        final_resize="bilinear",
        final_sinc=Kernel(shape="sinc", size=11, cutoff=2.0),
        jpeg_last=jpeg_last,
    )
    np.testing.assert_array_equal(apply(hr, recipe), by_hand(hr, recipe))


def test_noise_of_the_recipe_acts(hr: np.ndarray) -> None:
    recipe = draw(REAL_ESRGAN_X4, np.random.default_rng(0))
    noisy = replace(recipe.second, noise=replace(recipe.second.noise, strength=2.0))
    other = replace(noisy, noise=replace(noisy.noise, seed=noisy.noise.seed + 1))
    first = apply(hr, replace(recipe, second=noisy))
    assert not np.array_equal(first, apply(hr, replace(recipe, second=other)))


def test_what_is_drawn_has_the_published_shares() -> None:
    rng = np.random.default_rng(0)
    recipes = [draw(REAL_ESRGAN_X4, rng) for _ in range(6000)]

    def share(values: list[bool]) -> float:
        return sum(values) / len(values)

    shapes = Counter(recipe.first.blur.shape for recipe in recipes if recipe.first.blur)
    published = dict(REAL_ESRGAN_X4.first.blur.shapes)
    for shape, probability in published.items():
        assert shapes[shape] / 6000 == pytest.approx(0.9 * probability, abs=0.02)
    assert shapes["sinc"] / 6000 == pytest.approx(0.1, abs=0.02)
    assert share([recipe.second.blur is not None for recipe in recipes]) == pytest.approx(
        0.8, abs=0.02
    )
    for number, (up, down) in (("first", (0.2, 0.7)), ("second", (0.3, 0.4))):
        factors = np.array([getattr(recipe, number).resize.factor for recipe in recipes])
        assert share(list(factors > 1)) == pytest.approx(up, abs=0.02)
        assert share(list(factors < 1)) == pytest.approx(down, abs=0.02)
        low, high = getattr(REAL_ESRGAN_X4, number).resize
        assert low < factors.min() < low + 0.01
        assert high - 0.01 < factors.max() < high
    assert share([recipe.first.noise.kind == "gaussian" for recipe in recipes]) == pytest.approx(
        0.5, abs=0.02
    )
    assert share([recipe.second.noise.grey for recipe in recipes]) == pytest.approx(0.4, abs=0.02)
    assert share([recipe.final_sinc is not None for recipe in recipes]) == pytest.approx(
        0.8, abs=0.02
    )
    assert share([recipe.jpeg_last for recipe in recipes]) == pytest.approx(0.5, abs=0.02)
    sizes = Counter(recipe.first.blur.size for recipe in recipes if recipe.first.blur)
    assert set(sizes) == {7, 9, 11, 13, 15, 17, 19, 21}


def test_a_large_sinc_kernel_may_have_a_lower_cutoff() -> None:
    rng = np.random.default_rng(1)
    drawn = [draw(REAL_ESRGAN_X4, rng).first.blur for _ in range(4000)]
    sincs = [kernel for kernel in drawn if kernel and kernel.shape == "sinc"]
    assert min(kernel.cutoff for kernel in sincs if kernel.size < 13) > np.pi / 3
    assert np.pi / 5 < min(kernel.cutoff for kernel in sincs if kernel.size >= 13) < np.pi / 4
    assert max(kernel.cutoff for kernel in sincs) < np.pi


def test_recipes_and_parameters_are_plain_data() -> None:
    recipe = draw(REAL_ESRGAN_X4, np.random.default_rng(0))
    assert json.loads(json.dumps(recipe.as_json()))["scale"] == 4
    assert json.loads(json.dumps(REAL_ESRGAN_X4.as_json()))["first"]["resize"] == [0.15, 1.5]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resize_shares", (0.5, 0.5, 0.5)),
        ("resize", (1.2, 1.5)),
        ("jpeg_quality", (30.0, 120.0)),
        ("gaussian_probability", 1.5),
        ("poisson_scale", (3.0, 0.05)),
    ],
)
def test_impossible_parameters_are_refused(field: str, value: object) -> None:
    with pytest.raises(ConfigError):
        replace(REAL_ESRGAN_X4.first, **{field: value})
    with pytest.raises(ConfigError):
        replace(REAL_ESRGAN_X4.first.blur, sizes=(7, 8))
