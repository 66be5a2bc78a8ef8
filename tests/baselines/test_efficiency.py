"""Counts of real networks: OSEDiff's parts at a small size, SD 2.1 at its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import costs
import pytest
import small_networks as small
import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from baselines.osediff import restorer
from baselines.osediff.restorer import OSEDiff
from benchmarks.api.restorer import Runtime
from benchmarks.api.weights import WeightStore
from benchmarks.bench.counting import MacCounter
from benchmarks.bench.measure import Split, Timed

if TYPE_CHECKING:
    from baselines.sd21.components import Components


@pytest.fixture
def runtime(
    sd21: tuple[Path, Any], osediff_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Runtime:
    folder = tmp_path / "osediff"
    folder.mkdir()
    (folder / "stable-diffusion-2-1-base").symlink_to(sd21[0])
    (folder / "osediff.pkl").symlink_to(osediff_file)
    monkeypatch.setattr(restorer, "PARAMETERS", sd21[1])
    monkeypatch.setattr("baselines.sd21.restorer.MINIMUM", 8)
    return Runtime(card=OSEDiff.card, weights=WeightStore(tmp_path), dtype="fp32")


def unet_macs(components: Components, height: int, width: int) -> int:
    """What the U-Net alone counts: one evaluation, for latents of this size."""
    with torch.inference_mode(), MacCounter() as counter:
        text = torch.zeros(1, 77, small.UNET["cross_attention_dim"])  # type: ignore[arg-type]
        components.unet(torch.zeros(1, 4, height, width), 999, encoder_hidden_states=text)
    return counter.total()


def test_the_split_is_that_of_the_networks(
    runtime: Runtime, sd21: tuple[Path, Any], components: Components
) -> None:
    task = costs.case(OSEDiff, runtime=runtime, height=16, width=24, warm_up=1, repeats=1)
    timed, split = costs.measure(task)
    assert isinstance(timed, Timed)
    assert isinstance(split, Split)
    assert set(split.parts) == {"prompt", "text", "vae", "network", "other"}
    counts = sd21[1]
    parameters = {name: part.parameters for name, part in split.parts.items()}
    assert parameters == {
        "prompt": 1,
        "text": counts.text_encoder,
        "vae": counts.vae,
        "network": counts.unet,
        "other": 0,
    }
    assert split.parts["network"].macs == unet_macs(components, 4 * 16 // 8, 4 * 24 // 8)
    assert split.parts["other"].macs == 0
    assert sum(part.macs or 0 for part in split.parts.values()) == split.macs


def layers_and_attention(network: nn.Module, compute: Callable[[], object]) -> tuple[int, int]:
    """Count by hooks on modules, as other counters do: layers in closed form, and attention."""
    layers, attention = 0, 0

    def layer(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal layers
        weight = module.weight
        assert isinstance(weight, Tensor)
        layers += output.numel() * weight[0].numel()  # inputs (times kernel) per output value

    def attend(module: nn.Module, args: tuple[Tensor, ...], kwargs: Any, output: Tensor) -> None:
        nonlocal attention
        x = args[0]
        queries = x.shape[1] if x.ndim == 3 else x.shape[2] * x.shape[3]
        other = kwargs.get("encoder_hidden_states")
        keys = queries if other is None else other.shape[1]
        assert isinstance(module, Attention)
        attention += 2 * x.shape[0] * queries * keys * module.inner_dim

    hooks = []
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            hooks.append(module.register_forward_hook(layer))
        elif isinstance(module, Attention):
            hooks.append(module.register_forward_hook(attend, with_kwargs=True))
    with torch.inference_mode():
        compute()
    for hook in hooks:
        hook.remove()
    return layers, attention


def test_the_base_model_at_full_size_counts_layers_and_attention(
    full_size: tuple[nn.Module, nn.Module],
) -> None:
    """A 512 x 512 image: what docs/efficiency.md says of SD 2.1's U-Net and VAE, in 10^9."""
    unet, vae = full_size
    zeros = partial(torch.zeros, device="meta")
    text = zeros(1, 77, 1024)
    computations: dict[str, tuple[nn.Module, Callable[[], object], tuple[int, int]]] = {
        "U-Net": (
            unet,
            lambda: unet(zeros(1, 4, 64, 64), 999, encoder_hidden_states=text),
            (339, 63),
        ),
        "encoder": (vae, lambda: vae.encode(zeros(1, 3, 512, 512)), (541, 17)),  # type: ignore[operator]
        "decoder": (vae, lambda: vae.decode(zeros(1, 4, 64, 64)), (1240, 17)),  # type: ignore[operator]
    }
    for name, (network, compute, expected) in computations.items():
        with torch.inference_mode(), MacCounter() as counter:
            compute()
        layers, attention = layers_and_attention(network, compute)
        assert counter.total() == layers + attention, name
        assert (round(layers / 1e9), round(attention / 1e9)) == expected, name
