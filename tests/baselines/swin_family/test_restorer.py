from __future__ import annotations

import pytest
import torch

from baselines.resshift.cards import SINSR, STRIDES
from baselines.swin_family.noise import draw
from baselines.swin_family.restorer import ChoppingRestorer, chop_option
from benchmarks.api.errors import ConfigError
from benchmarks.api.restorer import LRBatch, Runtime


class Noisy(ChoppingRestorer):
    """Enlarges a tile and adds one draw of noise to it."""

    card = SINSR
    strides = STRIDES
    upstream_seed = 12345

    @classmethod
    def load(cls, runtime):
        return cls(runtime)

    def _restore_tile(self, lr, noise):
        assert lr.min() >= -1
        assert lr.min() < -0.5
        sr = lr.repeat_interleave(4, -1).repeat_interleave(4, -2)
        return 0.5 * sr + 0.1 * draw((1, 1, 1, 1), noise)


def _restore(seeds, size=(8, 8), **runtime):
    images = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    ids = tuple(map(str, range(len(seeds))))
    batch = LRBatch(images=images.expand(len(seeds), -1, -1, -1), ids=ids, seeds=seeds)
    return Noisy(Runtime(card=SINSR, **runtime)).restore(batch)


def test_the_seed_of_an_image_decides_wherever_it_stands():
    together = _restore((4, 9, 4))
    assert torch.equal(together[0], together[2])
    assert torch.equal(together[1], _restore((9,))[0])
    assert not torch.equal(together[0], together[1])


def test_upstreams_stream_runs_on_from_image_to_image():
    together = _restore((4, 4), options={"noise": "upstream"})
    assert not torch.equal(together[0], together[1])
    assert torch.equal(together, _restore((7, 8), options={"noise": "upstream"}))


def test_upstreams_stream_begins_again_with_each_data_set():
    image = LRBatch(images=torch.rand(1, 3, 8, 8), ids=("a",), seeds=(4,))
    noisy = Noisy(Runtime(card=SINSR, options={"noise": "upstream"}))
    noisy.begin("one", (), seed=1)
    first, second = noisy.restore(image), noisy.restore(image)
    noisy.begin("two", (), seed=2)
    assert torch.equal(noisy.restore(image), first)
    assert not torch.equal(first, second)


def test_tiles_go_on_in_the_images_stream():
    sr = _restore((4,), size=(64, 112), options={"chop": "64"})
    plain = _restore((4,), size=(64, 112))
    offset = (sr - plain)[0, 0, 0]
    assert offset[:192].abs().max() < 1e-6  # the first tile draws what the whole image draws
    assert offset[-192:].abs().min() > 1e-3


def test_the_option_offers_the_strides():
    option = chop_option({256: 224, 64: 48})
    assert (option.default, option.choices) == ("256", ("256", "64"))
    with pytest.raises(ConfigError, match="cannot take chop=65"):
        _restore((4,), options={"chop": "65"})
