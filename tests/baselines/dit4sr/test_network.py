"""The network against values of the official code (Adam-duan/DiT4SR at 7ec9e5e).

golden_network.json was written by running the official `model_dit4sr` ("noise") and
`model_dit4sr_r1` ("lr") classes at `SMALL`, weights and inputs filled by tests/filling.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import faults
import filling
import pytest
import torch

from baselines.dit4sr.network import DiT4SR, DiTConfig

FOLDER = Path(__file__).parent
MOMENT, FIRST = 1e-6, 1e-5  # of means, spreads and sums; of first values
GOLDEN = json.loads((FOLDER / "golden_network.json").read_text())
SMALL = DiTConfig(
    sample_size=32,
    in_channels=4,
    out_channels=4,
    num_layers=3,
    attention_head_dim=16,
    num_attention_heads=4,
    joint_attention_dim=24,
    caption_projection_dim=64,
    pooled_projection_dim=20,
    pos_embed_max_size=24,
    dual_attention_layers=(0, 1),
)


def inputs(height: int = 16, width: int = 16) -> tuple[torch.Tensor, ...]:
    return (
        filling.stream("z", 2, 4, height, width),
        filling.stream("z_lr", 2, 4, height, width),
        filling.stream("text", 2, 7, 24),
        filling.stream("pooled", 2, 20),
        torch.tensor([937.25, 121.5]),
    )


def taps_of(network: DiT4SR, *given: torch.Tensor, names: set[str]) -> dict[str, torch.Tensor]:
    """Return what modules of the network put out, by `name:number`, and its output."""
    taps: dict[str, torch.Tensor] = {}

    def tap(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            parts = output if isinstance(output, tuple) else (output,)
            taps.update({f"{name}:{i}": part for i, part in enumerate(parts) if part is not None})

        return hook

    handles = [network.get_submodule(name).register_forward_hook(tap(name)) for name in names]
    with torch.no_grad():
        taps["output:0"] = network(*(tensor.double() for tensor in given))
    for handle in handles:
        handle.remove()
    return taps


def filled(key_control: Any) -> DiT4SR:
    """The small network in float64."""
    network = DiT4SR.of(replace(SMALL, key_control=key_control)).eval()
    filling.fill(network)
    return network.double()


def golden_of(key_control: str) -> dict[str, list[Any]]:
    return {k.split(":", 1)[1]: v for k, v in GOLDEN.items() if k.startswith(key_control + ":")}


def modules_of(golden: dict[str, list[Any]]) -> set[str]:
    return {key.rpartition(":")[0] for key in golden} - {"output"}


@pytest.mark.parametrize("key_control", ["noise", "lr"])
def test_every_tap_has_the_official_values(key_control: Any) -> None:
    network, golden = filled(key_control), golden_of(key_control)
    taps = taps_of(network, *inputs(), names=modules_of(golden))

    assert len(golden) == 17
    for name, (shape, *values) in golden.items():
        # The square input passes `pos_embed` twice: the golden tap holds the LR tokens, as here.
        found = filling.summary(taps[name])
        assert list(taps[name].shape) == shape, name
        assert found[:2] == pytest.approx(values[:2], abs=MOMENT), name
        assert found[2] == pytest.approx(values[2], rel=MOMENT), name
        assert found[3:] == pytest.approx(values[3:], abs=FIRST), name


_PARTS = {
    **faults.DIT4SR,
    "pos_embed": r"^pos_embed\.proj",
    "the time embedding": r"timestep_embedder\.",
    "the embedding of the pooled text": r"text_embedder\.",
    "queries of text": r"add_q_proj\.",
    "keys of text": r"add_k_proj\.",
    "values of text": r"add_v_proj\.",
}


# A norm follows at once.
_NORMALISED = (
    *("queries of the LR stream", "keys of the LR stream"),
    *("queries of text", "keys of text"),
)


@pytest.mark.parametrize("key_control", ["noise", "lr"])
def test_a_fault_is_seen_hundredfold(key_control: Any, write_golden: bool) -> None:
    """In one of the compared figures of one of the tensors, in units of its tolerance."""
    network, golden = filled(key_control), golden_of(key_control)

    def seen(*given: torch.Tensor) -> torch.Tensor:
        taps = taps_of(network, *(given or inputs()), names=modules_of(golden))
        figures = []
        for name, (_, *values) in golden.items():
            scale = [MOMENT, MOMENT, MOMENT * values[2], *[FIRST] * 4]
            figures.append(
                torch.tensor(filling.summary(taps[name]), dtype=torch.float64) / torch.tensor(scale)
            )
        return torch.cat(figures)

    right, (z, z_lr, text, pooled, times) = seen(), inputs()
    wrong = {
        "no LR latent": seen(z, 0 * z_lr, text, pooled, times),
        "the latents exchanged": seen(z_lr, z, text, pooled, times),
        "channels swapped": seen(z.flip(1), z_lr, text, pooled, times),
        "LR latent's channels swapped": seen(z, z_lr.flip(1), text, pooled, times),
        "no text": seen(z, z_lr, 0 * text, pooled, times),
        "no pooled text": seen(z, z_lr, text, 0 * pooled, times),
        "times / 1000": seen(z, z_lr, text, pooled, times / 1000),
        "times + 1": seen(z, z_lr, text, pooled, times + 1),
    }
    table = {name: faults.change(found, right) for name, found in wrong.items()}
    lr_keys = {"keys of the LR stream": r"to_k_control\."} if key_control == "lr" else {}
    harmless = [f"{name} rescaled" for name in _NORMALISED]
    harmless += [] if key_control == "lr" else ["keys rescaled"]
    table |= faults.of_weights(seen, (network,), _PARTS | lr_keys, harmless=tuple(harmless))
    faults.check(table, FOLDER / f"sensitivity_{key_control}.csv", 1, write=write_golden)


def test_key_control_decides_whether_to_k_control_counts() -> None:
    changes = {}
    for key_control in ("noise", "lr"):
        network = DiT4SR.of(replace(SMALL, key_control=key_control)).eval()
        filling.fill(network)
        with torch.no_grad():
            before = network(*inputs())
            for name, parameter in network.named_parameters():
                if "to_k_control" in name:
                    parameter.add_(0.1)
            changes[key_control] = (network(*inputs()) - before).abs().max().item()
    assert changes["noise"] == 0.0
    assert changes["lr"] > 1e-3


def test_a_non_square_latent_keeps_its_layout() -> None:
    """Rows and columns are not confused: transposing the convolutions and the input agree."""
    network = DiT4SR.of(SMALL).eval().double()
    filling.fill(network)
    # Without positions the network commutes with transposition if its convolutions are transposed.
    network.pos_embed.pos_embed.zero_()
    z, z_lr, *rest = (tensor.double() for tensor in inputs(16, 8))
    with torch.no_grad():
        wide = network(z, z_lr, *rest)
        network.pos_embed.proj.weight.copy_(network.pos_embed.proj.weight.mT.clone())
        for name, parameter in network.named_parameters():
            if name.endswith("control_conv.weight"):
                parameter.copy_(parameter.mT.clone())
        p = network.config.patch_size
        for tensor in (network.proj_out.weight, network.proj_out.bias):
            grid = tensor.unflatten(0, (p, p, -1))
            tensor.copy_(grid.transpose(0, 1).flatten(0, 2).clone())
        tall = network(z.mT.contiguous(), z_lr.mT.contiguous(), *rest)
    assert wide.shape == (2, 4, 16, 8)
    torch.testing.assert_close(tall.mT, wide, atol=1e-12, rtol=0)


def test_full_size_has_the_published_parameters() -> None:
    with torch.device("meta"):
        network = DiT4SR.of(DiTConfig())
    control = {n: p.numel() for n, p in network.named_parameters() if network.is_condition(n)}
    dead = 122_764_928  # upstream's unused text projections of attn2 (facts of its state dict)
    assert len(control) == 344
    assert sum(control.values()) == 350_877_696
    assert sum(p.numel() for p in network.parameters()) + dead == 2_716_814_144
    assert len(network.state_dict()) + 13 * 10 == 1383
    assert network.get_parameter("transformer_blocks.0.ff.control_conv.weight").shape == (
        6144,
        1,
        3,
        3,
    )
    assert network.get_parameter("transformer_blocks.12.attn2.to_out_control.bias").shape == (1536,)


def test_the_lr_stream_starts_at_zero_with_a_copied_output() -> None:
    network = DiT4SR.of(SMALL)
    for name, parameter in network.named_parameters():
        if name.endswith(("to_v_control.weight", "control_conv.weight", "control_conv.bias")):
            assert not parameter.any(), name
    attn = network.transformer_blocks[1].attn2
    assert torch.equal(attn.to_out_control.weight, attn.to_out[0].weight)


def test_checkpointing_gives_the_same_gradients() -> None:
    network = DiT4SR.of(SMALL).train()
    filling.fill(network)
    gradients = []
    for checkpointing in (False, True):
        network.zero_grad()
        (network.enable_gradient_checkpointing if checkpointing else lambda: None)()
        network(*inputs()).square().mean().backward()
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


def test_a_width_that_is_not_heads_times_head_dim_is_refused() -> None:
    with pytest.raises(ValueError, match="heads \\* head_dim"):
        replace(SMALL, caption_projection_dim=60)
