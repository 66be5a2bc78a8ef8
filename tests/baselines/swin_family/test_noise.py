from __future__ import annotations

import torch

from baselines.resshift.cards import SINSR
from baselines.swin_family.noise import draw, images_with_noise, upstream_stream
from benchmarks.api.restorer import LRBatch, Runtime


def _draws(seeds, stream=None):
    images = torch.arange(len(seeds) * 12.0).reshape(-1, 3, 2, 2)
    batch = LRBatch(images=images, ids=tuple(map(str, seeds)), seeds=seeds)
    pairs = list(images_with_noise(batch, stream))
    assert [image.shape for image, _ in pairs] == [(1, 3, 2, 2)] * len(seeds)
    return [draw((1, 3, 2, 2), generator) for _, generator in pairs]


def test_each_image_has_its_own_stream():
    together = _draws((4, 9))
    assert torch.equal(together[1], _draws((9,))[0])
    assert not torch.equal(together[0], together[1])


def test_upstream_has_one_stream_for_all():
    assert upstream_stream(Runtime(card=SINSR), 12345) is None
    faithful = Runtime(card=SINSR, faithful=True)
    found = _draws((4, 9), upstream_stream(faithful, 12345))
    torch.manual_seed(12345)  # what upstream does, once
    assert all(torch.equal(noise, torch.randn(1, 3, 2, 2)) for noise in found)
