from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from baselines import lora, vae
from baselines.s3diff.degradation import load_estimator
from baselines.s3diff.modulation import fourier
from baselines.s3diff.network import GUIDANCE, S3DiffNetwork, unet_block, vae_block
from baselines.s3diff.restorer import NEGATIVE, POSITIVE, TILING
from baselines.sd21.components import embed
from baselines.sd21.one_step import TIMESTEP, predict_x0
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tiling import Tiling, predict_tiled

if TYPE_CHECKING:
    from baselines.sd21.components import Components

Files = tuple[Path, Path]
FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 1e-6  # in float64, in which the official code ran too
CASES = {
    "untiled": (small.picture(128, 96), TILING),
    "tiled": (small.picture(192, 128, 0.5), Tiling(tile=12, overlap=4)),
}

# The parts that a port may get wrong, by the names of their tensors: B of each modulated layer,
# and what makes the matrices between B and A.
_MODULATED = {
    "queries": r"to_q\.b$",
    "keys": r"to_k\.b$",
    "values": r"to_v\.b$",
    "outputs of attention": r"to_out\.0\.b$",
    "convolutions": r"(conv1|conv2|conv)\.b$",
    "shortcuts": r"conv_shortcut\.b$",
    "projections": r"proj_(in|out)\.b$",
    "feed-forward": r"ff\.net\..*\.b$",
    "conv_out": r"^conv_out\.b$",
}
_MODULATED_OF_VAE = {
    "attention": r"attentions.*\.b$",
    "convolutions": r"resnets.*\.b$",
    "downsamplers": r"downsamplers.*\.b$",
    "conv_in": r"conv_in\.b$",
    "conv_out": r"conv_out\.b$",
}
_MODULATION = {
    "de_mlp": r"^de_mlp",
    "block_mlp": r"^block_mlp",
    "fuse_mlp": r"^fuse_mlp",
    "embeddings of blocks": r"^block\.weight",
}


def _lr_of(x: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(x * 0.5 + 0.5, 4).clamp(0, 1)


@dataclass
class Way:
    """The networks of `s3diff.pkl` on the way from an enlarged LR image to the result."""

    parts: Components
    network: S3DiffNetwork
    estimator: nn.Module

    def text(self) -> Tensor:
        with torch.inference_mode():
            return embed(self.parts, [NEGATIVE, POSITIVE], "cpu")

    def encoded(self, x: Tensor, noise: Tensor, lr: Tensor | None = None) -> dict[str, Tensor]:
        """Return what comes before the U-Net."""
        network, found = self.network, {}
        with torch.inference_mode():
            found["degrees"] = self.estimator(_lr_of(x) if lr is None else lr)
            network.adapt(found["degrees"])
            found["fourier"] = fourier(found["degrees"], network._frequencies)
            found["vae_embeds"] = network._vae_mixing.matrices.flatten(2)
            found["unet_embeds"] = network._unet_mixing.matrices[:1].flatten(2)
            found["moments"] = self.parts.vae.encode(x).latent_dist.parameters
            found["z"] = vae.encode(self.parts.vae, x, noise)
        return found

    def __call__(
        self, x: Tensor, noise: Tensor, tiling: Tiling = TILING, text: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return every checkpoint of the way."""
        found = self.encoded(x, noise)
        z, text = found["z"], self.text() if text is None else text
        with torch.inference_mode():
            found["eps"] = predict_tiled(
                lambda tile: self.network.eps(tile.crop(z), text),
                (z.shape[-2], z.shape[-1]),
                tiling,
            )
            found["x0"] = predict_x0(z, found["eps"])
            found["image"] = vae.decode(self.parts.vae, found["x0"])
        return found


def _way(components: Components, files: Files) -> Way:
    return Way(components, S3DiffNetwork(components, files[0]), load_estimator(files[1]))


@pytest.mark.parametrize("case", CASES)
def test_every_checkpoint_of_the_way_is_that_of_the_official_code(
    components: Components, s3diff_files: Files, case: str
) -> None:
    x, tiling = CASES[case]
    x, way = x.double(), _way(components, s3diff_files)
    way.estimator.double()
    _in_double(components, way.network)
    noise = official.noise(f"s3diff.{case}", 1, 4, x.shape[-2] // 8, x.shape[-1] // 8)
    found, text = way(x, noise, tiling), way.text()
    if case == "untiled":
        found["text"], z = text, found["z"]
        with torch.inference_mode():
            found["conv_in"] = components.unet.conv_in(z)
            both = components.unet(
                z.repeat(2, 1, 1, 1), TIMESTEP, encoder_hidden_states=text
            ).sample
            found["eps_neg"], found["eps_pos"] = both.chunk(2)
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, f"{case}.{name}", tensor, TOLERANCE)


def test_a_fault_is_seen_hundredfold(
    components: Components,
    s3diff_files: Files,
    monkeypatch: pytest.MonkeyPatch,
    write_golden: bool,
) -> None:
    way = _way(components, s3diff_files)
    parts, network, text = way.parts, way.network, way.text()
    x, noise = small.picture(64, 64), official.noise("s3diff.faults", 1, 4, 8, 8)
    right = way(x, noise, text=text)

    def eps() -> Tensor:
        with torch.inference_mode():
            return network.eps(right["z"], text)

    def fault_of(name: str) -> Callable[[], Tensor]:
        return lambda: way.encoded(x, noise)[name]

    table = faults.of_weights(
        eps,
        (parts.unet,),
        {f"updates of {name}": pattern for name, pattern in _MODULATED.items()}
        | {"the trained conv_in": r"^conv_in\."},
    )
    table |= faults.of_weights(
        fault_of("moments"),
        (parts.vae,),
        {f"updates of the VAE's {name}": p for name, p in _MODULATED_OF_VAE.items()},
    )
    for part, modulation in (
        ("unet", network._unet_modulation),
        ("vae", network._vae_modulation),
    ):
        table |= faults.of_weights(
            fault_of(f"{part}_embeds"),
            (modulation,),
            {f"{name} of the {part}": pattern for name, pattern in _MODULATION.items()},
        )
    table |= faults.of_weights(
        fault_of("degrees"),
        (way.estimator,),
        {"the estimator of blur": r"\.0\.", "the estimator of noise": r"\.1\."},
    )
    table |= faults.of_weights(
        lambda: way(x, noise)["image"],
        (parts.text_encoder, parts.vae),
        {"the text encoder": r"self_attn\.v_proj", "the decoder": r"^decoder.*conv2\."},
    )
    with faults.put(torch.zeros_like, r"^time_embedding\.linear_2", parts.unet):
        table["no time embedding"] = faults.change(eps(), right["eps"])
    for timestep in (998, 1):
        monkeypatch.setattr(f"{S3DiffNetwork.__module__}.TIMESTEP", timestep)
        table[f"t={timestep} for 999"] = faults.change(eps(), right["eps"])
    monkeypatch.undo()
    for guidance in (1.0, 1.05):
        monkeypatch.setattr(f"{S3DiffNetwork.__module__}.GUIDANCE", guidance)
        table[f"guidance {guidance} for 1.07"] = faults.change(eps(), right["eps"])
    monkeypatch.undo()
    lr = _lr_of(x)
    wrong = {
        "prompts exchanged": way(x, noise, text=text.flip(0))["eps"],
        "the posterior's mean": way(x, torch.zeros_like(noise), text=text)["eps"],
        "the image in [0, 1]": way((x + 1) / 2, noise, text=text)["eps"],
        "channels swapped": way(x.flip(1), noise, text=text)["eps"],
    }
    table |= {name: faults.change(found, right["eps"]) for name, found in wrong.items()}
    for name, given in {
        "the estimator sees [-1, 1]": lr * 2 - 1,
        "the estimator sees BGR": lr.flip(1),
        "the estimator sees the enlarged image": x * 0.5 + 0.5,
    }.items():
        found = way.encoded(x, noise, given)
        table[name] = faults.change(found["degrees"], right["degrees"])
    network.adapt(right["degrees"].flip(1))
    table["blur and noise exchanged"] = faults.change(eps(), right["eps"])
    faults.check(table, FOLDER / "sensitivity.csv", TOLERANCE, write=write_golden)


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
