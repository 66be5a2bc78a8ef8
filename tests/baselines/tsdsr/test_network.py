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

import pytest
import small_networks as small
import small_sd3
import torch
from safetensors.torch import load_file, save_file

from baselines import lora, vae
from baselines.tsdsr import weights
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

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


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
        small.assert_golden(GOLDEN, name, tensor, atol=1e-4)


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
    for part, official, ours, tensors, parameters in zip(
        parts, lists, targets, (532, 62), (89_268_224, 5_910_208), strict=True
    ):
        shapes = small_sd3.tsdsr_shapes(part, official)
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
