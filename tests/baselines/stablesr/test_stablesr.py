from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from baselines.sd21.ancestral import spaced
from baselines.sd21.one_step import predict_x0
from baselines.stablesr import fused, modulated, network, restorer, weights
from baselines.stablesr.network import StableSRNetwork
from baselines.stablesr.restorer import StableSR, canvas_size
from baselines.stablesr.structure import StructureConfig, StructureEncoder
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
PREFIX = GOLDEN["config"]["prefix"]
TOLERANCE = 1e-5
SHAPE = {
    "block_out_channels": (64, 64, 128, 128),
    "attention_head_dim": (2, 2, 4, 4),
    "cross_attention_dim": 32,
    "use_linear_projection": True,
}
VAE = {**small.FULL_VAE, "block_out_channels": (32, 32, 64, 64)}
STRUCTURE = StructureConfig(channels=64, features=64)
Z, TEXT = official.noise("stablesr.z", 1, 4, 16, 24), official.noise("stablesr.text", 1, 77, 32)
Z_LR = 0.2 * official.noise("stablesr.lq", 1, 4, 16, 24)
FULL = (weights.UNET, weights.VAE, weights.structure)  # before fixtures put small ones in place


def vae_state() -> dict[str, Tensor]:
    """What the official VAE file holds, attention as convolutions, and a loss's weights."""
    with torch.device("meta"):
        made = fused.build(VAE, fused.Wrapping())
    names = fused.names(made)
    found = {}
    for own, tensor in made.state_dict().items():
        name, shape = names(own), tuple(tensor.shape)
        shape += (1, 1) if ".attn_1." in name and len(shape) == 2 else ()
        found[name] = small.values(PREFIX["cfw"] + name, shape)
    return found | {"loss.logvar": torch.zeros(())}


def text_state() -> dict[str, Tensor]:
    """A small text tower as OpenCLIP names it."""
    own = CLIPTextModel(CLIPTextConfig(**small.TEXT)).state_dict()
    own = {k.removeprefix("text_model."): v for k, v in own.items()}
    found = {
        "token_embedding.weight": own["embeddings.token_embedding.weight"],
        "positional_embedding": own["embeddings.position_embedding.weight"],
        "ln_final.weight": own["final_layer_norm.weight"],
        "ln_final.bias": own["final_layer_norm.bias"],
    }
    names = {
        "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj",
    }  # fmt: skip
    for block in (0, 1):
        to, layer = f"transformer.resblocks.{block}.", f"encoder.layers.{block}."
        for end in ("weight", "bias"):
            found |= {f"{to}{a}.{end}": own[f"{layer}{b}.{end}"] for a, b in names.items()}
            parts = [own[f"{layer}self_attn.{part}_proj.{end}"] for part in "qkv"]
            found[f"{to}attn.in_proj_{end}"] = torch.cat(parts)
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with the two official files of the small networks."""
    folder = tmp_path_factory.mktemp("weights") / "stablesr"
    folder.mkdir()
    unet = modulated.build(SHAPE, STRUCTURE.features, modulated.Structure())
    encoder = StructureEncoder(STRUCTURE)
    parts = {
        "model.diffusion_model.": official.state(unet, PREFIX["unet"], modulated.names(unet)),
        "structcond_stage_model.": official.state(
            encoder, PREFIX["struct"], network.structure_name
        ),
        "cond_stage_model.model.": text_state(),
        "first_stage_model.": {"encoder.conv_in.weight": torch.zeros(1)},
        "": {"betas": torch.zeros(3), "scale_factor": torch.tensor(0.18215)},
    }
    state = {prefix + name: v for prefix, part in parts.items() for name, v in part.items()}
    torch.save({"state_dict": state, "global_step": 117}, folder / "stablesr_000117.ckpt")
    torch.save({"state_dict": vae_state()}, folder / "vqgan_cfw_00011.ckpt")
    sizes = [len(parts["model.diffusion_model."]), len(parts["structcond_stage_model."])]
    assert [*sizes, len(vae_state()) - 1] == [860, 200, 400]
    return folder


Load = Callable[..., Any]


@pytest.fixture(scope="module")
def load(files: Path) -> Iterator[Load]:
    """Load StableSR through the real path, once per runtime."""

    @cache
    def loaded(options: tuple[tuple[str, str], ...] = (), **changes: Any) -> StableSR:
        given = {"dtype": "fp32", "options": dict(options), **changes}
        store = WeightStore(files.parent)
        return StableSR.load(Runtime(card=StableSR.card, weights=store, **given))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "UNET", SHAPE)
        patch.setattr(weights, "VAE", VAE)
        patch.setattr(weights, "TEXT", small.TEXT)
        patch.setattr(weights, "structure", lambda: STRUCTURE)
        loaded.root = files.parent  # type: ignore[attr-defined]
        yield loaded


def eps(method: Any, timestep: int = 799, z_lr: Tensor = Z_LR) -> Tensor:
    with torch.inference_mode():
        return official_text(method).eps(Z, timestep, z_lr)


def official_text(method: Any) -> StableSRNetwork:
    """The method's networks with the golden file's text."""
    made = method._network
    return StableSRNetwork(made.unet, made.encoder, made._structure, TEXT)


@pytest.mark.parametrize("timestep", [799, 4])
def test_structure_features_are_those_of_the_official_code(load: Load, timestep: int) -> None:
    with torch.inference_mode():
        features = load()._network.encoder(Z_LR, timestep)
    for feature in features:
        name = f"struct.t{timestep}.w{feature.shape[-1]}"
        official.assert_golden(GOLDEN, name, feature, TOLERANCE)
    assert len(features) == 4


def test_every_tap_and_eps_are_those_of_the_official_code(load: Load) -> None:
    unet = load()._network.unet
    first = unet.down_blocks[0].resnets[0]
    modules = {
        "before_spade_in1": first.conv2.conv,
        "spade_in1": first.conv2,
        "res_in1": first,
        "unet_mid": unet.mid_block,
        "unet_out3": unet.up_blocks[1].attentions[0],
    }
    with official.taps(modules) as found:
        found["eps"] = eps(load())
    for name, tensor in found.items():
        tolerance = TOLERANCE if name != "unet_mid" else 2e-5  # of up to 8
        official.assert_golden(GOLDEN, name, tensor, tolerance)


# The parts that are StableSR's own, by the names of their parameters.
_SPADES = {
    "norms without parameters": r"param_free_norm\.",
    "mlp_shared": r"mlp_shared\.",
    "mlp_gamma": r"mlp_gamma\.",
    "mlp_beta": r"mlp_beta\.",
}
_ENCODER = {
    "time_embed": r"^time_embed\.",
    "projections of time": r"time_emb_proj\.",
    "the first convolution": r"^input_blocks\.0\.0\.",
    "first convolutions": r"blocks?\..*conv1\.",
    "second convolutions": r"blocks?\..*conv2\.",
    "queries, keys and values": r"qkv\.",
    "outputs of attention": r"proj_out\.",
    "downsamplers": r"op\.",
    "fea_tran": r"^fea_tran\.",
}
_FUSION = {
    "encode_enc_1": r"encode_enc_1\.",
    "encode_enc_2": r"encode_enc_2\.",
    "encode_enc_3": r"encode_enc_3\.",
}


def test_a_fault_is_seen_hundredfold(load: Load, write_golden: bool) -> None:
    method = load()
    right = eps(method)
    with torch.inference_mode():
        method._network._structure.show(method._network.encoder(Z_LR, 4))
        other = method._network.unet(Z, 799, TEXT).sample
    wrong = {
        "t=4 for t=799 everywhere": eps(method, 4),
        "z_lq = 0": eps(method, z_lr=0 * Z_LR),
        "structure features of another t": other,
        "t=798 for t=799 everywhere": eps(method, 798),
        "z_lq's channels swapped": eps(method, z_lr=Z_LR.flip(1)),
        "z_lq * 1.5": eps(method, z_lr=1.5 * Z_LR),
    }
    table = {name: faults.change(found, right) for name, found in wrong.items()}

    def small_eps() -> Tensor:
        with torch.inference_mode():
            return official_text(method).eps(Z[..., :8, :8], 799, Z_LR[..., :8, :8])

    unet, encoder, vae = method._network.unet, method._network.encoder, method._vae
    groups = faults.called(_SPADES | faults.UNET | faults.HEAD, "of the U-Net")
    table |= faults.of_weights(small_eps, (unet,), groups)
    groups = faults.called(_ENCODER, "of the structure encoder")
    table |= faults.of_weights(small_eps, (encoder,), groups)

    def image() -> Tensor:
        with torch.inference_mode():
            z = vae.encode(2 * small.lr_picture(64, 64)[None] - 1).latent_dist.mode()
            decoded: Tensor = vae.decode(z).sample
            return decoded

    table |= faults.of_weights(image, (vae,), faults.called(_FUSION, "of the fusion"))
    faults.check(
        table,
        FOLDER / "sensitivity.csv",
        TOLERANCE,
        official=GOLDEN["sensitivity_max_abs_change_of_eps"],
        write=write_golden,
    )


def test_the_wrapped_vae_is_the_official_one(load: Load) -> None:
    method = load()
    vae, wrapping = method._vae, method._wrapping
    with torch.inference_mode():
        latents = vae.encode(2 * small.lr_picture(128, 192)[None] - 1).latent_dist
        official.assert_golden(GOLDEN, "moments", latents.parameters, TOLERANCE)
        for index, level in enumerate((1, 2)):
            feature = wrapping.features[level]
            official.assert_golden(GOLDEN, f"enc_fea.{index}", feature, TOLERANCE)
        for weight in ("0.5", "0", "1"):
            wrapping.weight = float(weight)
            image = vae.decode(latents.mode()).sample
            official.assert_golden(GOLDEN, f"cfw_decode.w{weight}", image, 1e-4)
    wrapping.weight = 0.5


def test_five_golden_steps(load: Load) -> None:
    from baselines.sd21.ancestral import sample

    networks, seen = official_text(load()), []

    def x0(z: Tensor, timestep: int) -> Tensor:
        seen.append(z)
        return predict_x0(z, networks.eps(z, timestep, Z_LR), timestep)

    with torch.inference_mode():
        start = official.noise("stablesr.x_T", 1, 4, 16, 24)
        draw = official.named_draws("stablesr.draw", 1, 4, 16, 24)
        z = sample(start, x0, spaced(5), draw)
    for timestep, after in zip(GOLDEN["run"]["timesteps"], [*seen[1:], z], strict=True):
        official.assert_golden(GOLDEN, f"run.x_after.t{timestep}", after, 1e-4)


def test_timesteps_are_the_official_ones() -> None:
    assert list(spaced(200)) == GOLDEN["timesteps_200"]


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


@pytest.fixture
def small_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of the sizes: the rest of the way is the same and quick."""
    monkeypatch.setattr(restorer, "_SIDE", 64)
    monkeypatch.setattr(restorer, "_LR_SIDE", 16)
    monkeypatch.setattr(restorer, "TILING", Tiling(tile=8, overlap=4))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((128, 128), (512, 512)),
        ((1, 1), (512, 512)),
        ((1, 3), (512, 1536)),
        ((200, 150), (800, 600)),
    ],
)
def test_the_canvas(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert canvas_size(*size) == expected


@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 1), (9, 21)])
def test_any_size_is_restored(load: Load, small_side: None, height: int, width: int) -> None:
    sr = load().restore(batch(small.lr_picture(height, width)), steps=2)
    assert sr.shape == (1, 3, 4 * height, 4 * width)
    assert torch.equal((sr * 255).round() / 255, sr)


def test_only_the_published_size_starts_from_pure_noise(
    load: Load, small_side: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[Tensor] = []
    monkeypatch.setattr(
        "baselines.sd21.ancestral.sample", lambda z, *_: starts.append(z) or torch.zeros_like(z)
    )
    for size in ((16, 16), (16, 24)):
        lr = batch(small.lr_picture(*size))
        load().restore(lr, steps=2)
        latent = starts[-1]
        generator = lr.generators()[0]
        _, noise = (torch.randn(latent.shape[1:], generator=generator) for _ in range(2))
        assert torch.equal(latent[0], noise) == (size == (16, 16))


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load, small_side: None) -> None:
    first, second = small.lr_picture(16, 24), small.lr_picture(16, 24).flip(1)
    method = load()
    both = method.restore(batch(first, second), steps=2)
    alone = method.restore(batch(second, seeds=(8,)), steps=2)
    assert float((both[1] - alone[0]).abs().mean()) < 1e-4
    assert not torch.equal(alone, method.restore(batch(second, seeds=(9,)), steps=2))
    assert set(method.pop_stages()) == {"vae", "network"}


def test_options_offloading_and_precision(load: Load, small_side: None) -> None:
    lr = batch(small.lr_picture(16, 16))
    plain = load().restore(lr, steps=2)
    assert torch.equal(plain, load(offload=True).restore(lr, steps=2))
    assert not torch.equal(plain, load(options=(("dec-w", "0"),)).restore(lr, steps=2))
    half = load(dtype="bf16").restore(lr, steps=2)
    assert 0 < float((plain - half).abs().mean()) < 0.1
    with pytest.raises(ConfigError, match="dec-w is 1.5"):
        load(options=(("dec-w", "1.5"),))
    with pytest.raises(ConfigError, match="cannot run 1 steps; legal: 2 or more"):
        StableSR.card.check_steps(1)


_SPADE = "model.diffusion_model.input_blocks.1.0.spade.mlp_beta.bias"
_WRONG: dict[str, tuple[str, Callable[[dict[str, Tensor]], object], str]] = {
    "no SPADE": (
        "stablesr_000117.ckpt",
        lambda s: s.pop(_SPADE),
        r"'input_blocks\.1\.0\.spade\.mlp_beta\.bias' is missing",
    ),
    "an unknown part": (
        "stablesr_000117.ckpt",
        lambda s: s.update({"control_model.x": torch.zeros(1)}),
        r"key 'control_model\.x' is not part of StableSR",
    ),
    "a VAE without fusion": (
        "vqgan_cfw_00011.ckpt",
        lambda s: [s.pop(name) for name in list(s) if "fusion" in name],
        r"key 'decoder\.fusion_layer_\d\.\S+' is missing",
    ),
    "a key too many": (
        "vqgan_cfw_00011.ckpt",
        lambda s: s.update(stray=torch.zeros(1)),
        "'stray' is not part of the network",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    load: Load, files: Path, tmp_path: Path, case: str
) -> None:
    name, change, message = _WRONG[case]
    content = torch.load(files / name, weights_only=True)
    change(content["state_dict"])
    torch.save(content, tmp_path / name)
    with pytest.raises(WeightsCorruptError, match=message):
        if "vqgan" in name:
            network.load_vae(tmp_path / name, fused.Wrapping(), torch.float32)
        else:
            network.load_network(tmp_path / name, torch.float32)


def test_keys_and_parameters_at_full_size() -> None:
    unet_shape, vae_shape, structure = FULL
    with torch.device("meta"):
        unet = modulated.build(unet_shape, 256, modulated.Structure())
        encoder, vae = StructureEncoder(structure()), fused.build(vae_shape, fused.Wrapping())
    made = {"unet": (unet, 918_930_884, 862), "struct": (encoder, 52_494_080, 200)}
    made["vae"] = (vae, 128_047_591, 404)
    for name, (part, parameters, tensors) in made.items():
        assert sum(p.numel() for p in part.parameters()) == parameters, name
        assert len(part.state_dict()) == tensors, name
    names = [modulated.names(unet)(name) for name in unet.state_dict()]
    assert (len(set(names)), sum(".spade." in name for name in names)) == (862, 176)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch stablesr"):
        StableSR.load(Runtime(card=StableSR.card, weights=WeightStore(tmp_path)))


def test_memory_is_counted(load: Load, small_side: None) -> None:
    found = StableSR.memory_estimate(Runtime(card=StableSR.card, offload=True), (16, 16))
    assert found
    assert found > CONTEXT_BYTES


def test_first_contact(rehearse: Any, load: Any, small_side: None) -> None:
    rehearse.method("stablesr@2", load.root)
