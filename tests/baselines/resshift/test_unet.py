"""The Swin U-Net at full size, by its names and shapes, and how it refuses a file."""

from __future__ import annotations

import pytest
import torch

from baselines.resshift.unet import SwinUNet, UNetConfig, load_unet, time_embedding
from baselines.swin_family.swin import constant_names
from benchmarks.api.errors import WeightsCorruptError


@pytest.fixture(scope="module")
def full_size():
    with torch.device("meta"):
        return SwinUNet(UNetConfig())


def test_full_size(full_size):
    parameters = dict(full_size.named_parameters())
    assert sum(p.numel() for p in parameters.values()) == 118_593_583
    names = set(full_size.state_dict())
    assert names == set(parameters)
    assert len(names | constant_names(full_size)) == 564


def test_official_names(full_size):
    """Some of the names that the layout in the checkpoint implies, with their shapes."""
    shapes = {name: tuple(tensor.shape) for name, tensor in full_size.state_dict().items()}
    assert shapes["input_blocks.0.0.weight"] == (160, 6, 3, 3)
    assert shapes["input_blocks.9.0.op.weight"] == (320, 320, 3, 3)
    assert shapes["input_blocks.10.1.blocks.1.mlp.fc1.weight"] == (768, 192, 1, 1)
    assert shapes["middle_block.1.blocks.0.attn.relative_position_bias_table"] == (225, 6)
    assert shapes["output_blocks.2.0.in_layers.2.weight"] == (640, 960, 3, 3)
    assert shapes["output_blocks.2.1.conv.weight"] == (640, 640, 3, 3)
    assert shapes["output_blocks.9.0.skip_connection.weight"] == (160, 480, 1, 1)
    assert shapes["output_blocks.9.1.patch_unembed.proj.weight"] == (160, 192, 1, 1)
    assert shapes["out.2.weight"] == (3, 160, 3, 3)
    masks = {name for name in constant_names(full_size) if name.endswith("attn_mask")}
    stages = ("input_blocks.1", "input_blocks.4", "input_blocks.7")
    stages += ("output_blocks.3", "output_blocks.6", "output_blocks.9")
    assert masks == {f"{stage}.1.blocks.1.attn_mask" for stage in stages}


def test_time_embedding_is_cosines_first():
    embedding = time_embedding(torch.tensor([0, 3]), 8)
    assert embedding[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert embedding[1, 0] == torch.tensor(3.0).cos()
    assert embedding[1, 4] == torch.tensor(3.0).sin()


def _saved(tensors, path):
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tensors: tensors.pop("input_blocks.2.0.in_layers.0.weight"),
            "key 'input_blocks.2.0.in_layers.0.weight' is missing",
        ),
        (
            lambda tensors: tensors.update({"out.2.weight": torch.zeros(3, 16, 3, 3)}),
            r"'out.2.weight' has shape \(3, 16, 3, 3\) where \(3, 32, 3, 3\)",
        ),
        (
            lambda tensors: tensors.update(extra=torch.zeros(1)),
            "key 'extra' is not part of the network",
        ),
    ],
)
def test_a_wrong_file_is_refused(change, message, checkpoints, unet_config, tmp_path):
    tensors = torch.load(checkpoints / "unet.pth", weights_only=True)
    change(tensors)
    with pytest.raises(WeightsCorruptError, match=message):
        load_unet(_saved(tensors, tmp_path / "wrong.pth"), unet_config)


def test_the_autoencoders_file_is_refused(checkpoints, unet_config):
    with pytest.raises(WeightsCorruptError, match="key 'time_embed.0.weight' is missing"):
        load_unet(checkpoints / "autoencoder.pth", unet_config)
