from __future__ import annotations

import pytest
import torch

from baselines.dit4sr.flow_matching import squared_error
from mfsr.distillation import DistilConfig, sample_intervals
from mfsr.meanflow import pseudo_huber


@pytest.mark.parametrize(("velocity", "w"), [("negative", 6.0), ("null", 6.0), ("meanflow", 1.0)])
def test_the_default_weight_of_a_guidance_is_the_papers(velocity: str, w: float) -> None:
    config = DistilConfig(velocity=velocity)  # type: ignore[arg-type]
    assert config.guidance == w
    assert DistilConfig(velocity=velocity, w=2.5).guidance == 2.5  # type: ignore[arg-type]


def test_the_effective_scale_of_eq_9_is_the_papers() -> None:
    config = DistilConfig(velocity="meanflow")
    assert config.guidance / (1 - config.kappa) == pytest.approx(5.9, abs=0.05)


def test_oftsr_draws_its_ends_evenly_and_starts_at_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    sigma, r = sample_intervals(DistilConfig(objective="oftsr"), 20_000, 0, generator)
    assert (sigma == 1).all()
    assert 0.01 <= r.min() < 0.011 and 0.989 < r.max() <= 0.99
    shares = torch.histc(r, bins=7, min=0.01, max=0.99) / len(r)
    assert ((shares - 1 / 7).abs() < 0.01).all()


def test_a_warm_up_looks_at_no_intervals() -> None:
    config = DistilConfig(prob_equal=0.0, warmup_equal=2)
    for step, equal in ((1, True), (2, False)):
        sigma, r = sample_intervals(config, 64, step, torch.Generator().manual_seed(0))
        assert bool((sigma == r).all()) is equal


def test_the_loss_is_the_configured_one() -> None:
    ours, target = torch.randn(2, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(DistilConfig(loss="mse").error(ours, target), squared_error(ours, target))
    huber = DistilConfig(huber_c=0.3).error(ours, target)
    assert torch.equal(huber, pseudo_huber(ours, target, 0.3))


@pytest.mark.parametrize("low_high", [(-0.1, 1.0), (0.5, 0.5), (0.2, 1.1)])
def test_a_range_of_lambda_outside_its_interval_is_refused(low_high: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="not a range within"):
        DistilConfig(split_low=low_high[0], split_high=low_high[1])
