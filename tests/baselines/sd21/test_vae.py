from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from baselines.sd21 import vae

if TYPE_CHECKING:
    from baselines.sd21.components import Components


def test_a_latent_is_the_sample_that_diffusers_draws_from_the_same_stream(
    components: Components,
) -> None:
    x = torch.rand(1, 3, 32, 48) * 2 - 1
    noise = torch.randn(4, 4, 6, generator=torch.Generator().manual_seed(3))[None]
    with torch.inference_mode():
        posterior = components.vae.encode(x).latent_dist
        expected = posterior.sample(torch.Generator().manual_seed(3)) * 0.18215
        found = vae.encode(components.vae, x, noise)
    torch.testing.assert_close(found, expected)


def test_decoding_divides_by_the_factor_and_clamps(components: Components) -> None:
    z = torch.randn(1, 4, 4, 6, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        raw = components.vae.decode(z / 0.18215).sample
        found = vae.decode(components.vae, z)
    assert raw.abs().max() > 1
    torch.testing.assert_close(found, raw.clamp(-1, 1))


@pytest.mark.parametrize("tiled", [False, True])
def test_only_large_images_are_tiled_and_only_if_asked(
    components: Components, monkeypatch: pytest.MonkeyPatch, tiled: bool
) -> None:
    monkeypatch.setattr(vae, "_ENCODE_TILE", 12)
    monkeypatch.setattr(vae, "_ENCODE_UNTILED", 14)
    network = components.vae
    sides = []
    network.encoder.register_forward_hook(lambda _, x, __: sides.append(tuple(x[0].shape[-2:])))
    with torch.inference_mode():
        vae.encode(network, torch.zeros(1, 3, 112, 112), torch.zeros(1, 4, 14, 14), tiled=tiled)
        z = vae.encode(network, torch.zeros(1, 3, 64, 160), torch.zeros(1, 4, 8, 20), tiled=tiled)
    assert z.shape == (1, 4, 8, 20)
    assert sides[0] == (112, 112)
    assert (len(sides) == 2) is not tiled
    assert not network.use_tiling


@pytest.mark.parametrize("size", [(128, 192), (250, 256), (40, 600), (137, 137), (225, 225)])
def test_no_tile_is_a_sliver(size: tuple[int, int]) -> None:
    side = vae.even_tile(128, size)
    assert 64 <= side <= 128
    for length in size:
        last = length - range(0, length, int(side * 0.75))[-1]
        assert last >= min(length, side) // 3
