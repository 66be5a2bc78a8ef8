"""The VQ autoencoder: its names, its file, and the search in its codebook."""

from __future__ import annotations

import math

import pytest
import torch

from baselines.resshift.autoencoder import (
    Autoencoder,
    VQConfig,
    load_autoencoder,
    nearest_codes,
    nearest_in_chunks,
    official_name,
    official_shapes,
)
from benchmarks.api.errors import WeightsCorruptError


def test_full_size():
    with torch.device("meta"):
        autoencoder = Autoencoder(VQConfig())
    shapes = official_shapes(autoencoder)
    assert len(shapes) == 205
    assert sum(map(math.prod, shapes.values())) == 55_322_782
    assert shapes["quantize.embedding.weight"] == (8192, 3)
    assert shapes["encoder.mid.attn_1.proj_out.weight"] == (512, 512, 1, 1)
    assert shapes["encoder.down.1.downsample.conv.weight"] == (256, 256, 3, 3)
    assert shapes["decoder.up.2.upsample.conv.weight"] == (512, 512, 3, 3)
    assert shapes["decoder.up.0.block.0.nin_shortcut.weight"] == (128, 256, 1, 1)


@pytest.mark.parametrize(
    ("ours", "official"),
    [
        ("encoder.mid_block.resnets.1.conv1.weight", "encoder.mid.block_2.conv1.weight"),
        ("decoder.mid_block.attentions.0.to_out.0.bias", "decoder.mid.attn_1.proj_out.bias"),
        ("decoder.mid_block.attentions.0.group_norm.bias", "decoder.mid.attn_1.norm.bias"),
        ("decoder.up_blocks.0.resnets.2.norm1.bias", "decoder.up.2.block.2.norm1.bias"),
        ("decoder.conv_norm_out.weight", "decoder.norm_out.weight"),
        ("quant_conv.weight", "quant_conv.weight"),
    ],
)
def test_official_name(ours, official):
    assert official_name(ours) == official


def test_a_wrong_file_is_refused(checkpoints, vq_config, tmp_path):
    tensors = torch.load(checkpoints / "autoencoder.pth", weights_only=True)["state_dict"]
    del tensors["module.decoder.mid.attn_1.q.weight"]
    torch.save(tensors, tmp_path / "wrong.pth")
    with pytest.raises(WeightsCorruptError, match="key 'decoder.mid.attn_1.q.weight' is missing"):
        load_autoencoder(tmp_path / "wrong.pth", vq_config)


def test_both_searches_find_the_nearest_code():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(1000, 3, generator=generator)
    codebook = torch.randn(37, 3, generator=generator)
    exact = torch.cdist(vectors.double(), codebook.double()).argmin(dim=1)
    assert torch.equal(nearest_codes(vectors, codebook), exact)
    for distances in (1, 37, 37 * 300, 2**25):
        assert torch.equal(nearest_in_chunks(vectors, codebook, distances=distances), exact)


@pytest.mark.parametrize("search", [nearest_codes, nearest_in_chunks])
def test_the_search_ignores_autocast(search):
    vectors = torch.tensor([[1.0, 0.0, 0.0]])
    codebook = torch.tensor([[1.004, 0.0, 0.0], [1.003, 0.0, 0.0]])  # equal in bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert search(vectors, codebook).tolist() == [1]


def test_quantised_latents_are_codes(autoencoder):
    latent = torch.randn(2, 3, 4, 8, generator=torch.Generator().manual_seed(1))
    quantised = autoencoder.quantise(latent)
    assert quantised.shape == latent.shape
    assert torch.equal(autoencoder.quantise(quantised), quantised)
    codes = set(map(tuple, autoencoder.codebook.tolist()))
    assert set(map(tuple, quantised.permute(0, 2, 3, 1).reshape(-1, 3).tolist())) <= codes
