from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines import lora, vae
from baselines.pisasr import network
from baselines.pisasr.network import Scales, adapt
from baselines.pisasr.restorer import PiSASR
from baselines.sd21.components import embed
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tiling import Tiling, predict_tiled

if TYPE_CHECKING:
    from baselines.sd21.components import Components

FOLDER = Path(__file__).parent
GOLDEN = json.loads((FOLDER / "golden.json").read_text())
TOLERANCE = 1e-5
ADJUSTED = Scales(0.75, 1.5)
SMALL_TILES = Tiling(tile=12, overlap=4, symmetric=True)
CASES = {
    "untiled": (small.picture(128, 96), PiSASR.tiling, Scales()),
    "adjusted": (small.picture(128, 96), PiSASR.tiling, ADJUSTED),
    "tiled": (small.picture(192, 128, 0.5), SMALL_TILES, Scales()),
    "tiled_adjusted": (small.picture(192, 128, 0.5), SMALL_TILES, ADJUSTED),
}


def latent(components: Components, x: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    noise = torch.randn(4, x.shape[-2] // 8, x.shape[-1] // 8, generator=generator)
    return vae.encode(components.vae, x, noise[None])


@pytest.mark.parametrize("case", CASES)
def test_every_checkpoint_of_the_way_is_that_of_the_official_code(
    components: Components, pisasr_file: Path, case: str
) -> None:
    x, tiling, scales = CASES[case]
    parts, golden = components, GOLDEN[case]
    residual = adapt(parts.unet, pisasr_file, scales)
    with torch.inference_mode():
        text = embed(parts, [""], "cpu")
        found = {"text": text, "moments": parts.vae.encode(x).latent_dist.parameters}
        z = found["z"] = latent(parts, x)
        size = (z.shape[-2], z.shape[-1])
        found["eps"] = predict_tiled(lambda tile: residual(tile.crop(z), text), size, tiling)
        found["image"] = vae.decode(parts.vae, z - found["eps"])
        if case == "adjusted":
            found["eps_both"] = residual.both(z, 1, encoder_hidden_states=text).sample
            assert residual.pixel
            found["eps_pix"] = residual.pixel(z, 1, encoder_hidden_states=text).sample
    assert found.keys() == golden.keys()
    for name, tensor in found.items():
        small.assert_golden(golden, name, tensor, atol=TOLERANCE)


@pytest.mark.parametrize("case", ["untiled", "adjusted"])
def test_what_is_tiled_needs_the_symmetric_weights(
    components: Components, pisasr_file: Path, case: str
) -> None:
    """OSEDiff's weights, whose row midpoint is half a pixel low, are another result."""
    residual = adapt(components.unet, pisasr_file, CASES[case][2])
    x, tiling, _ = CASES["tiled"]
    low = Tiling(tile=12, overlap=4)
    with torch.inference_mode():
        z, text = latent(components, x), embed(components, [""], "cpu")
        size = (z.shape[-2], z.shape[-1])
        right, wrong = (
            predict_tiled(lambda tile: residual(tile.crop(z), text), size, rule)
            for rule in (tiling, low)
        )
    assert float((right - wrong).abs().max()) > 100 * TOLERANCE


# The parts that a port may get wrong, by the names of their updates.
_UPDATED = {
    **faults.UPDATES,
    "conv_in": r"^conv_in\.lora_B",
    "the encoder's adapters": r"lora_B\.default_encoder",
    "the middle's adapters": r"lora_B\.default_others",
}
# What the golden file has of the official code, by the updates that are changed, and how.
_OFFICIAL = {
    "updates at half strength": ("lora_B", 0.5),
    "no pixel updates": (r"lora_B.*_pix", 0.0),
    "no semantic updates": (r"lora_B.*_sem", 0.0),
    "no updates of the decoder": (r"lora_B.*_decoder_", 0.0),
}


def test_a_fault_is_seen_hundredfold(
    components: Components, pisasr_file: Path, monkeypatch: pytest.MonkeyPatch, write_golden: bool
) -> None:
    parts, content = components, torch.load(pisasr_file, weights_only=True)
    monkeypatch.setattr(network, "read_pickle", lambda _: content)
    state, forget = content["state_dict_unet"], faults.keep(parts.unet)

    def adapted(scales: Scales = ADJUSTED) -> network.Residual:
        forget()
        return adapt(parts.unet, pisasr_file, scales)

    def residual(z: Tensor, scales: Scales = ADJUSTED) -> Tensor:
        made = adapted(scales)
        with torch.inference_mode():
            return made(z, text)

    with torch.inference_mode():
        z, text = latent(parts, CASES["adjusted"][0]), embed(parts, [""], "cpu")
        other = embed(parts, ["a cat"], "cpu")
    right = residual(z)
    table = {"lambdas exchanged": faults.change(residual(z, Scales(1.5, 0.75)), right)}
    for name, (pattern, factor) in _OFFICIAL.items():
        with faults.put(lambda tensor, by=factor: by * tensor, pattern, state):
            table[name] = faults.change(residual(z), right)
    monkeypatch.setattr(network, "TIMESTEP", 999)
    table["t=999 for t=1"] = faults.change(residual(z), right)
    monkeypatch.setattr(network, "TIMESTEP", 1)
    made = adapted()
    _forget_time(made.both), _forget_time(made.pixel)
    with torch.inference_mode():
        table["no time embedding"] = faults.change(made(z, text), right)
        table["another prompt"] = faults.change(adapted()(z, other), right)
    table["channels swapped"] = faults.change(residual(z.flip(1)), right)
    few = z[..., :8, :8]
    table |= faults.of_weights(
        lambda: residual(few, Scales()),
        (state,),
        {f"updates of {name}": pattern for name, pattern in _UPDATED.items()},
    )
    faults.check(
        table,
        FOLDER / "sensitivity.csv",
        TOLERANCE,
        official=GOLDEN["sensitivity_max_abs_change_of_eps"],
        write=write_golden,
    )


def _forget_time(unet: Any) -> None:
    for name, tensor in unet.named_parameters():
        if "time_emb_proj" in name:
            torch.nn.init.zeros_(tensor)


def test_equal_scales_come_to_one_evaluation(components: Components, pisasr_file: Path) -> None:
    """1 and 1, by two evaluations as upstream's adjustable setting has them."""
    two = adapt(copy.deepcopy(components.unet), pisasr_file, ADJUSTED)
    one = adapt(components.unet, pisasr_file, Scales())
    assert one.pixel is None
    z, text = official.noise("pisasr.z", 1, 4, 16, 16), official.noise("pisasr.text", 1, 77, 32)
    with torch.inference_mode():
        again = network.Residual(two.both, two.pixel, Scales())(z, text)
        torch.testing.assert_close(again, one(z, text), rtol=0, atol=TOLERANCE)


_TO_Q = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.default_others_sem.weight"
_WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a key is missing": (
        lambda c: c["state_dict_unet"].pop(_TO_Q),
        rf"state_dict_unet: key '{_TO_Q}' is missing \(1027 keys, 1028 expected\)",
    ),
    "one key more": (
        lambda c: c["state_dict_unet"].update(stray=torch.zeros(1)),
        "key 'stray' is not part of the network",
    ),
    "another rank": (
        lambda c: c.update(lora_rank_unet_sem=8),
        r"key 'conv_in\.lora_A\.default_encoder_sem\.weight' has shape \(4, 4, 3, 3\) where "
        r"\(8, 4, 3, 3\) was expected",
    ),
    "no rank": (
        lambda c: c.pop("lora_rank_unet_pix"),
        "'lora_rank_unet_pix' is missing where int was expected",
    ),
    "no semantic group": (
        lambda c: c.pop("unet_lora_encoder_modules_sem"),
        "'unet_lora_encoder_modules_sem' is missing where list was expected",
    ),
    "another base model": (
        lambda c: c["unet_lora_others_modules_pix"].append("mid_block.attentions.1.proj_in"),
        r"does not have: 'mid_block\.attentions\.1\.proj_in'",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    components: Components, pisasr_file: Path, tmp_path: Path, case: str
) -> None:
    change, message = _WRONG[case]
    content = torch.load(pisasr_file, weights_only=True)
    change(content)
    torch.save(content, tmp_path / "wrong.pkl")
    before = copy.deepcopy(components.unet.state_dict())
    with pytest.raises(WeightsCorruptError, match=message):
        adapt(components.unet, tmp_path / "wrong.pkl", Scales())
    for name, tensor in components.unet.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_osediff_s_file_is_refused(components: Components, osediff_file: Path) -> None:
    with pytest.raises(WeightsCorruptError, match="'lora_rank_unet_pix' is missing"):
        adapt(components.unet, osediff_file, Scales())


def test_keys_and_sizes_at_full_size(full_size: tuple[Any, Any]) -> None:
    """The loader's own expectation, from the lists in the file, equals the official key set."""
    unet = full_size[0]
    layers, shapes = small.pisasr_layers(unet), small.pisasr_shapes(unet)
    assert {key: len(names) for key, names in layers.items() if key.endswith("pix")} == {
        "unet_lora_encoder_modules_pix": 94,
        "unet_lora_decoder_modules_pix": 148,
        "unet_lora_others_modules_pix": 16,
    }
    assert len(shapes) == 1032
    for group in ("pix", "sem"):
        own = {key: shape for key, shape in shapes.items() if group in key}
        assert sum(torch.Size(shape).numel() for shape in own.values()) == 4_055_712
        expected: dict[str, tuple[int, ...]] = {}
        for part in ("encoder", "decoder", "others"):
            names = layers[f"unet_lora_{part}_modules_{group}"]
            expected |= lora.expected_shapes(unet, names, f"default_{part}_{group}", 4)
        assert expected == own
