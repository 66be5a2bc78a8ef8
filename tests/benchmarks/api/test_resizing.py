from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.api.images import to_uint8
from benchmarks.api.resizing import enlarge, enlarged_size, resize, resize_pixels


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randint(0, 256, (3, 21, 30), generator=torch.Generator().manual_seed(0)) / 255


def _pillow(image: torch.Tensor) -> Image.Image:
    return Image.fromarray(to_uint8(image))


def test_resizing_is_that_of_pillow(image: torch.Tensor) -> None:
    expected = np.asarray(_pillow(image).resize((45, 33), Image.Resampling.BICUBIC))
    assert np.array_equal(to_uint8(resize(image, (33, 45))), expected)


def test_an_image_of_the_right_size_stays_what_it_is(image: torch.Tensor) -> None:
    assert torch.equal(resize(image, (21, 30)), image)


def test_enlarging_follows_the_steps_of_the_official_programs(image: torch.Tensor) -> None:
    expected = _pillow(image)
    factor = 64 / 21
    expected = expected.resize((int(factor * 30), int(factor * 21)))
    expected = expected.resize((4 * expected.width, 4 * expected.height))
    width, height = expected.width - expected.width % 16, expected.height - expected.height % 16
    expected = expected.resize((width, height), Image.Resampling.LANCZOS)
    found = enlarge(image, scale=4, minimum=64, multiple=16)
    assert found.shape[-2:] == (height, width)
    assert np.array_equal(to_uint8(found), np.asarray(expected))


def test_enlarging_alone_is_one_resize(image: torch.Tensor) -> None:
    assert torch.equal(enlarge(image, scale=4), resize(image, (84, 120)))


def test_pixels_are_resized_by_pillow_with_no_rounding_of_ours() -> None:
    lr = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    expected = Image.fromarray(lr).resize((28, 20), Image.Resampling.BICUBIC)
    assert np.array_equal(resize_pixels(lr, (20, 28)), np.asarray(expected))


def test_a_side_that_is_brought_up_arrives_where_arithmetic_falls_short() -> None:
    short = [side for side in range(1, 128) if int(128 / side * side) != 128]
    assert short == [49, 98, 103, 107]
    for side in range(30, 128):
        size = enlarged_size(side, 2 * side, scale=4, minimum=128, multiple=8, exact=True)
        assert size[0] == 512
        assert size[1] >= 1016
        image = torch.rand(3, side, side)
        assert enlarge(image, scale=4, minimum=128, multiple=8, exact=True).shape == (3, 512, 512)
        upstream = enlarged_size(side, side, scale=4, minimum=128, multiple=8)
        assert upstream == ((504, 504) if side in short else (512, 512))
