from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import resize

from benchmarks.api.images import to_tensor
from benchmarks.metrics.deep.dists import shorter_side


def test_value_is_that_of_pyiqas_own_forward(metric, pair) -> None:
    built, (sr, hr) = metric("dists@vgg16"), pair
    (value,) = built.score([sr], built.prepare(hr))
    with torch.no_grad():
        expected = built.network(to_tensor(sr)[None], to_tensor(hr)[None]).item()
    assert value == pytest.approx(expected, abs=1e-6)
    assert value > 1e-4


def test_hr_is_looked_at_once(metric, pair) -> None:
    built, (sr, hr) = metric("dists@vgg16"), pair
    calls = []
    handle = built.network.stage1.register_forward_hook(lambda *_: calls.append(1))
    reference = built.prepare(hr)
    together = built.score([sr, hr], reference)
    handle.remove()
    assert len(calls) == 3
    assert together == [built.score([sr], reference)[0], pytest.approx(0, abs=1e-6)]


def test_an_outer_autocast_changes_nothing(metric, pair) -> None:
    built, (sr, hr) = metric("dists@vgg16"), pair
    before = built.score([sr], built.prepare(hr))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert built.score([sr], built.prepare(hr)) == before


def test_the_resizing_variant_resizes(metric, make_image, degrade) -> None:
    hr = make_image(260, 272)
    sr = degrade(hr, 1)
    resizing, plain = metric("dists@vgg16-resize256"), metric("dists@vgg16")
    small = [shorter_side(image, 256) for image in (sr, hr)]
    assert resizing.score([sr], resizing.prepare(hr)) == plain.score(
        [small[0]], plain.prepare(small[1])
    )


@pytest.mark.parametrize(("height", "width"), [(300, 401), (513, 290), (256, 300), (40, 30)])
def test_resizing_is_torchvisions_of_a_pillow_image(make_image, height: int, width: int) -> None:
    image = make_image(height, width)
    expected = image
    if min(height, width) > 256:  # as the authors' script asks before it resizes
        expected = np.asarray(resize(Image.fromarray(image), 256))
    assert np.array_equal(shorter_side(image, 256), expected)
