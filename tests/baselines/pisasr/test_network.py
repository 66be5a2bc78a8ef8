from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
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


def _scaled(word: str, factor: float) -> Callable[[dict[str, Tensor]], None]:
    def change(state: dict[str, Tensor]) -> None:
        state.update({k: factor * v for k, v in state.items() if word in k and "lora_B" in k})

    return change


def _nothing(state: dict[str, Tensor]) -> None: ...


_FAULTS: dict[str, tuple[Callable[[dict[str, Tensor]], None], Scales, int]] = {
    "lambdas exchanged": (_nothing, Scales(1.5, 0.75), 1),
    "updates at half strength": (_scaled("lora_B", 0.5), ADJUSTED, 1),
    "no pixel updates": (_scaled("_pix", 0), ADJUSTED, 1),
    "no semantic updates": (_scaled("_sem", 0), ADJUSTED, 1),
    "no updates of the decoder": (_scaled("_decoder_", 0), ADJUSTED, 1),
    "t=999 for t=1": (_nothing, ADJUSTED, 999),
    "no time embedding": (_nothing, ADJUSTED, 1),
}


def test_a_fault_is_seen_hundredfold(
    components: Components,
    pisasr_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The golden file's table: what each fault changes of eps, by the official code."""
    expected = GOLDEN["sensitivity_max_abs_change_of_eps"]
    assert _FAULTS.keys() == expected.keys()
    parts, path = components, tmp_path / "changed.pkl"
    with torch.inference_mode():
        z, text = latent(parts, CASES["adjusted"][0]), embed(parts, [""], "cpu")
        right = adapt(copy.deepcopy(parts.unet), pisasr_file, ADJUSTED)(z, text)
    for name, (change, scales, timestep) in _FAULTS.items():
        content = torch.load(pisasr_file, weights_only=True)
        change(content["state_dict_unet"])
        torch.save(content, path)
        monkeypatch.setattr(network, "TIMESTEP", timestep)
        residual = adapt(copy.deepcopy(parts.unet), path, scales)
        if name == "no time embedding":
            _forget_time(residual.both), _forget_time(residual.pixel)
        with torch.inference_mode():
            found = float((residual(z, text) - right).abs().max())
        assert found == pytest.approx(expected[name], rel=0.01), name
        assert found > 100 * TOLERANCE, name


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
