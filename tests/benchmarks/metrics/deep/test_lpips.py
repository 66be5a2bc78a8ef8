from __future__ import annotations

import pytest
import torch

from benchmarks import registry
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import to_tensor
from benchmarks.metrics.scoring import build


@pytest.mark.parametrize("name", ["lpips@alex", "lpips@vgg"])
def test_value_is_that_of_pyiqas_own_forward(metric, pair, name: str) -> None:
    built, (sr, hr) = metric(name), pair
    (value,) = built.score([sr], built.prepare(hr))
    with torch.no_grad():
        expected = built.network(to_tensor(sr)[None], to_tensor(hr)[None]).item()
    assert value == pytest.approx(expected, rel=1e-6)
    assert value > 0


@pytest.mark.parametrize("name", ["lpips@alex", "lpips@vgg"])
def test_hr_is_looked_at_once(metric, pair, name: str) -> None:
    built, (sr, hr) = metric(name), pair
    calls = []
    handle = built.network.net.slice1.register_forward_hook(lambda *_: calls.append(1))
    reference = built.prepare(hr)
    together = built.score([sr, hr], reference)
    handle.remove()
    assert len(calls) == 3
    assert together == [built.score([sr], reference)[0], 0.0]


def test_an_outer_autocast_changes_nothing(metric, pair) -> None:
    built, (sr, hr) = metric("lpips@alex"), pair
    before = built.score([sr], built.prepare(hr))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert built.score([sr], built.prepare(hr)) == before


@pytest.mark.parametrize("name", ["lpips@alex", "lpips@vgg", "dists@vgg16"])
def test_minimum_side_is_where_the_network_still_has_a_value(metric, make_image, name: str) -> None:
    side = registry.metric_specs()[name].minimum_side
    built, image, smaller = metric(name), make_image(side, side), make_image(side - 1, side - 1)
    assert built.score([image], built.prepare(image)) == [pytest.approx(0, abs=1e-6)]
    if name != "dists@vgg16":  # its own pooling leaves a pixel of anything
        with pytest.raises(RuntimeError):
            built.prepare(smaller)


def test_linear_layers_of_another_network_are_refused(runtime) -> None:
    found = runtime("lpips@alex")
    vgg = runtime("lpips@vgg")
    place = found.weight("LPIPS_v0.1_alex-df73285e.pth")
    original = place.read_bytes()
    place.write_bytes(vgg.weight("LPIPS_v0.1_vgg-a78928a0.pth").read_bytes())
    try:
        with pytest.raises(WeightsCorruptError, match="does not fit LPIPS"):
            build(found.spec, store=found.weights)
    finally:
        place.write_bytes(original)
