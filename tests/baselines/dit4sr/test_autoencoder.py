from __future__ import annotations

import pytest
import torch

from baselines.dit4sr.autoencoder import SD3Autoencoder
from benchmarks.api.errors import WeightsCorruptError


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def small_vae() -> object:
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=16,
        scaling_factor=1.5305,
        shift_factor=0.0609,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def test_sd3_latents_are_shifted_scaled_and_seeded_per_image() -> None:
    vae = small_vae().double()
    latent = SD3Autoencoder(vae)
    images = torch.rand(2, 3, 32, 32).double()
    z = latent.encode_lr(images, generators(3, 4))
    assert z.shape == (2, 16, 4, 4)
    alone = latent.encode_lr(images[1:], generators(4))
    torch.testing.assert_close(alone[0], z[1], atol=1e-12, rtol=0)

    with torch.no_grad():
        posterior = vae.encode(2 * images - 1).latent_dist  # type: ignore[attr-defined]
        drawn = torch.stack([torch.randn(16, 4, 4, generator=g) for g in generators(3, 4)])
        expected = (posterior.mean + posterior.std * drawn - 0.0609) * 1.5305
        torch.testing.assert_close(z, expected.float())
        decoded = vae.decode(z.double() / 1.5305 + 0.0609).sample / 2 + 0.5  # type: ignore[attr-defined]
    torch.testing.assert_close(latent.decode(z, images), decoded.float())


def test_a_folder_without_a_vae_is_an_error(tmp_path: object) -> None:
    with pytest.raises(WeightsCorruptError, match="cannot be read"):
        SD3Autoencoder.load(tmp_path, device="cpu", dtype=torch.float32)  # type: ignore[arg-type]
