from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mfsr.tiny.base import Base, BaseConfig
from mfsr.tiny.latent import ResidualAutoencoder


def filled(channels: int) -> Base:
    torch.manual_seed(0)
    base = Base(BaseConfig(width=8, blocks=(1, 1, 1), channels=channels)).eval()
    with torch.no_grad():
        for parameter in base.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return base


def some_pairs(count: int = 6) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(2, 1, 3, 32, 32, generator=generator) for _ in range(count)]
    return [(hr, F.avg_pool2d(lr, 5, 1, 2)) for hr, lr in images]


def test_an_untrained_base_is_the_enlarged_lr_image() -> None:
    lr_up = torch.rand(1, 3, 16, 24)
    b, log_error = Base(BaseConfig(width=8, blocks=(1, 1, 1)))(lr_up)
    assert torch.equal(b, lr_up)
    assert log_error.shape == (1, 1, 4, 6)


@torch.no_grad()
def test_all_components_hold_the_whole_image() -> None:
    latent = ResidualAutoencoder(filled(48))
    pairs = some_pairs()
    latent.base.fit_whitening(pairs)
    hr, lr_up = pairs[0]
    x = latent.encode_hr(hr, lr_up)
    assert x.shape == (1, 48, 8, 8) and latent.encode_lr(lr_up).shape == (1, 56, 8, 8)
    torch.testing.assert_close(latent.decode(x, lr_up), hr, atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_latent_is_of_unit_variance_and_its_components_are_numpys() -> None:
    base, pairs = filled(10), some_pairs()
    variances = base.fit_whitening(pairs)
    x = torch.cat([base.encode(hr, lr_up) for hr, lr_up in pairs])
    moments = torch.einsum("bkhw,blhw->kl", x, x) / (len(x) * 64)
    torch.testing.assert_close(moments, torch.eye(10), atol=2e-3, rtol=0)
    cells = []
    for hr, lr_up in pairs:
        b, log_error = base(lr_up)
        cells.append(F.pixel_unshuffle(hr - b, 4) / log_error.exp())
    rows = torch.cat(cells).permute(0, 2, 3, 1).reshape(-1, 48).double().numpy()
    singular = np.linalg.svd(rows, compute_uv=False)
    np.testing.assert_allclose(variances.numpy(), singular**2 / len(rows), rtol=1e-6)


@pytest.mark.parametrize("part", ["trunk", "proj_out"])
def test_the_expected_error_does_not_train_the_restoration(part: str) -> None:
    base = filled(4)
    base(torch.rand(1, 3, 16, 16))[1].sum().backward()
    assert all(p.grad is None for p in getattr(base, part).parameters())
    assert all(p.grad is not None for p in base.error.parameters())
