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
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from baselines import ldm
from baselines.supir import network, sampler, text, weights
from baselines.supir.adapters import Control
from baselines.supir.restorer import SUPIR, working_size
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
PREFIX = GOLDEN["config"]["prefix"]
TOLERANCE = 1e-5
FULL = (weights.UNET, weights.CONTROL, weights.VAE)  # before fixtures put small ones in place
CONTROL = {
    **weights.CONTROL,
    "attention_head_dim": (2, 4, 8),
    "block_out_channels": (64, 128, 256),
    "cross_attention_dim": 32,
    "transformer_layers_per_block": (1, 1, 2),
    "projection_class_embeddings_input_dim": 48,
}
UNET = {**CONTROL, "sample_size": 64, "up_block_types": weights.UNET["up_block_types"]}
VAE = {**weights.VAE, "block_out_channels": (32, 32, 64, 64)}
_WORDS = {key: small.TEXT[key] for key in ("vocab_size", "bos_token_id", "eos_token_id")}
_HEADS = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16, **_WORDS}
CLIP_L = {**_HEADS, "hidden_size": 12, "hidden_act": "quick_gelu"}
CLIP_G = {**_HEADS, "hidden_size": 20, "projection_dim": 24, "hidden_act": "gelu"}
NOISE = official.noise
X, Z_LR = (NOISE(f"supir.{name}", 1, 4, 16, 24) for name in ("x", "lq"))
POSITIVE = NOISE("supir.ctx", 1, 77, 32), NOISE("supir.y", 1, 48)
NEGATIVE = NOISE("supir.uctx", 1, 77, 32), NOISE("supir.uy", 1, 48)


def plain(module: Any) -> dict[str, Tensor]:
    """A text encoder's own tensors, filled, without its family's prefix."""
    own = {name.removeprefix("text_model."): v for name, v in module.state_dict().items()}
    return {name: small.values(f"supir.{name}", tuple(v.shape)) for name, v in own.items()}


def open_clip(own: dict[str, Tensor]) -> dict[str, Tensor]:
    """A text encoder's tensors as OpenCLIP names them."""
    found = {
        "token_embedding.weight": own["embeddings.token_embedding.weight"],
        "positional_embedding": own["embeddings.position_embedding.weight"],
        "ln_final.weight": own["final_layer_norm.weight"],
        "ln_final.bias": own["final_layer_norm.bias"],
        "text_projection": own["text_projection.weight"].T.contiguous(),
    }
    names = {
        "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj",
    }  # fmt: skip
    for block in range(CLIP_G["num_hidden_layers"]):
        to, layer = f"transformer.resblocks.{block}.", f"encoder.layers.{block}."
        for end in ("weight", "bias"):
            found |= {f"{to}{a}.{end}": own[f"{layer}{b}.{end}"] for a, b in names.items()}
            parts = [own[f"{layer}self_attn.{part}_proj.{end}"] for part in "qkv"]
            found[f"{to}attn.in_proj_{end}"] = torch.cat(parts)
    return found


def vae_state(part: str = "") -> dict[str, Tensor]:
    """What an official VAE file holds, attention as convolutions, or one part of it."""
    with torch.device("meta"):
        made = AutoencoderKL(**VAE)
    names, found = ldm.vae_names(made), {}
    for own, tensor in made.state_dict().items():
        name, shape = names(own), tuple(tensor.shape)
        shape += (1, 1) if ".attn_1." in name and len(shape) == 2 else ()
        found[name] = small.values(f"supir.vae.{part}{name}", shape)
    return ldm.part_of(found, part)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with SDXL's single file and both releases, of small networks."""
    folder = tmp_path_factory.mktemp("weights") / "supir"
    base = folder / weights.SDXL.name
    for part in ("tokenizer", "tokenizer_2"):
        small.write_tokenizer(base / part)
    unet = network.build_unet(UNET, Control())
    whole = official.state(unet, PREFIX["unet"], network.names(unet))
    project = {name: v for name, v in whole.items() if name.startswith("project_modules.")}
    parts: dict[str, dict[str, Tensor]] = {
        "model.diffusion_model.": {k: v for k, v in whole.items() if k not in project},
        "first_stage_model.": vae_state(),
        "conditioner.embedders.0.transformer.text_model.": plain(
            CLIPTextModel(CLIPTextConfig(**CLIP_L))
        )
        | {"embeddings.position_ids": torch.arange(77)[None]},
        "conditioner.embedders.1.model.": open_clip(
            plain(CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_G)))
        ),
    }
    sdxl = {prefix + name: v for prefix, part in parts.items() for name, v in part.items()}
    save_file({name: v.contiguous() for name, v in sdxl.items()}, base / weights.SDXL_FILE)
    branch = network.build_branch(CONTROL)
    led = official.state(branch, PREFIX["control"], network.names(branch))
    release = {f"model.diffusion_model.{name}": v for name, v in project.items()}
    release |= {f"model.control_model.{name}": v for name, v in led.items()}
    encoder = vae_state("encoder.")
    release |= {f"first_stage_model.denoise_encoder.{name}": v for name, v in encoder.items()}
    for sign in weights.RELEASES:
        torch.save({"state_dict": release}, folder / f"SUPIR-v0{sign}.ckpt")
    assert [len(whole), len(project), len(led)] == [738, 118, 290]
    return folder


Load = Callable[..., Any]


@pytest.fixture(scope="module")
def load(files: Path) -> Iterator[Load]:
    """Load SUPIR through the real path, once per runtime."""

    @cache
    def loaded(options: tuple[tuple[str, str], ...] = (), **changes: Any) -> SUPIR:
        given = {"dtype": "fp32", "options": {"min-size": "64", **dict(options)}, **changes}
        store = WeightStore(files.parent)
        return SUPIR.load(Runtime(card=SUPIR.card, weights=store, **given))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "UNET": UNET, "CONTROL": CONTROL, "VAE": VAE, "CLIP_L": CLIP_L, "CLIP_G": CLIP_G
        }.items():  # fmt: skip
            patch.setattr(weights, name, value)
        patch.setattr(text, "_SIZE_WIDTH", 4)
        loaded.root = files.parent  # type: ignore[attr-defined]
        yield loaded


def eps(
    method: Any,
    timestep: int = 779,
    z_lr: Tensor = Z_LR,
    weight: float = 1.0,
    words: Any = POSITIVE,
) -> Tensor:
    with torch.inference_mode():
        return method._network.eps(X, timestep, words, z_lr, weight)


def test_every_tap_and_eps_are_those_of_the_official_code(load: Load) -> None:
    made = load()._network
    modules = {f"project.{i}": made.unet.project_modules[i] for i in (11, 10, 8, 7, 3, 0)}
    with official.taps(modules) as found:
        found["eps"] = eps(load())
    found |= {f"control.{i}": feature for i, feature in enumerate(made._control.features)}
    assert len(found) == 17
    for weight in (0.5, 0):
        found[f"eps.control_scale{weight}"] = eps(load(), weight=weight)
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)


# The parts that are SUPIR's own, by the names of their parameters.
_PROJECT = {f"project_modules.{i}": rf"^project_modules\.{i}\." for i in range(12)}
_INNER = {"the vector's embedding": r"^class_embedding\."}


def test_a_fault_is_seen_hundredfold(load: Load, write_golden: bool) -> None:
    method = load()
    right = eps(method)
    wrong = {
        "z_lq*1.1": eps(method, z_lr=1.1 * Z_LR),
        "t=19 for t=779": eps(method, 19),
        "control_scale 0": eps(method, weight=0),
        "other pooled vector": eps(method, words=(POSITIVE[0], NEGATIVE[1])),
        "t=778 for t=779": eps(method, 778),
        "z_lq's channels swapped": eps(method, z_lr=Z_LR.flip(1)),
        "other text": eps(method, words=(NEGATIVE[0], POSITIVE[1])),
        "control_scale 0.9": eps(method, weight=0.9),
    }
    table = {name: faults.change(found, right) for name, found in wrong.items()}

    def small_eps() -> Tensor:
        found: Tensor
        with torch.inference_mode():
            found = method._network.eps(X[..., :8, :8], 779, POSITIVE, Z_LR[..., :8, :8], 1.0)
        return found

    made = method._network
    for part, what, more in (
        (made.unet, "of the U-Net", _PROJECT | faults.HEAD),
        (made.branch, "of the control branch", {"the hint": r"^controlnet_cond_embedding\."}),
    ):
        groups = faults.called(faults.UNET | _INNER | more, what)
        table |= faults.of_weights(small_eps, (part,), groups)
    faults.check(
        table,
        FOLDER / "sensitivity.csv",
        TOLERANCE,
        official=GOLDEN["sensitivity_max_abs_change_of_eps"],
        write=write_golden,
    )


def test_five_golden_steps(load: Load) -> None:
    both = tuple(torch.cat(pair) for pair in zip(NEGATIVE, POSITIVE, strict=True))
    denoise, seen = load()._denoiser(both, Z_LR), []

    def spied(x: Tensor, sigma: float, timestep: int) -> Tensor:
        seen.append((timestep, x))
        found: Tensor = denoise(x, sigma, timestep)
        return found

    after = []
    with torch.inference_mode():
        draw = official.named_draws("supir.draw", 1, 4, 16, 24)
        z = sampler.sample(NOISE("supir.x_T", 1, 4, 16, 24), spied, 5, draw)
        # What a step starts from has its churn already: take it off.
        again = official.named_draws("supir.draw", 1, 4, 16, 24)
        gamma = 2**0.5 - 1
        for sigma, (_, x) in zip(sampler.sigmas_of(5)[:-1], seen, strict=True):
            churn = ((sigma * (1 + gamma)) ** 2 - sigma**2) ** 0.5
            after.append(x - 1.01 * churn * again())
    assert [t for t, _ in seen] == GOLDEN["run"]["timestep_index_fed_to_the_network"]
    for index, x in enumerate([*after[1:], z]):
        official.assert_golden(GOLDEN, f"run.x_after.{index}", x, 1e-4)


def test_sigmas_and_guidance_are_the_official_ones() -> None:
    assert sampler.sigmas_of(50) == pytest.approx(GOLDEN["sigmas_50"], rel=1e-5)
    largest = sampler.table()[-1]
    assert sampler.guidance_at(largest, 4.0, 1.0) == pytest.approx(1)
    assert sampler.guidance_at(1.1 * largest, 4.0, 1.0) == pytest.approx(0.7)
    assert sampler.guidance_at(0, 4.0, 1.0) == 4
    assert SUPIR.card.least_steps == sampler.LEAST_STEPS
    assert 5 / 13 < 2**0.5 - 1 < 5 / 12


def test_text_is_what_the_librarys_sdxl_pipeline_makes_of_it(load: Load) -> None:
    """Penultimate states side by side, the second encoder's projection, six sizes."""
    from diffusers import StableDiffusionXLPipeline

    encoders = load()._text
    pipeline = StableDiffusionXLPipeline(
        vae=None, unet=None, scheduler=None, force_zeros_for_empty_prompt=False,
        text_encoder=encoders.clip_l, text_encoder_2=encoders.clip_g,
        tokenizer=encoders.tokenizers[0], tokenizer_2=encoders.tokenizers[1],
    )  # fmt: skip
    with torch.inference_mode():
        context, vector = encoders.embed(["a cat", "x " * 400], "cpu")
        for index, prompt in enumerate(("a cat", "x " * 76)):
            states, _, pooled, _ = pipeline.encode_prompt(prompt, do_classifier_free_guidance=False)
            torch.testing.assert_close(context[index : index + 1], states)
            torch.testing.assert_close(vector[index : index + 1, :24], pooled)
    assert vector.shape == (2, 48)
    assert torch.equal(vector[0, 24:], vector[1, 24:])


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8), **changes: Any) -> LRBatch:
    count = len(images)
    given = {"prompts": ("A cat.", "A tree.")[:count], **changes}
    ids = ("a", "b")[:count]
    return LRBatch(images=torch.stack(images), ids=ids, seeds=seeds[:count], **given)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((128, 128), (1024, 1024)),
        ((1, 1), (1024, 1024)),
        ((1, 2), (1024, 2048)),
        ((300, 401), (1216, 1600)),
    ],
)
def test_the_working_size(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert working_size(*size, 1024) == expected


@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 21)])
def test_any_size_is_restored(load: Load, height: int, width: int) -> None:
    sr = load().restore(batch(small.lr_picture(height, width)), steps=13)
    assert sr.shape == (1, 3, 4 * height, 4 * width)
    assert torch.equal((sr * 255).round() / 255, sr)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    first, second = small.lr_picture(16, 24), small.lr_picture(16, 24).flip(1)
    method = load()
    both = method.restore(batch(first, second), steps=13)
    alone = method.restore(batch(second, seeds=(8,), prompts=("A tree.",)), steps=13)
    assert float((both[1] - alone[0]).abs().mean()) < 1e-3
    assert set(method.pop_stages()) == {"text", "vae", "network"}


def test_options_offloading_and_precision(load: Load) -> None:
    lr = batch(small.lr_picture(16, 16))
    plain_ = load().restore(lr, steps=13)
    assert torch.equal(plain_, load(offload=True).restore(lr, steps=13))
    assert not torch.equal(plain_, load(options=(("control", "0.5"),)).restore(lr, steps=13))
    half = load(dtype=None)
    assert (half._network.unet.dtype, half._vae.dtype) == (torch.float16, torch.float32)
    assert load(dtype="bf16")._vae.dtype == torch.bfloat16


@pytest.mark.parametrize("caption", ["", 'a "quoted" sign', "two\nlines", "word " * 400])
def test_any_caption_is_a_prompt(load: Load, caption: str) -> None:
    with torch.inference_mode():
        context, vector = load()._embed((caption,))
    assert (context.shape, vector.shape) == ((2, 77, 32), (2, 48))
    assert context.isfinite().all()


@pytest.mark.parametrize(
    ("option", "value"),
    [("guidance", "0"), ("control", "1.5"), ("min-size", "8"), ("min-size", "large")],
)
def test_settings_that_mean_nothing_are_refused(load: Load, option: str, value: str) -> None:
    with pytest.raises(ConfigError, match=option):
        load(options=((option, value),))


def test_few_steps_are_refused() -> None:
    with pytest.raises(ConfigError, match="cannot run 12 steps; legal: 13 or more"):
        SUPIR.card.check_steps(12)
    assert SUPIR.card.check_steps(13) == 13


_ADAPTER = "model.diffusion_model.project_modules.3.attn.to_q.weight"
_WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "a key is missing": (
        lambda s: s.pop(_ADAPTER),
        r"key 'project_modules\.3\.attn\.to_q\.weight' is missing",
    ),
    "another method's file": (
        lambda s: s.update({"state.x": torch.zeros(1)}),
        r"key 'state\.x' is not part of what SUPIR adds",
    ),
    "a key too many": (
        lambda s: s.update({"model.control_model.stray": torch.zeros(1)}),
        "'stray' is not part of the network",
    ),
    "no encoder": (
        lambda s: [s.pop(name) for name in list(s) if "denoise_encoder" in name],
        r"key 'encoder\.conv_in\.weight' is missing",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    load: Load, files: Path, tmp_path: Path, case: str
) -> None:
    change, message = _WRONG[case]
    content = torch.load(files / "SUPIR-v0Q.ckpt", weights_only=True)
    change(content["state_dict"])
    torch.save(content, tmp_path / "wrong.ckpt")
    path = files / weights.SDXL.name / weights.SDXL_FILE
    base = load_file(path)
    with pytest.raises(WeightsCorruptError, match=message):
        _, encoder = network.load_networks(base, path, tmp_path / "wrong.ckpt", torch.float32)
        network.load_vaes(base, path, encoder, tmp_path / "wrong.ckpt", torch.float32)


def test_keys_and_parameters_at_full_size() -> None:
    unet_shape, control_shape, vae_shape = FULL
    with torch.device("meta"):
        unet = network.build_unet(unet_shape, Control())
        branch = network.build_branch(control_shape)
        encoder = AutoencoderKL(**vae_shape).encoder
    names = [network.names(unet)(name) for name in unet.state_dict()]
    assert len(set(names)) == len(names) == 1680 + 118
    adapters = sum(p.numel() for p in unet.project_modules.parameters())
    assert adapters == 54_797_440
    assert sum(p.numel() for p in unet.parameters()) - adapters == 2_567_463_684
    assert sum(p.numel() for p in branch.parameters()) == 1_243_378_880
    assert (len(encoder.state_dict()), sum(p.numel() for p in encoder.parameters())) == (
        106,
        34_163_592,
    )


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch supir"):
        SUPIR.load(Runtime(card=SUPIR.card, weights=WeightStore(tmp_path)))


def test_memory_is_counted(load: Load) -> None:
    runtime = Runtime(card=SUPIR.card, offload=True, options={"min-size": "64"})
    found = SUPIR.memory_estimate(runtime, (16, 16))
    assert found
    assert found > CONTEXT_BYTES


def test_first_contact(rehearse: Any, load: Any) -> None:
    rehearse.method("supir@13+min-size=64", load.root, options=("--prompts", "none"))
