"""Against the official classes (springXIACJ/FlowSR at 34524ca1), in float32, on small networks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import faults
import official
import pytest
import small_networks as small
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from baselines import vae
from baselines.flowsr import restorer
from baselines.flowsr.network import METADATA, apply_checkpoint
from baselines.flowsr.restorer import MENDED, TILING, FlowSR, prepared
from baselines.sd3.noise_levels import shifted_sigmas
from baselines.sd21.components import Components, load_components
from baselines.sd21.weights import ParameterCounts
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 1e-5
UNET = dict(small.UNET)
TARGETS = small.S3DIFF_UNET_TARGETS
RANK = 4
SQUARE, WIDE = (128, 128), (128, 192)


def checkpoint(unet: Any) -> dict[str, Tensor]:
    """The tensors of a file, by their keys in the network: updates, and a whole `conv_in`."""
    layers = [
        name
        for name, module in unet.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
        and any(f".{name}".endswith(f".{target}") for target in TARGETS)
    ]
    shapes = small.lora_shapes(unet, layers, "default", RANK)
    conv = {f"conv_in.{name}": tuple(p.shape) for name, p in unet.conv_in.named_parameters()}
    return small.filled(shapes | conv, "flowsr.lora.")


def write(path: Path, *groups: Mapping[str, Tensor], **fields: Any) -> None:
    """Write a file as upstream's loader reads it: tensors under other names, metadata in JSON."""
    names, tensors = {}, {}
    for group, state in zip(("unet_state_dict", "vae_state_dict"), groups, strict=False):
        names[group] = {f"t{len(tensors) + index}": key for index, key in enumerate(state)}
        tensors |= {stored: state[key] for stored, key in names[group].items()}
    given = {"unet_rank": RANK, "unet_lora_target_modules": TARGETS, **fields}
    text = json.dumps({"fields": given, "tensor_names": names})
    save_file(tensors, path, {METADATA: text})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ParameterCounts]:
    """A weights folder with the small base model and a file for it."""
    root = tmp_path_factory.mktemp("weights")
    base = root / "flowsr/stable-diffusion-2-1-base"
    networks = {"unet": UNet2DConditionModel(**UNET), "vae": AutoencoderKL(**small.VAE)}
    counts = {}
    for name, network in networks.items():
        official.fill(network, f"flowsr.{name}.").save_pretrained(base / name)
    networks["text_encoder"] = CLIPTextModel(CLIPTextConfig(**small.TEXT))
    networks["text_encoder"].save_pretrained(base / "text_encoder")
    for name, network in networks.items():
        counts[name] = sum(parameter.numel() for parameter in network.parameters())
    small.write_tokenizer(base / "tokenizer")
    state = checkpoint(networks["unet"])
    assert sum("lora" in key for key in state) == GOLDEN["config"]["lora"]["keys"]
    write(root / "flowsr/flowsr.safetensors", state)
    return root, ParameterCounts(**counts)


Load = Callable[..., FlowSR]


@pytest.fixture(scope="module")
def load(root: tuple[Path, ParameterCounts]) -> Iterator[Load]:
    """Load the method through the real path, once per runtime."""

    @cache
    def loaded(options: tuple[tuple[str, str], ...] = (), **changes: Any) -> FlowSR:
        given = {"dtype": "fp32", "options": dict(options), **changes}
        store = WeightStore(root[0])
        return FlowSR.load(Runtime(card=FlowSR.card, weights=store, **given))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "PARAMETERS", root[1])
        loaded.root = root[0]  # type: ignore[attr-defined]
        yield loaded


@pytest.fixture
def method(load: Load, monkeypatch: pytest.MonkeyPatch) -> FlowSR:
    """The method with the golden file's text."""
    text = official.noise("flowsr.pos", 1, 77, 32)
    monkeypatch.setattr(load(), "_text", torch.cat([torch.zeros_like(text), text]))
    return load()


def image_at(method: FlowSR, size: tuple[int, int], steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return z_lr, z_hr and the decoded image of the golden file's picture."""
    parts = method._components
    x = 2 * small.lr_picture(*size)[None] - 1
    noise = official.noise("flowsr.draw.0", 1, 4, size[0] // 8, size[1] // 8)
    with torch.inference_mode():
        z_lr = vae.encode(parts.vae, x, noise)
        z_hr = method._steps(z_lr, steps)
        return z_lr, z_hr, vae.decode(parts.vae, z_hr)


def test_one_step_is_that_of_the_official_code(method: FlowSR) -> None:
    z_lr, z_hr, image = image_at(method, SQUARE, 1)
    with torch.inference_mode():
        v = method.velocity(z_lr, 1000.0)
    found = {"z_lq": z_lr, "v.t1000": v, "z_hr": z_hr, "image.1step": image}
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)
    torch.testing.assert_close(z_hr, z_lr - v)


@pytest.mark.parametrize("steps", [2, 4])
def test_more_steps_are_those_of_the_official_code(method: FlowSR, steps: int) -> None:
    sigmas = shifted_sigmas(steps, restorer.SHIFT)
    assert sigmas == pytest.approx(GOLDEN[f"sigmas_{steps}"], abs=1e-6)
    assert [1000 * sigma for sigma in sigmas[:-1]] == pytest.approx(
        GOLDEN[f"timesteps_{steps}"], abs=1e-3
    )
    official.assert_golden(
        GOLDEN, f"image.{steps}steps", image_at(method, SQUARE, steps)[2], TOLERANCE
    )


def test_every_latent_that_is_not_square_is_tiled(method: FlowSR) -> None:
    tiles = TILING.grid(16, 24)
    assert len(tiles) == GOLDEN["wide"]["calls_of_the_unet"] == 9
    assert {(tile.height, tile.width) for tile in tiles} == {(16, 16)}
    assert len(TILING.grid(64, 64)) == len(MENDED.grid(16, 24)) == 1
    official.assert_golden(GOLDEN, "image.wide", image_at(method, WIDE, 1)[2], TOLERANCE)


def test_tiles_are_joined_as_upstream_joins_them(
    method: FlowSR, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiling = Tiling(
        tile=12, overlap=4, untiled="square", symmetric=True, floor=TILING.floor, narrow="whole"
    )
    assert len(tiling.grid(16, 16)) == GOLDEN["tiles12"]
    weights = tiling.weights(12) / tiling.weights(12).max()
    # Upstream's are not normalised: 1 in the middle between four pixels.
    small.assert_golden(
        GOLDEN["tensors"],
        "gaussian_weights_12",
        weights * float(torch.exp(torch.tensor(-0.5 / (0.02 * 144)))),
        atol=1e-6,
    )
    monkeypatch.setattr(method, "_tiling", tiling)
    official.assert_golden(GOLDEN, "image.tiled12", image_at(method, SQUARE, 1)[2], TOLERANCE)


def test_the_image_is_prepared_as_upstream_prepares_it() -> None:
    found = prepared(small.lr_picture(30, 40)[None], 4)
    official.assert_golden(GOLDEN, "pre.padded_of_lr_picture(30,40)", found, 1e-6)


def test_a_fault_is_seen_hundredfold(
    method: FlowSR, components: Components, tmp_path: Path, write_golden: bool
) -> None:
    x = 2 * small.lr_picture(64, 64)[None] - 1
    noise = official.noise("flowsr.faults", 1, 4, 8, 8)
    unet, text = components.unet, official.noise("flowsr.pos", 1, 77, 32)
    state, forget = checkpoint(unet), faults.keep(unet)
    path = tmp_path / "flowsr.safetensors"
    with torch.inference_mode():
        z = vae.encode(components.vae, x, noise)

    def v(timestep: float = 1000, text: Tensor = text) -> Tensor:
        with torch.inference_mode():
            found: Tensor = unet(z, timestep, encoder_hidden_states=text).sample
        return found

    def loaded() -> Tensor:
        forget()
        write(path, state)
        apply_checkpoint(components, path)
        return v()

    groups = {f"updates of {name}": pattern for name, pattern in faults.UPDATES.items()}
    groups["the trained conv_in"] = r"^conv_in\."
    table = faults.of_weights(loaded, (state,), groups)
    right = loaded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("baselines.lora.ALPHA", RANK)  # scale 1 in the place of 8 / rank, 2 here
        table["updates at half strength"] = faults.change(loaded(), right)
    loaded()
    with faults.put(torch.zeros_like, r"^time_embedding\.linear_2", unet):
        table["no time embedding"] = faults.change(v(), right)
    table["t=999 for 1000"] = faults.change(v(999), right)
    table["t=1 for 1000"] = faults.change(v(1), right)
    table["no text"] = faults.change(v(text=0 * text), right)
    _, one, _ = image_at(method, SQUARE, 1)
    _, two, _ = image_at(method, SQUARE, 2)
    table["two steps for one"] = faults.change(two, one)
    # Of the method whose networks the fixture keeps: only the VAE is touched.
    parts = method._components
    table |= faults.of_weights(
        lambda: image_at(method, (64, 64), 1)[2],
        (parts.vae,),
        {"the encoder": r"^encoder.*conv2\.", "the decoder": r"^decoder.*conv2\."},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "SHIFT", 1.0)
        wrong = method._steps(image_at(method, SQUARE, 1)[0], 2)
    table["sigmas without their shift"] = faults.change(wrong, two)
    faults.check(table, FOLDER / "sensitivity.csv", TOLERANCE, write=write_golden)


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 1), (9, 21)])
def test_any_size_is_restored(load: Load, height: int, width: int) -> None:
    sr = load().restore(batch(small.lr_picture(height, width)))
    assert sr.shape == (1, 3, 4 * height, 4 * width)
    torch.testing.assert_close((sr * 255).round() / 255, sr)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    first, second = small.lr_picture(16, 16), small.lr_picture(16, 16).flip(1)
    method = load()
    both = method.restore(batch(first, second))
    alone = method.restore(batch(second, seeds=(8,)))
    assert float((both[1] - alone[0]).abs().mean()) < 1e-4
    assert not torch.equal(alone, method.restore(batch(second, seeds=(9,))))
    assert set(method.pop_stages()) == {"vae", "network"}


def test_options_offloading_and_precision(load: Load) -> None:
    lr = batch(small.lr_picture(16, 24))
    plain = load().restore(lr)
    assert torch.equal(plain, load(offload=True).restore(lr))
    for other in ({"mended": True}, {"options": (("guidance", "3"),)}):
        assert not torch.equal(plain, load(**other).restore(lr))
    half = load(dtype=None).restore(lr)
    assert load(dtype=None).runtime.torch_dtype == torch.bfloat16
    assert 0 < float((plain - half).abs().mean()) < 0.05
    with pytest.raises(ConfigError, match=r"guidance is 0\.5"):
        load(options=(("guidance", "0.5"),))


def test_the_negative_prompt_comes_first_in_the_guidance(load: Load) -> None:
    """v_neg + g (v_pos - v_neg), upstream's two calls."""
    method = load(options=(("guidance", "3"),))
    z, unet = official.noise("z", 2, 4, 16, 16), method._components.unet
    with torch.inference_mode():
        texts = [text.expand(2, -1, -1) for text in method._text.split(1)]
        other, wanted = (unet(z, 1000.0, encoder_hidden_states=t).sample for t in texts)
        found = method.velocity(z, 1000.0)
    torch.testing.assert_close(found, other + 3 * (wanted - other), rtol=0, atol=1e-5)


@pytest.fixture
def components(root: tuple[Path, ParameterCounts]) -> Components:
    folder, counts = root
    return load_components(folder / "flowsr/stable-diffusion-2-1-base", counts)


def test_updates_of_the_vae_are_folded_too(components: Components, tmp_path: Path) -> None:
    layer = "decoder.mid_block.attentions.0.to_q"
    shapes = small.lora_shapes(components.vae, [layer], "default", 2)
    path = tmp_path / "flowsr.safetensors"
    of_vae = {"vae_rank": 2, "vae_lora_target_modules": rf"{layer}".replace(".", r"\.")}
    updates = small.filled(shapes, "vae.")
    before = components.vae.get_submodule(layer).weight.clone()
    write(path, checkpoint(components.unet), updates, **of_vae)
    apply_checkpoint(components, path)
    a, b = (updates[f"{layer}.lora_{factor}.default.weight"] for factor in "AB")
    torch.testing.assert_close(components.vae.get_submodule(layer).weight, before + 4 * b @ a)
    write(path, checkpoint(components.unet), updates)
    with pytest.raises(WeightsCorruptError, match="does not say by which rank"):
        apply_checkpoint(components, path)


_WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], object], dict[str, Any], str]] = {
    "another rank": (lambda s: None, {"unet_rank": 8}, r"has shape \(4, .*where \(8, "),
    "a missing tensor": (
        lambda s: s.pop("mid_block.resnets.0.conv1.lora_A.default.weight"),
        {},
        "'mid_block.resnets.0.conv1.lora_A.default.weight' is missing",
    ),
    "an unknown layer": (
        lambda s: s.update({"encoder.x.weight": torch.zeros(1)}),
        {},
        "'encoder.x.weight' is not part of the network",
    ),
    "an unknown field": (lambda s: None, {"alpha": 8}, "alpha"),
    "a rank of 0": (lambda s: None, {"unet_rank": 0}, "unet_rank"),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    components: Components, tmp_path: Path, case: str
) -> None:
    change, fields, message = _WRONG[case]
    state = checkpoint(components.unet)
    change(state)
    write(tmp_path / "flowsr.safetensors", state, **fields)
    with pytest.raises(WeightsCorruptError, match=message):
        apply_checkpoint(components, tmp_path / "flowsr.safetensors")


def test_a_file_without_its_metadata_is_refused(
    root: tuple[Path, ParameterCounts], components: Components, tmp_path: Path
) -> None:
    path = tmp_path / "flowsr.safetensors"
    tensors = load_file(root[0] / "flowsr/flowsr.safetensors")
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(WeightsCorruptError, match=f"has no '{METADATA}'"):
        apply_checkpoint(components, path)
    names = {"unet_state_dict": {"t0": "conv_in.weight"}}
    fields = {"unet_rank": RANK, "unet_lora_target_modules": TARGETS}
    save_file(tensors, path, {METADATA: json.dumps({"fields": fields, "tensor_names": names})})
    with pytest.raises(WeightsCorruptError, match="do not name the tensors"):
        apply_checkpoint(components, path)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch flowsr"):
        FlowSR.load(Runtime(card=FlowSR.card, weights=WeightStore(tmp_path)))


def test_memory_is_counted() -> None:
    runtime = Runtime(card=FlowSR.card)
    small_one, large = (FlowSR.memory_estimate(runtime, size) for size in ((16, 16), (32, 32)))
    assert small_one and large
    assert CONTEXT_BYTES + 2 * (865_910_724 + 83_653_863) < small_one < large


def test_first_contact(rehearse: Any, load: Any) -> None:
    rehearse.method("flowsr", load.root)
