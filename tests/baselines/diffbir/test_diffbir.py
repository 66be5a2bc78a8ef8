from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines import ldm
from baselines.diffbir import cleaner, network, restorer, versions
from baselines.diffbir.restorer import DiffBIR
from baselines.rrdb import RRDBNet
from baselines.sd21.ancestral import spaced
from baselines.sd21.weights import SD21_BASE, SD21_PARAMETERS, UNET_FILE
from benchmarks.api.colour import wavelet
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE, CLEANED = 1e-5, 1e-7
Z, COND = (official.noise(f"diffbir.{name}", 1, 4, 16, 24) for name in ("z", "cond"))
FULL = versions.UNET  # before a fixture puts the small networks' in its place
NEGATIVE, POSITIVE = (official.noise(f"diffbir.{name}", 1, 77, 32) for name in ("neg", "pos"))
Load = Callable[..., Any]


def output(
    method: Any, timestep: int = 979, cond: Tensor = COND, text: Tensor = POSITIVE
) -> Tensor:
    with torch.inference_mode():
        return network.output(method._unet, method._controlnet, Z, timestep, text, cond)


def test_residuals_and_eps_are_those_of_the_official_code(load: Load) -> None:
    method = load()
    blocks = [*method._controlnet.controlnet_down_blocks, method._controlnet.controlnet_mid_block]
    with official.taps({f"control.{i}": block for i, block in enumerate(blocks)}) as found:
        found["eps"] = output(method)
    found["eps_neg"] = output(method, text=NEGATIVE)
    assert len(found) == 15
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)


_BSRNET = faults.called(
    {
        "conv_first": "^conv_first",
        "blocks": r"RDB\d\.conv",
        "trunk_conv": "^trunk_conv",
        "upsampling": r"^upconv",
        "HRconv": "^HRconv",
        "conv_last": "^conv_last",
    },
    "of BSRNet",
)
_SWINIR = faults.called(
    {
        "conv_first": "^conv_first",
        "queries, keys and values": r"qkv\.weight",
        "relative positions": "position_bias",
        "mlp": r"mlp\.",
        "norms": r"norm\d?\.",
        "conv_after_body": "^conv_after_body",
        "upsampling": r"^conv_(up|hr|before)",
        "conv_last": "^conv_last",
    },
    "of SwinIR",
)


def test_a_fault_is_seen_hundredfold(load: Load, write_golden: bool) -> None:
    method = load()
    right = output(method)
    with torch.inference_mode():
        unled = method._unet(Z, 979, POSITIVE).sample
    wrong = {
        "t=20 for t=979": output(method, 20),
        "t=978 for t=979": output(method, 978),
        "z_cond * 1.1": output(method, cond=1.1 * COND),
        "z_cond's channels swapped": output(method, cond=COND.flip(1)),
        "no control": unled,
        "the other text": output(method, text=NEGATIVE),
    }
    table = {name: faults.change(found, right) for name, found in wrong.items()}

    def eps() -> Tensor:
        parts = method._unet, method._controlnet
        with torch.inference_mode():
            return network.output(*parts, Z[..., :8, :8], 979, POSITIVE, COND[..., :8, :8])

    for part, what, more in (
        (method._unet, "of the U-Net", faults.HEAD),
        (method._controlnet, "of the ControlNet", faults.ZERO_CONVOLUTIONS),
    ):
        table |= faults.of_weights(eps, (part,), faults.called(faults.UNET | more, what))
    faults.check(
        table,
        FOLDER / "sensitivity.csv",
        TOLERANCE,
        official=GOLDEN["sensitivity_max_abs_change_of_eps"],
        write=write_golden,
    )


def test_a_fault_of_a_cleaner_is_seen_hundredfold(
    load: Load, diffbir_files: Path, write_golden: bool
) -> None:
    table: faults.Table = {}
    for network_, side, groups in zip(
        cleaners(load, diffbir_files), (16, 64), (_BSRNET, _SWINIR), strict=True
    ):
        lr = small.lr_picture(side, side)[None].double()
        table |= faults.of_weights(partial(network_, lr), (network_,), groups)
    faults.check(table, FOLDER / "sensitivity_of_cleaners.csv", CLEANED, write=write_golden)


def cleaners(load: Load, files: Path) -> tuple[Any, Any]:
    """BSRNet and SwinIR in float64, in which the official code ran too."""
    swinir = cleaner.load_swinir(files / "general_swinir_v1.ckpt")
    return copy.deepcopy(load()._cleaner).double(), swinir.double()


def test_the_cleaners_are_the_official_ones(load: Load, diffbir_files: Path) -> None:
    bsrnet, swinir = cleaners(load, diffbir_files)
    with torch.inference_mode():
        found = {
            "bsrnet": bsrnet(small.lr_picture(32, 48)[None].double()),
            "swinir": swinir(small.lr_picture(64, 128)[None].double()),
        }
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, CLEANED)


def test_the_vae_is_the_official_one(load: Load) -> None:
    method, vae = load(), load()._around.vae
    with torch.inference_mode():
        found = {
            "vae.moments": vae.encode(
                2 * small.lr_picture(128, 192)[None] - 1
            ).latent_dist.parameters,
        }
        mode = method._encode_mode(small.lr_picture(128, 192)[None]) / vae.config.scaling_factor
        found["vae.mode"] = mode
        image = vae.decode(mode).sample
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)
    official.assert_golden(GOLDEN, "vae.decode", image, 1e-4)


def test_sizes_padding_and_bands_are_the_official_ones() -> None:
    raised = cleaner.raise_short_side(small.lr_picture(32, 48)[None], 96)
    official.assert_golden(GOLDEN, "resize_short_edge_to_96", raised, TOLERANCE)
    padded = cleaner.pad_with_black(small.lr_picture(100, 150)[None])
    official.assert_golden(GOLDEN, "pad_to_multiples_of_64", padded, TOLERANCE)
    content = small.picture(128, 192, 1.0) * 0.4 + 0.5
    bands = wavelet(content, small.lr_picture(128, 192)[None])
    official.assert_golden(GOLDEN, "wavelet", bands, TOLERANCE)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4, 4), (512, 512)), ((4, 20), (512, 2560)), ((700, 511), (701, 512)), ((600, 600),) * 2],
)
def test_a_short_side_is_raised(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert cleaner.raised_size(*size) == expected


def test_five_golden_steps(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    method, seen = load(), []
    names = ("x_T", *(f"draw.{index}" for index in range(5)))
    noises = (official.noise(f"diffbir.{name}", 1, 4, 16, 24) for name in names)
    monkeypatch.setattr("baselines.streams.draws", lambda *_: lambda: next(noises))
    monkeypatch.setattr(DiffBIR, "_embed", lambda *_: (NEGATIVE, POSITIVE))
    monkeypatch.setattr(DiffBIR, "_encode_mode", lambda *_: COND)
    actual = DiffBIR._x0

    def spy(self: DiffBIR, *given: Any) -> Any:
        x0 = actual(self, *given)
        return lambda z, t: seen.append(z) or x0(z, t)

    monkeypatch.setattr(DiffBIR, "_x0", spy)
    with torch.inference_mode():
        z = method._sample(torch.zeros(1, 3, 128, 192), batch(small.lr_picture(8, 8)), 5)
    for timestep, after in zip(GOLDEN["run"]["timesteps"], [*seen[1:], z], strict=True):
        official.assert_golden(GOLDEN, f"run.x_after.t{timestep}", after, 1e-4)


def test_timesteps_and_the_zero_snr_table_are_the_official_ones() -> None:
    assert list(spaced(50)) == GOLDEN["timesteps_50"]
    expected = GOLDEN["zsnr_10"]
    table = network.zero_snr_table()
    for timestep, root in zip(
        expected["timesteps"][::-1], expected["sqrt_alphas_cumprod"], strict=True
    ):
        assert table[timestep] ** 0.5 == pytest.approx(root, abs=1e-6)
    assert table[999] == 0


def test_x0_of_v_undoes_v() -> None:
    x0, eps = torch.randn(2, 1, 4, 3, 5)
    abar = 0.3
    z = abar**0.5 * x0 + (1 - abar) ** 0.5 * eps
    v = abar**0.5 * eps - (1 - abar) ** 0.5 * x0
    torch.testing.assert_close(network.x0_of_v(z, v, abar), x0)


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


@pytest.mark.parametrize("version", ["v2", "v2.1", "v1"])
def test_each_version_restores_any_size(load: Load, small_sides: None, version: str) -> None:
    method = load(options=(("version", version),))
    for height, width in ((1, 1), (9, 17)):
        sr = method.restore(batch(small.lr_picture(height, width)), steps=2)
        assert sr.shape == (1, 3, 4 * height, 4 * width)
    assert torch.equal((sr * 255).round() / 255, sr), "8 bits at the end, by truncation"


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load, small_sides: None) -> None:
    first, second = small.lr_picture(16, 24), small.lr_picture(16, 24).flip(1)
    method = load()
    both = method.restore(batch(first, second), steps=2)
    alone = method.restore(batch(second, seeds=(8,)), steps=2)
    assert float((both[1] - alone[0]).abs().mean()) < 1e-4
    assert not torch.equal(alone, method.restore(batch(second, seeds=(9,)), steps=2))
    assert set(method.pop_stages()) == {"text", "vae", "network"}


def test_offloading_changes_nothing_and_half_precision_little(
    load: Load, small_sides: None
) -> None:
    lr = batch(small.lr_picture(16, 16))
    plain, offloaded, half = (
        load(**changes).restore(lr, steps=2)
        for changes in ({}, {"offload": True}, {"dtype": "bf16"})
    )
    assert torch.equal(plain, offloaded)
    assert 0 < float((plain - half).abs().mean()) < 0.1


def test_the_fix_takes_the_cleaned_images_colours(load: Load, small_sides: None) -> None:
    lr = batch(small.lr_picture(16, 16))
    fixed, plain = (
        load(options=(("colour-fix", fix),)).restore(lr, steps=2) for fix in ("adain", "none")
    )
    cleaned = load()._clean(lr.images).clamp(0, 1)
    difference = [float((sr.mean() - cleaned.mean()).abs()) for sr in (fixed, plain)]
    assert difference[0] < 0.1 * difference[1]


def test_the_u_net_of_the_other_sd2_is_refused(
    diffbir_files: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SD 2-base has the shape of SD 2.1-base: the hash of the file tells."""
    assert SD21_PARAMETERS.unet_sha256 == dict(SD21_BASE.sha256)[UNET_FILE]
    expected = replace(restorer.SD21_PARAMETERS, unet_sha256="0" * 64)
    monkeypatch.setattr(restorer, "SD21_PARAMETERS", expected)
    store = WeightStore(diffbir_files.parent)
    with pytest.raises(WeightsCorruptError, match="another model's U-Net of the same size"):
        DiffBIR.load(Runtime(card=DiffBIR.card, weights=store))


_KEY = "input_blocks.1.1.proj_in.weight"
_WRONG: dict[str, tuple[str, Callable[[dict[str, Tensor]], object], str]] = {
    "a key is missing": ("v2.pth", lambda s: s.pop(_KEY), rf"key '{_KEY}' is missing \(321"),
    "a key too many": (
        "v2.pth",
        lambda s: s.update(stray=torch.zeros(1)),
        "'stray' is not part of the network",
    ),
    "a ControlNet with a hint": (
        "v2.pth",
        lambda s: s.update({"input_hint_block.0.weight": torch.zeros(1)}),
        r"'input_hint_block\.0\.weight' is not part",
    ),
    "another cleaner": (
        "BSRNet.pth",
        lambda s: s.pop("HRconv.bias"),
        r"key 'HRconv\.bias' is missing",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    load: Load, diffbir_files: Path, tmp_path: Path, case: str
) -> None:
    name, change, message = _WRONG[case]
    content = torch.load(diffbir_files / name, weights_only=True)
    change(content)
    torch.save(content, tmp_path / name)
    load_ = cleaner.load_bsrnet if "BSR" in name else network.load_controlnet
    given = (torch.float32,) if load_ is network.load_controlnet else ()
    with pytest.raises(WeightsCorruptError, match=message):
        load_(tmp_path / name, *given)


def test_the_cleaner_of_another_version_is_refused(load: Load, diffbir_files: Path) -> None:
    with pytest.raises(WeightsCorruptError, match="holds ESRGAN x4|no network that cleans"):
        cleaner.load_swinir(diffbir_files / "BSRNet.pth")
    with pytest.raises(WeightsCorruptError, match="key 'conv_first.weight' is missing"):
        cleaner.load_bsrnet(diffbir_files / "general_swinir_v1.ckpt")


def test_keys_and_parameters_at_full_size() -> None:
    with torch.device("meta"):
        controlnet, bsrnet = network.build_controlnet(FULL), RRDBNet()
    names = ldm.unet_names(controlnet)
    assert len({names(name) for name in controlnet.state_dict()}) == 324
    assert sum(p.numel() for p in controlnet.parameters()) == 363_153_280
    assert sum(p.numel() for p in bsrnet.parameters()) == 16_697_987
    assert len(bsrnet.state_dict()) == 702


def test_settings_that_mean_nothing_are_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="guidance is 0"):
        load(options=(("guidance", "0"),))
    with pytest.raises(ConfigError, match="cannot run 1 steps; legal: 2 or more"):
        DiffBIR.card.check_steps(1)


@pytest.mark.parametrize("version", [version.name for version in versions.VERSIONS])
def test_missing_weights_say_how_to_get_them(tmp_path: Path, version: str) -> None:
    options = {"version": version}
    card = DiffBIR.card.with_weights_for(options)
    assert len(card.weights) == (4 if version == "v2.1" else 3)
    with pytest.raises(WeightsMissingError, match="weights fetch diffbir"):
        DiffBIR.load(Runtime(card=card, weights=WeightStore(tmp_path), options=options))


def test_memory_is_counted(load: Load, small_sides: None) -> None:
    found = DiffBIR.memory_estimate(Runtime(card=DiffBIR.card, offload=True), (16, 16))
    assert found
    assert found > CONTEXT_BYTES


@pytest.mark.parametrize("version", ["v2", "v2.1", "v1"])
def test_first_contact(rehearse: Any, load: Any, small_sides: None, version: str) -> None:
    rehearse.method(f"diffbir@2+version={version}", load.root)
