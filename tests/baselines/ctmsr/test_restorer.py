from __future__ import annotations

from pathlib import Path

import pytest
import torch
from golden_tables import assert_agrees, rows_of

from baselines.ctmsr import network as networks
from baselines.ctmsr.restorer import CTMSR
from benchmarks import registry
from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore


def _batch(*images, seeds=(3, 5)):
    ids = tuple(map(str, range(len(images))))
    return LRBatch(images=torch.stack(images), ids=ids, seeds=seeds[: len(images)])


def _random(*shape, seed=0):
    return torch.rand(3, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def ctmsr(network):
    return lambda **runtime: CTMSR(Runtime(card=CTMSR.card, **runtime), network)


def test_registered():
    assert registry.restorer("ctmsr") is CTMSR
    assert CTMSR.card.check_steps(None) == 1


def test_upstream_stream_gives_the_official_image(ctmsr):
    image = torch.rand(1, 3, 72, 50, generator=torch.Generator().manual_seed(7))
    sr = ctmsr(options={"noise": "upstream"}).restore(
        LRBatch(images=image, ids=("a",), seeds=(99,))
    )
    assert_agrees(sr, rows_of(Path(__file__).with_name("golden.csv"))["sr"])


def test_official_file_loads_and_restores(checkpoint, config, tmp_path, monkeypatch):
    runtime = Runtime(card=CTMSR.card, weights=WeightStore(root=tmp_path))
    with pytest.raises(WeightsMissingError, match=r"CTMSR.pth .*\n.*weights fetch ctmsr"):
        CTMSR.load(runtime)
    (tmp_path / "ctmsr").mkdir()
    (tmp_path / "ctmsr" / "CTMSR.pth").symlink_to(checkpoint)
    monkeypatch.setattr(networks, "CTMSRConfig", lambda: config)
    method = CTMSR.load(runtime)
    assert method.restore(_batch(_random(20, 33))).shape == (1, 3, 80, 132)
    assert set(method.pop_stages()) == {"network"}


def test_an_image_is_the_same_alone_and_in_a_batch(ctmsr):
    images = [_random(40, 24, seed=seed) for seed in range(2)]
    together = ctmsr().restore(_batch(*images))
    assert torch.equal(together[1], ctmsr().restore(_batch(images[1], seeds=(5,)))[0])
    assert not torch.equal(together[1], ctmsr().restore(_batch(images[1], seeds=(6,)))[0])


def test_chopping(ctmsr):
    image = _random(64, 300)
    sr = ctmsr(options={"chop": "256"}).restore(_batch(image))
    assert sr.shape == (1, 3, 256, 1200)
    first = ctmsr().restore(_batch(image[..., :256]))  # the first tile has the first noise
    assert torch.allclose(sr[..., :256], first[..., :256], atol=1e-5)
