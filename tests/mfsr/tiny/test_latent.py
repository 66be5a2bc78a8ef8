from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.fft import dctn
from torch import Tensor

from mfsr.tiny.base import Base, BaseConfig
from mfsr.tiny.latent import ResidualAutoencoder

_ORDER = sorted((i + j, i, j) for i in range(4) for j in range(4))[1:]


def filled(channels: int) -> Base:
    torch.manual_seed(0)
    base = Base(BaseConfig(width=8, blocks=(1, 1, 1), channels=channels)).eval()
    with torch.no_grad():
        for parameter in base.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return base


def some_pair() -> tuple[Tensor, Tensor]:
    hr, lr = torch.rand(2, 1, 3, 32, 24, generator=torch.Generator().manual_seed(1))
    return hr, F.avg_pool2d(lr, 5, 1, 2)


def test_an_untrained_base_is_the_enlarged_lr_image() -> None:
    lr_up = torch.rand(1, 3, 16, 24)
    b, log_error = Base(BaseConfig(width=8, blocks=(1, 1, 1)))(lr_up)
    assert torch.equal(b, lr_up)
    assert log_error.shape == (1, 12, 4, 6)


@torch.no_grad()
def test_the_latent_is_the_dct_of_the_rest_in_luminance_over_its_expected_error() -> None:
    base, (hr, lr_up) = filled(12), some_pair()
    x = ResidualAutoencoder(base).encode_hr(hr, lr_up)
    b, log_error = base(lr_up)
    cells = (hr - b)[0].mean(0).double().numpy().reshape(8, 4, 6, 4).transpose(0, 2, 1, 3)
    spectra = dctn(cells, axes=(2, 3), norm="ortho")
    wanted = np.stack([spectra[:, :, i, j] for _, i, j in _ORDER[:12]])
    np.testing.assert_allclose(x[0], wanted / log_error[0].exp().numpy(), atol=1e-4)


@torch.no_grad()
def test_all_frequencies_and_the_means_of_cells_hold_the_whole_luminance() -> None:
    latent, (hr, lr_up) = ResidualAutoencoder(filled(15)), some_pair()
    sr = latent.decode(latent.encode_hr(hr, lr_up), lr_up)
    b, _ = latent.base(lr_up)
    means = F.interpolate(F.avg_pool2d((hr - b).mean(1, keepdim=True), 4), scale_factor=4.0)
    torch.testing.assert_close((sr + means).mean(1), hr.mean(1), atol=1e-5, rtol=0)
    colour = sr - sr.mean(1, keepdim=True)  # the base's
    torch.testing.assert_close(colour, b - b.mean(1, keepdim=True), atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_features_are_those_of_the_image_at_hand() -> None:
    latent, (one, other) = ResidualAutoencoder(filled(4)), some_pair()
    first = latent.encode_lr(one)
    assert not torch.equal(latent.encode_lr(other), first)
    assert torch.equal(latent.encode_lr(one), first)


@pytest.mark.parametrize("part", ["trunk", "proj_out"])
def test_the_expected_error_does_not_train_the_restoration(part: str) -> None:
    base = filled(4)
    base(torch.rand(1, 3, 16, 16))[1].sum().backward()
    assert all(p.grad is None for p in getattr(base, part).parameters())
    assert all(p.grad is not None for p in base.error.parameters())
