from __future__ import annotations

import torch

from mfsr.tiny.latent import PixelAutoencoder


def test_the_pixel_latent_is_exact_and_zero_where_nothing_is_to_add() -> None:
    latent = PixelAutoencoder(4)
    hr, lr_up = torch.rand(2, 3, 16, 24), torch.rand(2, 3, 16, 24)
    x = latent.encode_hr(hr, lr_up)
    assert x.shape == (2, latent.channels, 4, 6)
    torch.testing.assert_close(latent.decode(x, lr_up), hr)
    assert not latent.encode_hr(hr, hr).any()
    assert latent.encode_lr(lr_up).shape == x.shape


def test_the_pixel_latent_is_an_orthonormal_cosine_transform() -> None:
    """Against SciPy's: one grey cell, and white noise keeps its energy."""
    from scipy.fft import dctn

    latent = PixelAutoencoder(8)
    grey = torch.rand(8, 8, dtype=torch.float64)
    cell = grey.expand(1, 3, 8, 8).float()
    x = latent.encode_hr(cell, torch.zeros_like(cell)) * latent._residual[:, None, None]
    expected = torch.from_numpy(dctn(grey.numpy(), norm="ortho")).flatten() * 3**0.5
    torch.testing.assert_close(x[0, :64, 0, 0].double(), expected, atol=1e-5, rtol=1e-5)
    assert x[0, 64:].abs().max() < 1e-5  # grey has no colour
