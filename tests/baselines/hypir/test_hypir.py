from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import costs
import faults
import official
import pytest
import small_networks as small
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import lora
from baselines.hypir import network, restorer
from baselines.hypir.restorer import HYPIR, HYPIRCaption, working_size
from baselines.sd21.components import embed
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore
from benchmarks.bench.measure import Split, Timed

if TYPE_CHECKING:
    from baselines.sd21.components import Components

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 1e-6  # in float64, in which the official code ran too
CASES = {"square": (32, 32), "wide": (24, 40), "large": (40, 52)}
PATCH, RANK = 128, 8
LATENTS, PIXELS = Tiling(tile=PATCH // 8, overlap=PATCH // 16), Tiling(tile=PATCH, overlap=64)

# The parts that a port may get wrong, by the names of their parameters.
_UPDATED = {
    "queries": "to_q",
    "keys": "to_k",
    "values": "to_v",
    "outputs of attention": r"to_out\.0",
    "first convolutions": "conv1",
    "second convolutions": "conv2",
    "shortcuts": "conv_shortcut",
    "samplers": r"samplers\.0\.conv",
    "conv_out": "conv_out",
    "proj_in": "proj_in",
    "proj_out": "proj_out",
    "gates": r"ff\.net\.0\.proj",
    "feed-forward": r"ff\.net\.2",
}

Load = Callable[..., HYPIR]


def hypir_checkpoint(unet: nn.Module, rank: int = RANK) -> dict[str, Tensor]:
    """Return what HYPIR's training saves of its trained parameters, filled by the rule."""
    layers = [
        name
        for name, module in unet.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
        and any(f".{name}".endswith(f".{target}") for target in small.S3DIFF_UNET_TARGETS)
    ]
    return small.filled(small.lora_shapes(unet, layers, "default", rank), "hypir.")


@pytest.fixture(scope="module")
def file(_loaded: Components, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hypir") / "HYPIR_sd2.pth"
    torch.save(hypir_checkpoint(_loaded.unet), path)
    return path


@pytest.fixture(autouse=True, scope="module")
def small_patch() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "_PATCH", PATCH)
        patch.setattr(network, "RANK", RANK)
        yield


@pytest.fixture(scope="module")
def weights(
    sd21: tuple[Path, Any], file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A weights folder with the small base model for both methods."""
    root = tmp_path_factory.mktemp("weights")
    for name in ("hypir", "hypir-caption"):
        (root / name).mkdir()
        (root / name / "stable-diffusion-2-1-base").symlink_to(sd21[0])
        (root / name / "HYPIR_sd2.pth").symlink_to(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "SD21_PARAMETERS", sd21[1])
        yield root


@pytest.fixture(scope="module")
def load(weights: Path) -> Load:
    """Load a method, once per runtime."""

    @cache
    def loaded(kind: type[HYPIR] = HYPIR, **changes: Any) -> HYPIR:
        given = {"dtype": "fp32", **changes}
        return kind.load(Runtime(card=kind.card, weights=WeightStore(weights), **given))

    return loaded


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8), **changes: Any) -> LRBatch:
    count = len(images)
    ids = ("a", "b")[:count]
    return LRBatch(images=torch.stack(images), ids=ids, seeds=seeds[:count], **changes)


def prepared(lr: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Return what the encoder sees of an LR image (1, 3, h, w), and its size before padding."""
    x = F.interpolate(lr, scale_factor=4, mode="bicubic")
    size = working_size(*x.shape[-2:])
    if min(x.shape[-2:]) <= PATCH:
        x = F.interpolate(x, size=size, mode="bicubic", antialias=True)
    return F.pad(x * 2 - 1, (0, -size[1] % 8, 0, -size[0] % 8)), size


def way(
    parts: Components, lr: Tensor, prompt: str = "", timestep: int = network.TIMESTEP
) -> dict[str, Tensor]:
    """Return every checkpoint of the way, computed in the dtype of the networks."""
    dtype = parts.vae.dtype
    x, _ = prepared(lr.to(dtype))
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        text = embed(parts, [prompt], "cpu")
        # NumPy's noise: the last digits of torch's depend on the processor.
        draw = official.named_draws("hypir.noise", 1, 4, 16, 16)
        z = found["z_lq"] = network.encode(parts.vae, x, draw, LATENTS, dtype)

        def eps(z: Tensor) -> Tensor:
            predicted: Tensor = parts.unet(z, timestep, encoder_hidden_states=text).sample
            found.setdefault("eps", predicted)
            return predicted

        scaling = parts.vae.config.scaling_factor
        found["z"] = network.restore(eps, z.to(dtype), scaling, LATENTS, dtype)
        found["decoded"] = network.decode(parts.vae, found["z"].to(dtype), PIXELS, dtype)
    return found


@pytest.fixture
def parts(components: Components, file: Path) -> Components:
    network.apply_checkpoint(components.unet, file)
    return components


@pytest.mark.parametrize("case", CASES)
def test_every_checkpoint_of_the_way_is_that_of_the_official_code(
    parts: Components, case: str
) -> None:
    for part in (parts.unet, parts.vae, parts.text_encoder):
        part.double()
    for name, tensor in way(parts, small.lr_picture(*CASES[case])[None]).items():
        small.assert_golden(GOLDEN["tensors"], f"{case}.{name}", tensor, TOLERANCE)


def test_a_prompt_is_that_of_the_official_code(parts: Components) -> None:
    for part in (parts.unet, parts.vae, parts.text_encoder):
        part.double()
    found = way(parts, small.lr_picture(32, 32)[None], "a cat")
    small.assert_golden(GOLDEN["tensors"], "text.z", found["z"], TOLERANCE)


def test_a_fault_is_seen_hundredfold(components: Components, file: Path) -> None:
    """The table was made by the official code, its updates beside the weights."""
    parts, lr = components, small.lr_picture(32, 32)[None]
    state = torch.load(file, weights_only=True)
    forget = faults.keep(parts.unet)
    layers = lora.matching(parts.unet, network.LAYERS)

    def z() -> Tensor:
        """The updates are folded anew, since a fault is put into them."""
        forget()
        lora.fold(parts.unet, lora.updates(state, layers, "default"), 1.0)
        return way(parts, lr)["z"]

    groups = {f"updates of {name}": rf"{p}\.lora_B\." for name, p in _UPDATED.items()}
    table = faults.of_weights(z, (state,), groups)
    z()  # the last fault is still folded in
    whole = {"the encoder": r"^encoder\.", "the decoder": r"^decoder\."}
    table |= faults.of_weights(lambda: way(parts, lr)["decoded"], (parts.vae,), whole)
    table |= faults.of_weights(
        lambda: way(parts, lr)["z"], (parts.text_encoder,), {"the text encoder": "self_attn"}
    )
    right = way(parts, lr)["z"]
    for timestep in (199, 999):
        wrong = way(parts, lr, timestep=timestep)["z"]
        table[f"t={timestep} for 200 in the network"] = faults.change(wrong, right)
    for timestep in (199, 999):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(network, "TIMESTEP", timestep)
            wrong = way(parts, lr, timestep=200)["z"]
        table[f"t={timestep} for 200 in the formula"] = faults.change(wrong, right)
    table["another prompt"] = faults.change(way(parts, lr, "a cat")["z"], right)
    with faults.put(torch.zeros_like, r"^time_embedding\.linear_2", parts.unet):
        table["no time embedding"] = faults.change(way(parts, lr)["z"], right)
    faults.check(table, FOLDER / "sensitivity.csv", TOLERANCE)


@pytest.mark.parametrize("case", CASES)
def test_the_program_gives_the_official_pixels(load: Load, case: str) -> None:
    """Enlarged to the patch or not, padded, in one tile or several, and brought back."""
    method = load()
    sr = method.restore(batch(small.lr_picture(*CASES[case])))[0]
    # Where a value lies on the border of two grey levels, a rounding error becomes a level.
    small.assert_golden(GOLDEN["tensors"], f"{case}.file", (sr * 255).round(), atol=1)
    mean = GOLDEN["tensors"][f"{case}.file"]["mean_abs"]
    assert abs(float((sr * 255).mean()) - mean) < 0.005
    assert set(method.pop_stages()) == {"text", "vae", "network"}


def test_truncation_is_mended_on_request(load: Load) -> None:
    given = batch(small.lr_picture(32, 32))
    faithful, mended = load().restore(given), load(mended=True).restore(given)
    assert torch.equal((faithful * 255).round() / 255, faithful)
    assert not torch.equal((mended * 255).round() / 255, mended)
    assert 0.4 < float((mended - faithful).mean()) * 255 < 0.6


def test_sums_in_bfloat16_are_mended_on_request(load: Load) -> None:
    given = batch(small.lr_picture(40, 52))
    exact = load(mended=True).restore(given)
    faithful, mended = (
        load(dtype="bf16", mended=mended).restore(given) for mended in (False, True)
    )
    error = [float((sr - exact).abs().mean()) * 255 for sr in (faithful, mended)]
    assert error[1] < 2
    assert not torch.equal(faithful, mended)


@pytest.mark.parametrize(
    ("size", "working"),
    [
        ((128, 128), (128, 128)),
        ((4, 4), (128, 128)),
        ((96, 160), (128, 213)),
        ((160, 96), (213, 128)),
        ((128, 300), (128, 300)),
        ((132, 300), (132, 300)),
    ],
)
def test_the_working_size_is_that_of_upstream(
    size: tuple[int, int], working: tuple[int, int]
) -> None:
    assert working_size(*size) == working


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (5, 7), (33, 31)])
def test_any_size_is_restored(load: Load, size: tuple[int, int]) -> None:
    sr = load().restore(batch(small.lr_picture(*size)))
    assert sr.shape == (1, 3, 4 * size[0], 4 * size[1])


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    """In several tiles, of which each draws from the image's own stream."""
    first, second = small.lr_picture(36, 40), small.lr_picture(36, 40).flip(1)
    method = load(mended=True)
    both = method.restore(batch(first, second))
    alone = method.restore(batch(second, seeds=(8,)))
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert torch.equal(alone, method.restore(batch(second, seeds=(8,))))
    assert not torch.equal(alone, method.restore(batch(second, seeds=(9,))))


def test_offloading_changes_nothing(load: Load) -> None:
    given = batch(small.lr_picture(16, 16))
    assert torch.equal(load().restore(given), load(offload=True).restore(given))


def test_a_caption_changes_the_result_and_is_required(load: Load) -> None:
    lr, method = small.lr_picture(16, 16), load(HYPIRCaption, mended=True)
    empty, cat = (method.restore(batch(lr, prompts=(text,))) for text in ("", "a cat"))
    assert torch.equal(empty, load(mended=True).restore(batch(lr)))
    assert not torch.equal(empty, cat)
    with pytest.raises(ConfigError, match="needs one prompt per image"):
        method.restore(batch(lr))


def test_keys_and_size_at_full_size(full_size: tuple[nn.Module, nn.Module]) -> None:
    unet, _ = full_size
    layers = lora.matching(unet, network.LAYERS)
    expected = lora.expected_shapes(unet, layers, "default", 256)
    assert (len(layers), len(expected)) == (257, 514)
    assert "conv_in.lora_A.default.weight" not in expected
    assert sum(torch.Size(shape).numel() for shape in expected.values()) == 259_474_432


_TO_Q = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.default.weight"
_WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a key is missing": (
        lambda c: c.pop(_TO_Q),
        rf"key '{_TO_Q}' is missing \(5\d\d keys, 5\d\d expected\)",
    ),
    "a key too many": (
        lambda c: c.update({"conv_in.weight": torch.zeros(1)}),
        r"key 'conv_in\.weight' is not part of the network",
    ),
    "another rank": (
        lambda c: c.update({_TO_Q: torch.zeros(4, 64)}),
        rf"key '{_TO_Q}' has shape \(4, 64\) where \(8, 64\) was expected",
    ),
    "another adapter": (
        lambda c: [c.update({k.replace("default", "other"): c.pop(k)}) for k in list(c)],
        r"lora_A\.default\.weight' is missing",
    ),
    "no tensors": (lambda c: c.update(rank=256), "does not hold tensors by name"),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    components: Components, file: Path, tmp_path: Path, case: str
) -> None:
    change, message = _WRONG[case]
    content = torch.load(file, weights_only=True)
    change(content)
    torch.save(content, tmp_path / "wrong.pth")
    with pytest.raises(WeightsCorruptError, match=message):
        network.apply_checkpoint(components.unet, tmp_path / "wrong.pth")


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch hypir"):
        HYPIR.load(Runtime(card=HYPIR.card, weights=WeightStore(tmp_path)))


def test_memory_is_that_of_one_tile(load: Load) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "_PATCH", 512)
        near, far = (
            HYPIR.memory_estimate(Runtime(card=HYPIR.card), (side, side)) for side in (16, 512)
        )
    assert near
    assert near == far
    assert near > CONTEXT_BYTES + 2 * 1_289_952_427  # U-Net, VAE and text encoder in bfloat16


def test_costs_are_split_by_part(weights: Path, load: Load, sd21: tuple[Path, Any]) -> None:
    runtime = Runtime(card=HYPIR.card, weights=WeightStore(weights), dtype="fp32")
    task = costs.case(HYPIR, runtime=runtime, height=32, width=32, warm_up=1, repeats=1)
    timed, split = costs.measure(task)
    assert isinstance(timed, Timed)
    assert isinstance(split, Split)
    assert {name: part.parameters for name, part in split.parts.items() if name != "prompt"} == {
        "text": sd21[1].text_encoder,
        "vae": sd21[1].vae,
        "network": sd21[1].unet,
        "other": 0,
    }
