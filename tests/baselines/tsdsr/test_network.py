"""Against values of the official test_tsdsr.py (Microtreei/TSD-SR at e901821), run unchanged.

golden.json: the script's own functions on the networks of small_sd3, with peft's layers beside the
weights, float32.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faults
import official
import pytest
import small_networks as small
import small_sd3
import torch
from safetensors.torch import load_file, save_file

from baselines import lora, vae
from baselines.tsdsr import network, weights
from baselines.tsdsr.network import (
    TRANSFORMER_TARGETS,
    VAE_TARGETS,
    Networks,
    apply_release,
    load_networks,
    read_prompt,
    restore_latent,
)
from baselines.tsdsr.restorer import TILING
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.tiling import Tile, Tiling

FOLDER = Path(__file__).parent
GOLDEN = json.loads((FOLDER / "golden.json").read_text())
TOLERANCE = 1e-5  # in float64; the official code ran in float32
ROUNDING = 5e-8  # where it ran in float64 too


def release(root: Path) -> tuple[Path, Path]:
    return root / "tsdsr/transformer.safetensors", root / "tsdsr/vae.safetensors"


def prompt(root: Path) -> tuple[torch.Tensor, torch.Tensor]:
    return read_prompt(root / "tsdsr/prompt_embeds.pt", root / "tsdsr/pool_embeds.pt")


@pytest.mark.parametrize("how", ["folded", "beside"])
def test_every_value_on_the_way_is_that_of_the_official_code(
    networks: Networks, store: SimpleNamespace, how: Any
) -> None:
    apply_release(networks, *release(store.root), how)
    networks.transformer.double(), networks.vae.double()
    x = small.picture(512, 544).double() * 0.8
    noise = torch.randn(16, 64, 68, generator=torch.Generator().manual_seed(7))[None]
    text = prompt(store.root)
    with torch.inference_mode():
        found = {"moments": networks.vae.encode(x).latent_dist.parameters}
        z = found["z"] = vae.encode(networks.vae, x, noise)
        for case, crop in (("untiled", z[..., :64, :64]), ("tiled", z)):
            found[f"z_out_{case}"] = restore_latent(networks.transformer, crop, text, TILING)
            found[f"v_{case}"] = crop - found[f"z_out_{case}"]
        found["image"] = vae.decode(networks.vae, found["z_out_tiled"])
    for name, tensor in found.items():
        small.assert_golden(GOLDEN, name, tensor, atol=TOLERANCE)


def velocity(networks: Networks, text: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
    """The transformer's answer in float64, in which little gates of little changes count."""
    z = official.noise("tsdsr.velocity", 1, 16, 16, 16).double()
    with torch.inference_mode():
        return networks.transformer(
            hidden_states=z,
            timestep=torch.tensor([network.TIMESTEP]),
            encoder_hidden_states=text.double(),
            pooled_projections=pooled.double(),
        ).sample


def test_the_velocity_is_that_of_the_official_code(
    networks: Networks, store: SimpleNamespace
) -> None:
    networks.transformer.double()
    apply_release(networks, *release(store.root), "folded")
    found = velocity(networks, *prompt(store.root))
    small.assert_golden(GOLDEN, "velocity", found, ROUNDING)


_UPDATED = {
    "queries": r"\.to_q\.lora_B",
    "keys": r"\.to_k\.lora_B",
    "values": r"\.to_v\.lora_B",
    "outputs of attention": r"to_out\.0\.lora_B",
    "queries of text": r"add_q_proj\.lora_B",
    "keys of text": r"add_k_proj\.lora_B",
    "values of text": r"add_v_proj\.lora_B",
    "the patches": r"pos_embed\.proj\.lora_B",
    "modulations": r"norm1\.linear\.lora_B",
    "modulations of text": r"norm1_context\.linear\.lora_B",
    "norm_out": r"norm_out\.linear\.lora_B",
    "proj_out": r"proj_out\.lora_B",
}
_UPDATED_OF_VAE = {
    "conv_in": r"encoder\.conv_in\.lora_B",
    "convolutions": r"resnets.*lora_B",
    "shortcuts": r"shortcut\.lora_B",
    "downsamplers": r"downsamplers.*lora_B",
    "attention": r"attentions.*lora_B",
    "conv_out": r"encoder\.conv_out\.lora_B",
}


def in_memory(root: Path, patch: pytest.MonkeyPatch) -> tuple[Any, dict[Path, Any]]:
    """Return a release's files and what they hold, which is from now on what is read of them."""
    files = release(root)
    contents = {path: load_file(path) for path in files}
    patch.setattr(network, "read_safetensors", contents.__getitem__)
    return files, contents


def test_a_fault_is_seen_hundredfold(
    networks: Networks,
    store: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    write_golden: bool,
) -> None:
    files, contents = in_memory(store.root, monkeypatch)
    networks.transformer.double()
    forget = faults.keep(networks.transformer, networks.vae)
    text, pooled = prompt(store.root)

    def loaded() -> Networks:
        forget()
        apply_release(networks, *files, "folded")
        return networks

    groups = {f"updates of {name}": pattern for name, pattern in _UPDATED.items()}
    state = contents[files[0]]
    table = faults.of_weights(lambda: velocity(loaded(), text, pooled), (state,), groups)
    right = velocity(loaded(), text, pooled)
    for name, given in {
        "no text": (0 * text, pooled),
        "no pooled text": (text, 0 * pooled),
        "another text": (text.flip(-1), pooled),
    }.items():
        table[name] = faults.change(velocity(networks, *given), right)
    for timestep in (999.0, 1.0):
        monkeypatch.setattr(network, "TIMESTEP", timestep)
        table[f"t={timestep:g} for 1000"] = faults.change(velocity(networks, text, pooled), right)
    monkeypatch.setattr(network, "TIMESTEP", 1000.0)
    with faults.put(torch.zeros_like, r"timestep_embedder\.linear_2", networks.transformer):
        table["no time embedding"] = faults.change(velocity(networks, text, pooled), right)
    faults.check(table, FOLDER / "sensitivity.csv", ROUNDING, write=write_golden)


def test_a_fault_of_the_vae_is_seen_hundredfold(
    networks: Networks,
    store: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    write_golden: bool,
) -> None:
    files, contents = in_memory(store.root, monkeypatch)
    forget = faults.keep(networks.transformer, networks.vae)
    x, noise = small.picture(128, 128) * 0.8, official.noise("tsdsr.faults", 1, 16, 16, 16)

    def z(x: torch.Tensor = x, noise: torch.Tensor = noise) -> torch.Tensor:
        forget()
        apply_release(networks, *files, "folded")
        with torch.inference_mode():
            return vae.encode(networks.vae, x, noise)

    groups = {f"updates of {name}": pattern for name, pattern in _UPDATED_OF_VAE.items()}
    table = faults.of_weights(z, (contents[files[1]],), groups)
    right = z()
    for name, wrong in {
        "the posterior's mean": z(noise=0 * noise),
        "the noise turned round": z(noise=noise.flip(-1)),
        "the image in [0, 1]": z(x=(x + 1) / 2),
        "channels swapped": z(x=x.flip(1)),
    }.items():
        table[name] = faults.change(wrong, right)
    faults.check(table, FOLDER / "sensitivity_of_vae.csv", TOLERANCE, write=write_golden)


def test_folded_and_beside_agree_after_a_cast(networks: Networks, store: SimpleNamespace) -> None:
    """In half precision they differ by rounding alone, and by less than the update does."""
    base = store.root / "tsdsr/stable-diffusion-3-medium"
    z = small.values("z", (1, 16, 8, 8)) * 3
    found = {}
    for how in ("folded", "beside", "without"):
        parts = load_networks(base, *store.counts.values())
        if how != "without":
            apply_release(parts, *release(store.root), how)  # type: ignore[arg-type]
        torch.nn.Module.to(parts.transformer, torch.bfloat16)
        with torch.inference_mode():
            found[how] = restore_latent(parts.transformer, z.bfloat16(), prompt(store.root), TILING)
    rounding = float((found["folded"] - found["beside"]).abs().mean())
    update = float((found["folded"] - found["without"]).abs().mean())
    assert 0 < rounding < 0.1 * update


class Twice(Tiling):
    """Two tiles, each as large as the latent."""

    def grid(self, height: int, width: int) -> tuple[Tile, ...]:
        return (Tile(y=0, x=0, height=height, width=width),) * 2


def test_tiles_that_overlap_wholly_change_nothing(
    networks: Networks, store: SimpleNamespace
) -> None:
    z, text = small.values("z", (2, 16, 8, 8)) * 3, prompt(store.root)
    with torch.inference_mode():
        whole = restore_latent(networks.transformer, z, text, TILING)
        tiled = restore_latent(networks.transformer, z, text, Twice(tile=8, overlap=7))
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)


def test_keys_and_sizes_at_full_size() -> None:
    """The names that peft matches from upstream's lists are those that the loader expects."""
    from diffusers import AutoencoderKL, SD3Transformer2DModel

    with torch.device("meta"):
        parts = (
            SD3Transformer2DModel(**small_sd3.FULL_TRANSFORMER),
            AutoencoderKL(**small_sd3.FULL_VAE),
        )
    assert [sum(p.numel() for p in part.parameters()) for part in parts] == [
        weights.TRANSFORMER_PARAMETERS,
        weights.VAE_PARAMETERS,
    ]
    lists = (small_sd3.TSDSR_TARGETS, small_sd3.TSDSR_VAE_TARGETS)
    targets = (TRANSFORMER_TARGETS, VAE_TARGETS)
    for part, names, ours, tensors, parameters in zip(
        parts, lists, targets, (532, 62), (89_268_224, 5_910_208), strict=True
    ):
        shapes = small_sd3.tsdsr_shapes(part, names)
        assert len(shapes) == tensors
        assert sum(map(math.prod, shapes.values())) == parameters
        layers = lora.matching(part, ours)
        assert lora.expected_shapes(part, layers, "", 64, prefix="transformer") == shapes


_KEY = "transformer.transformer_blocks.1.attn.to_out.0.lora_B.weight"
_WRONG: dict[str, tuple[str, Callable[[dict[str, torch.Tensor]], object], str]] = {
    "a key is missing": (
        "transformer",
        lambda t: t.pop(_KEY),
        rf"transformer\.safetensors: key '{_KEY}' is missing \(\d+ keys, \d+ expected\)",
    ),
    "another rank": (
        "vae",
        lambda t: t.update({k: v[:32] for k, v in t.items() if "lora_A" in k}),
        r"key 'transformer\.encoder\.conv_in\.lora_A\.weight' has shape \(32, 3, 3, 3\) "
        r"where \(64, 3, 3, 3\) was expected",
    ),
    "one key more": (
        "vae",
        lambda t: t.update({"transformer.quant_conv.lora_A.weight": torch.zeros(64, 32, 1, 1)}),
        r"key 'transformer\.quant_conv\.lora_A\.weight' is not part of the network",
    ),
    "the other network's": (
        "transformer",
        lambda t: (
            t.clear(),
            t.update({"transformer.encoder.conv_in.lora_A.weight": torch.ones(1)}),
        ),
        r"key 'transformer\.pos_embed\.proj\.lora_A\.weight' is missing",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    networks: Networks, store: SimpleNamespace, tmp_path: Path, case: str
) -> None:
    which, change, message = _WRONG[case]
    files = dict(zip(("transformer", "vae"), release(store.root), strict=True))
    tensors = load_file(files[which])
    change(tensors)
    files[which] = tmp_path / f"{which}.safetensors"
    save_file(tensors, files[which])
    with pytest.raises(WeightsCorruptError, match=message):
        apply_release(networks, files["transformer"], files["vae"], "folded")


def test_damaged_and_missing_files_are_errors(
    networks: Networks, store: SimpleNamespace, tmp_path: Path
) -> None:
    transformer, vae_file = release(store.root)
    (tmp_path / "cut.safetensors").write_bytes(transformer.read_bytes()[:1000])
    with pytest.raises(WeightsCorruptError, match=r"cut\.safetensors is cut short"):
        apply_release(networks, tmp_path / "cut.safetensors", vae_file, "folded")
    with pytest.raises(WeightsMissingError, match="No such weight file"):
        apply_release(networks, tmp_path / "none.safetensors", vae_file, "folded")


def test_another_base_model_is_refused(store: SimpleNamespace) -> None:
    base = store.root / "tsdsr/stable-diffusion-3-medium"
    with pytest.raises(WeightsCorruptError, match="parameters where 2,028,328,000 were expected"):
        load_networks(base, weights.TRANSFORMER_PARAMETERS, weights.VAE_PARAMETERS)


@pytest.mark.parametrize("shape", [(9, 24), (1, 9, 24)])
def test_a_prompt_may_lack_its_batch(tmp_path: Path, shape: tuple[int, ...]) -> None:
    torch.save(torch.ones(shape), tmp_path / "text.pt")
    torch.save(torch.ones(20), tmp_path / "pooled.pt")
    text, pooled = read_prompt(tmp_path / "text.pt", tmp_path / "pooled.pt")
    assert text.shape == (1, 9, 24)
    assert pooled.shape == (1, 20)


def test_a_file_that_is_no_prompt_is_refused(tmp_path: Path) -> None:
    torch.save({"text": torch.ones(1)}, tmp_path / "dict.pt")
    torch.save(torch.ones(2, 9, 24), tmp_path / "two.pt")
    (tmp_path / "bad.pt").write_bytes(b"no")
    for name, says in (("dict", "holds dict"), ("two", r"\(2, 9, 24\)"), ("bad", "torch.save")):
        with pytest.raises(WeightsCorruptError, match=says):
            read_prompt(tmp_path / f"{name}.pt", tmp_path / f"{name}.pt")
