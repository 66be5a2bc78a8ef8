from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import small_networks as small
import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from baselines import lora, vae
from baselines.s3diff.degradation import load_estimator
from baselines.s3diff.modulation import fourier
from baselines.s3diff.network import GUIDANCE, S3DiffNetwork, unet_block, vae_block
from baselines.s3diff.restorer import NEGATIVE, POSITIVE
from baselines.sd21.components import embed
from baselines.sd21.one_step import TIMESTEP, predict_x0
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tiling import Tiling, predict_tiled

if TYPE_CHECKING:
    from torch import nn

    from baselines.sd21.components import Components

Files = tuple[Path, Path]
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
CASES = {
    "untiled": (small.picture(128, 96), Tiling(tile=96, overlap=32)),
    "tiled": (small.picture(192, 128, 0.5), Tiling(tile=12, overlap=4)),
}


def _lr_of(x: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(x * 0.5 + 0.5, 4).clamp(0, 1)


@pytest.mark.parametrize("case", CASES)
def test_every_checkpoint_of_the_way_is_that_of_the_official_code(
    components: Components, s3diff_files: Files, case: str
) -> None:
    x, tiling = CASES[case]
    golden = GOLDEN[case]
    network, estimator = S3DiffNetwork(components, s3diff_files[0]), load_estimator(s3diff_files[1])
    _in_double(components, network)
    x, estimator = x.double(), estimator.double()
    noise = torch.randn(
        4, x.shape[-2] // 8, x.shape[-1] // 8, generator=torch.Generator().manual_seed(7)
    )
    found: dict[str, Tensor] = {}
    with torch.inference_mode():
        found["degrees"] = estimator(_lr_of(x))
        network.adapt(found["degrees"])
        found["fourier"] = fourier(found["degrees"], network._frequencies)
        found["vae_embeds"] = network._vae_mixing.matrices.flatten(2)
        found["unet_embeds"] = network._unet_mixing.matrices[:1].flatten(2)
        found["moments"] = components.vae.encode(x).latent_dist.parameters
        z = found["z"] = vae.encode(components.vae, x, noise[None])
        text = embed(components, [NEGATIVE, POSITIVE], "cpu")
        found["eps_joined"] = predict_tiled(
            lambda tile: network.eps(tile.crop(z), text), (z.shape[-2], z.shape[-1]), tiling
        )
        found["x0"] = predict_x0(z, found["eps_joined"])
        found["image"] = vae.decode(components.vae, found["x0"])
        if case == "untiled":
            found["conv_in"] = components.unet.conv_in(z)
            both = components.unet(
                z.repeat(2, 1, 1, 1), TIMESTEP, encoder_hidden_states=text
            ).sample
            found["eps_neg"], found["eps_pos"] = both.chunk(2)
    for name, tensor in found.items():
        small.assert_golden(golden, name, tensor, atol=1e-4)


def _in_double(components: Components, network: S3DiffNetwork) -> None:
    """Have everything computed in float64, in which a value hangs on no processor."""
    for module in (components.unet, components.vae, components.text_encoder):
        module.double()
    network._unet_modulation.double(), network._vae_modulation.double()
    network._frequencies = network._frequencies.double()


def _folded(components: Components, path: Path, degrees: Tensor) -> Components:
    """Return the networks of one image: dW = scale * B M^T A added to stock weights."""
    found = copy.deepcopy(components)
    content = tree_map_only(Tensor, Tensor.double, torch.load(path, weights_only=True))
    with torch.no_grad():
        for name in ("weight", "bias"):
            value = content["state_dict_unet"][f"conv_in.{name}"]
            found.unet.get_parameter(f"conv_in.{name}").copy_(value)
        for part, adapter, block_of in (
            ("unet", "default", unet_block),
            ("vae", "vae_skip", vae_block),
        ):
            matrices = _matrices(content, part, degrees)
            rank = content[f"rank_{part}"]
            state = content[f"state_dict_{part}"]
            for key, a in state.items():
                if ".lora_A." not in key:
                    continue
                layer = key.split(".lora_A.")[0]
                b = state[f"{layer}.lora_B.{adapter}.weight"]
                weight = getattr(found, part).get_submodule(layer).weight
                delta = b.flatten(1) @ matrices[block_of(layer)].T @ a.flatten(1)
                weight += 8 / rank * delta.reshape(weight.shape)
    return found


def _matrices(content: dict[str, Any], part: str, degrees: Tensor) -> Tensor:
    """Return the mixing matrices (blocks, r, r) of one image, written out."""
    phase = 2 * torch.pi * degrees[:, None] * content["w"]
    f = torch.cat([phase[0].sin(), phase[0].cos(), phase[1].sin(), phase[1].cos()])

    def linear(name: str, x: Tensor, prefix: str = "0.") -> Tensor:
        state = content[f"state_dict_{part}_{name}"]
        return x @ state[f"{prefix}weight"].T + state[f"{prefix}bias"]

    blocks = content["state_embeddings"][f"state_dict_{part}_block"]["weight"]
    rows = [
        linear("fuse_mlp", torch.cat([linear("de_mlp", f).relu(), block]), "")
        for block in linear("block_mlp", blocks).relu()
    ]
    rank = content[f"rank_{part}"]
    return torch.stack(rows).reshape(-1, rank, rank)


def test_a_batch_gives_what_folding_per_image_gives(
    components: Components, s3diff_files: Files
) -> None:
    degrees, x, z, text = small.in_double(
        torch.tensor([[0.1, 0.9], [0.8, 0.2]]),
        torch.cat([small.picture(32, 40), small.picture(32, 40, 1.0)]),
        torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)),
        torch.randn(2, 77, 32, generator=torch.Generator().manual_seed(1)),
    )
    components.unet.double(), components.vae.double()
    expected = []
    with torch.inference_mode():
        for index in range(2):
            one = _folded(components, s3diff_files[0], degrees[index])
            negative, positive = (
                one.unet(
                    z[index : index + 1], TIMESTEP, encoder_hidden_states=text[k : k + 1]
                ).sample
                for k in range(2)
            )
            expected.append(
                (one.vae.encoder(x[index : index + 1]), negative + 1.07 * (positive - negative))
            )
        network = S3DiffNetwork(components, s3diff_files[0])
        _in_double(components, network)
        network.adapt(degrees)
        encoded, eps = components.vae.encoder(x), network.eps(z, text)
    torch.testing.assert_close(encoded, torch.cat([e for e, _ in expected]), rtol=0, atol=1e-11)
    torch.testing.assert_close(eps, torch.cat([e for _, e in expected]), rtol=0, atol=1e-11)
    assert not torch.allclose(expected[0][1], expected[1][1], atol=1e-2)
    assert GUIDANCE == 1.07


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("down_blocks.0.attentions.0.proj_in", 0),
        ("down_blocks.3.resnets.1.conv2", 3),
        ("mid_block.attentions.0.proj_out", 4),
        ("up_blocks.0.resnets.0.conv1", 5),
        ("up_blocks.3.attentions.2.proj_in", 8),
        ("conv_out", 9),
    ],
)
def test_blocks_of_the_unet(layer: str, block: int) -> None:
    assert unet_block(layer) == block


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("encoder.down_blocks.2.resnets.0.conv1", 2),
        ("encoder.mid_block.attentions.0.to_q", 4),
        ("encoder.conv_in", 5),
        ("encoder.conv_out", 5),
    ],
)
def test_blocks_of_the_encoder(layer: str, block: int) -> None:
    assert vae_block(layer) == block


_TO_Q = r"mid_block\.attentions\.0\.transformer_blocks\.0\.attn1\.to_q\.lora_A\.default\.weight"
_WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a key is missing": (
        lambda c: c["state_dict_unet"].pop(_TO_Q.replace("\\", "")),
        f"state_dict_unet: key '{_TO_Q}' is missing",
    ),
    "no trained conv_in": (
        lambda c: c["state_dict_unet"].pop("conv_in.weight"),
        r"key 'conv_in\.weight' is missing",
    ),
    "another rank": (
        lambda c: c.update(rank_unet=16),
        r"unet fuse_mlp: key 'weight' has shape \(1024, 320\) where \(256, 320\) was expected",
    ),
    "the frequencies are missing": (lambda c: c.pop("w"), "'w' is missing where Tensor"),
    "an embedding is missing": (
        lambda c: c["state_embeddings"].pop("state_dict_vae_block"),
        "'state_dict_vae_block' is missing",
    ),
    "targets of no type": (
        lambda c: c.update(vae_lora_target_modules=3),
        "'vae_lora_target_modules' is int where list was expected",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    components: Components, s3diff_files: Files, tmp_path: Path, case: str
) -> None:
    change, message = _WRONG[case]
    content = torch.load(s3diff_files[0], weights_only=True)
    change(content)
    torch.save(content, tmp_path / "wrong.pkl")
    with pytest.raises(WeightsCorruptError, match=message):
        S3DiffNetwork(components, tmp_path / "wrong.pkl")


def test_keys_and_sizes_at_full_size(full_size: tuple[nn.Module, nn.Module]) -> None:
    unet, other = full_size
    shapes = small.s3diff_shapes(unet, other)
    layers = lora.matching(unet, small.S3DIFF_UNET_TARGETS)
    updates = lora.expected_shapes(unet, layers, "default", 32)
    assert len(updates) == 514
    assert len(shapes["state_dict_unet"]) == 514 + 2
    assert updates == {k: v for k, v in shapes["state_dict_unet"].items() if "lora" in k}
    assert sum(torch.Size(shape).numel() for shape in updates.values()) == 32_434_304
    layers = lora.matching(other, small.S3DIFF_VAE_TARGETS)
    updates = lora.expected_shapes(other, layers, "vae_skip", 16)
    assert len(updates) == 62
    assert updates == shapes["state_dict_vae"]
    assert sum(torch.Size(shape).numel() for shape in updates.values()) == 1_477_168
