"""Against DiT4SR's official blocks with SMFSR's interval embedding, on a small network."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import faults
import official
import pytest
import small_networks as small
import small_sd3
import torch
from safetensors.torch import save_file
from torch import Tensor

from baselines.dit4sr import restorer as dit4sr
from baselines.dit4sr import weights
from baselines.dit4sr.field import Condition
from baselines.dit4sr.network import DiTConfig
from baselines.dit4sr.releases import SD35
from baselines.sd3.text import SD3TextEncoders
from baselines.smfsr import network, sampler
from baselines.smfsr.restorer import _INTERVAL_PARAMETERS, SMFSR
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.restorer import LRBatch, LRFile, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE, ROUNDING = 1e-5, 1e-6  # of the steps in float32, of one evaluation in float64
SMALL = DiTConfig(**(GOLDEN["config"] | {"dual_attention_layers": (0, 1)}))
SHAPE = (2, 4, 16, 16)
TILING = Tiling(tile=64, overlap=24)


def official_names(name: str) -> str:
    return name.replace("time_text_embed.", "time_text_embed_interval.", 1)


def filled(config: DiTConfig) -> Any:
    """A network filled by the golden file's rule; positions are what they are."""
    made = network.build(config)
    state = official.state(made, "smfsr.", official_names)
    kept = {name: tensor for name, tensor in made.state_dict().items() if "pos_embed.pos" in name}
    named = {name: state[official_names(name)] for name in made.state_dict()}
    made.load_state_dict(named | kept)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def made() -> Any:
    return filled(SMALL)


@pytest.fixture(scope="module")
def condition() -> Condition:
    return Condition(
        official.noise("smfsr.lr", *SHAPE),
        official.noise("smfsr.text", 2, 7, 24),
        official.noise("smfsr.pooled", 2, 20),
    )


TIMES = torch.tensor([[1.0, 0.0], [0.5, 0.25]])
Z = official.noise("smfsr.z", *SHAPE)


def computed(made: Any, c: Condition, z: Tensor = Z, times: Tensor = TIMES) -> dict[str, Tensor]:
    """Return what the golden file has of one evaluation, in the dtype of the network."""
    found: dict[str, Tensor] = {}

    def keep(number: int) -> Callable[..., None]:
        def hook(module: Any, args: Any, output: Any) -> None:
            text, found[f"block{number}.image"] = output
            if text is not None:  # the last block has no use for text
                found[f"block{number}.text"] = text

        return hook

    handles = [
        block.register_forward_hook(keep(n)) for n, block in enumerate(made.transformer_blocks)
    ]
    inputs = (tensor.to(made.dtype) for tensor in (z, c.z_lr, c.text, c.pooled, times))
    with torch.inference_mode():
        z, z_lr, text, pooled, times = inputs
        found["temb"] = made.time_text_embed(times, pooled)
        found["U"] = made(z, z_lr, text, pooled, times)
    for handle in handles:
        handle.remove()
    return found


def test_the_embedding_blocks_and_u_are_those_of_the_official_code(
    made: Any, condition: Condition
) -> None:
    found = computed(copy.deepcopy(made).double(), condition)
    assert len(found) == 7
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, ROUNDING)


# The parts of the network that a port may get wrong, by the names of their parameters.
_PARTS = {
    **faults.DIT4SR,
    "embedding of the pooled text": r"text_embedder\.",
    "pos_embed": r"^pos_embed\.proj",
    "embedding of the end time": r"timestep_embedder\.",
    "embedding of the interval": r"interval_embedder\.",
    "norms of queries": r"norm_q\.",
    "norms of keys": r"norm_k\.",
    "projections of text": r"add_[qkv]_proj\.",
}
# A norm follows at once.
_HARMLESS = ("keys rescaled", "queries of the LR stream rescaled")


def test_a_fault_is_seen_hundredfold(made: Any, condition: Condition, write_golden: bool) -> None:
    """In one of the compared tensors: the network's own gates leave little of a block."""
    c = condition
    right = computed(made, c)

    def seen(condition: Condition = c, **changes: Tensor) -> Tensor:
        return faults.joined(computed(made, condition, **changes), GOLDEN)

    def of(found: dict[str, Tensor], *names: str) -> Tensor:
        return faults.joined({name: found[name] for name in names}, GOLDEN)

    table = {
        name: faults.change(found, of(right, *right))
        for name, found in {
            "no LR latent": seen(replace(c, z_lr=0 * c.z_lr)),
            "LR latent's channels swapped": seen(replace(c, z_lr=c.z_lr.flip(1))),
            "z's channels swapped": seen(z=Z.flip(1)),
            "no text": seen(replace(c, text=0 * c.text)),
            "no pooled text": seen(replace(c, pooled=0 * c.pooled)),
        }.items()
    }
    for name, times in {
        "r and t exchanged": TIMES.flip(1),
        "times x1000": 1000 * TIMES,
        "times x1.5": 1.5 * TIMES,
    }.items():
        wrong = computed(made, c, times=times)
        for tensor, where in (("U", ""), ("temb", ", in the embedding")):
            table[name + where] = faults.change(of(wrong, tensor), of(right, tensor))
    made = copy.deepcopy(made).double()  # in float32 the least is a few roundings
    table |= faults.of_weights(seen, (made,), _PARTS, harmless=_HARMLESS)
    faults.check(
        table,
        FOLDER / "sensitivity.csv",
        ROUNDING,
        official=GOLDEN["sensitivity_max_abs_change_of_U"],
        write=write_golden,
    )


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_steps_are_those_of_the_official_code(made: Any, condition: Condition, steps: int) -> None:
    assert sampler.grid(steps) == pytest.approx(GOLDEN[f"grid_{steps}"], abs=1e-7)
    with torch.inference_mode():
        z = official.noise("smfsr.z", *SHAPE)
        found = sampler.sample(made, z, condition, TILING, steps=steps)
    official.assert_golden(GOLDEN, f"z0.{steps}steps", found, TOLERANCE)


def test_the_full_size_has_the_embeddings_parameters_beside_dit4srs() -> None:
    with torch.device("meta"):
        whole, stock = network.build(weights.SHAPE), weights.DiT4SR.of(weights.SHAPE)
    counts = [sum(p.numel() for p in one.parameters()) for one in (whole, stock)]
    assert counts[0] - counts[1] == _INTERVAL_PARAMETERS
    # In the file also the text projections of 13 second attentions, and the copy of the embedding.
    dead = 13 * (4 * 1536 * 1537 + 2 * 64) + _INTERVAL_PARAMETERS
    assert counts[0] + dead == 2_730_976_064


def write(root: Path, variant: str, change: Callable[[dict[str, Tensor]], object]) -> Path:
    """Write a release as upstream has it, dead tensors included; return its folder."""
    made = filled(DiTConfig(**small_sd3.DIT4SR))  # type: ignore[arg-type]
    tensors = {official_names(name): tensor for name, tensor in made.state_dict().items()}
    dead = small_sd3.dit4sr_tensors("q")
    tensors |= {name: value for name, value in dead.items() if name not in made.state_dict()}
    width = made.inner_dim
    for end in ("weight", "bias"):
        for layer, inner in ((0, 2 * width), (2, width)):
            shape = (width, inner) if end == "weight" else (width,)
            tensors[f"interval_embedder.{layer}.{end}"] = torch.ones(shape)
    tensors = {n: t for n, t in tensors.items() if not n.startswith("time_text_embed.")}
    change(tensors)
    folder = root / f"smfsr_{variant}/transformer"
    folder.mkdir(parents=True)
    config = {"_class_name": "SD3Transformer2DModel", **small_sd3.DIT4SR}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    return folder


class Texts:
    """Stands in for the encoders."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def missing(self, prompts: Iterable[str]) -> list[str]:
        return sorted(set(prompts) - set(self.asked))

    def embed(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        self.asked += prompts
        width, pooled = 24, 20
        parts = [
            (official.noise(p, 1, small_sd3.TOKENS, width), official.noise(f"{p}.", 1, pooled))
            for p in prompts
        ]
        return torch.cat([a for a, _ in parts]), torch.cat([b for _, b in parts])


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., SMFSR]]:
    """Load the method through the real path, once per runtime; its encoders are `Texts`."""
    root = tmp_path_factory.mktemp("weights")
    base = root / "smfsr" / SD35.name
    for name in SD35.files:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).touch()
    small_sd3.write_base(base)
    for variant in ("q", "f"):
        scale = {"q": 1.0, "f": 0.5}[variant]
        write(
            root / f"smfsr/smfsr_{variant}",
            variant,
            lambda tensors, scale=scale: tensors["proj_out.weight"].mul_(scale),
        )

    @cache
    def loaded(options: Any = (), **changes: Any) -> SMFSR:
        card = SMFSR.card.with_weights_for(dict(options))
        given = {"dtype": "fp32", "options": dict(options), **changes}
        return SMFSR.load(Runtime(card=card, weights=WeightStore(root), **given))

    texts = Texts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "SHAPE", DiTConfig(**small_sd3.DIT4SR))  # type: ignore[arg-type]
        patch.setattr(dit4sr, "_MINIMUM", 8)
        patch.setattr(dit4sr, "TILING", Tiling(tile=16, overlap=6))
        patch.setattr(SD3TextEncoders, "missing", lambda _, prompts: texts.missing(prompts))
        patch.setattr(SD3TextEncoders, "embed", lambda _, prompts: texts.embed(prompts))
        loaded.texts = texts  # type: ignore[attr-defined]
        yield loaded


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8), **changes: Any) -> LRBatch:
    count = len(images)
    given = {"prompts": ("A cat.", "A dog.")[:count], **changes}
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count], **given)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 1), (36, 50)])
def test_any_size_is_restored(load: Callable[..., SMFSR], height: int, width: int) -> None:
    sr = load().restore(batch(small.lr_picture(height, width)), steps=1)
    assert sr.shape == (1, 3, 4 * height, 4 * width)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Callable[..., SMFSR]) -> None:
    lr, method = small.lr_picture(16, 24), load(mended=True)
    both = method.restore(batch(lr, lr.flip(1)), steps=2)
    alone = method.restore(batch(lr.flip(1), seeds=(8,), prompts=("A dog.",)), steps=2)
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert set(method.pop_stages()) == {"text", "vae", "network"}
    for changed in ({"seeds": (9,)}, {"prompts": ("A cat.",)}):
        given: dict[str, Any] = {"seeds": (8,), "prompts": ("A dog.",), **changed}
        assert not torch.equal(alone, method.restore(batch(lr.flip(1), **given), steps=2))


def test_options_steps_and_offloading(load: Callable[..., SMFSR]) -> None:
    lr = batch(small.lr_picture(16, 16))
    plain = load().restore(lr)
    assert torch.equal(plain, load(offload=True).restore(lr))
    assert not torch.equal(plain, load(options=(("variant", "f"),)).restore(lr))
    assert not torch.equal(plain, load().restore(lr, steps=4))
    with pytest.raises(ConfigError, match="cannot run 5 steps; legal: 1, 2, 3, 4"):
        SMFSR.card.check_steps(5)


def test_only_its_own_prompt_is_encoded(load: Callable[..., SMFSR]) -> None:
    texts = load.texts  # type: ignore[attr-defined]
    texts.asked.clear()
    load().begin("set", [LRFile(id="a", path=Path("a"), seed=0, prompt="A cat.")], seed=0)
    (prompt,) = texts.asked
    assert prompt.startswith("A cat. Cinematic")


_WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "DiT4SR itself": (
        lambda s: [s.pop(name) for name in list(s) if "time_text_embed_interval" in name],
        "is DiT4SR or a teacher",
    ),
    "a missing tensor": (
        lambda s: s.pop("time_text_embed_interval.interval_embedder.2.bias"),
        r"'time_text_embed\.interval_embedder\.2\.bias' is missing",
    ),
    "one too many": (lambda s: s.update(stray=torch.zeros(1)), "'stray' is unexpected"),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused(load: Callable[..., SMFSR], tmp_path: Path, case: str) -> None:
    change, message = _WRONG[case]
    with pytest.raises(WeightsCorruptError, match=message):
        network.load(write(tmp_path, "q", change), torch.float32)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    card = SMFSR.card.with_weights_for({"variant": "f"})
    assert [weight.name for weight in card.weights] == [SD35.name, "smfsr_f"]
    with pytest.raises(WeightsMissingError, match=r"weights fetch smfsr\+variant=f"):
        Runtime(card=card, weights=WeightStore(tmp_path), options={"variant": "f"}).weight(
            "smfsr_f"
        )
