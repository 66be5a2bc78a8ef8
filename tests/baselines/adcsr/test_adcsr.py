from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import costs
import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines.adcsr import network
from baselines.adcsr.network import AdcSRNetwork, Shape, load_network
from baselines.adcsr.restorer import AdcSR
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore
from benchmarks.bench.counting import MacCounter
from benchmarks.bench.measure import Split, Timed

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 5e-7  # in float64, in which the official code ran too
SMALL = Shape(unet=(48, 48, 96, 96), heads=(2, 2, 4, 4), decoder=(16, 16, 32, 32), decoder_groups=8)
CASES = {"square": (32, 32), "wide": (32, 48)}
SEQUENCE = (
    *(f"down_blocks.{i}" for i in range(4)),
    "mid_block",
    *(f"up_blocks.{i}" for i in range(4)),
    *("conv_norm_out", "conv_act", "conv_out"),
)

# The parts of the network that a port may get wrong, by the names of their parameters.
GROUPS = {
    "conv_in": r"^unet\.conv_in\.",
    "norms before first convolutions": r"^unet.*resnets.*norm1\.",
    "first convolutions": r"^unet.*resnets.*conv1\.",
    "norms before second convolutions": r"^unet.*resnets.*norm2\.",
    "second convolutions": r"^unet.*resnets.*conv2\.",
    "shortcuts": r"^unet.*conv_shortcut\.",
    "norms of transformers": r"^unet.*attentions\.\d\.norm\.",
    "proj_in": r"^unet.*proj_in\.",
    "norms before attention": r"^unet.*blocks\.0\.norm1\.",
    "queries": r"^unet.*to_q\.",
    "keys": r"^unet.*to_k\.",
    "values": r"^unet.*to_v\.",
    "outputs of attention": r"^unet.*to_out\.",
    "norms before feed-forward": r"^unet.*blocks\.0\.norm3\.",
    "gates": r"^unet.*ff\.net\.0\.",
    "feed-forward": r"^unet.*ff\.net\.2\.",
    "proj_out": r"^unet.*proj_out\.",
    "downsamplers": r"^unet.*downsamplers",
    "upsamplers": r"^unet.*upsamplers",
    "conv_norm_out": r"^unet\.conv_norm_out\.",
    "conv_out": r"^unet\.conv_out\.",
    "middle of the decoder": r"^decoder\.mid_block\.resnets",
    "queries of the decoder": r"^decoder\.mid_block.*to_q\.",
    "keys of the decoder": r"^decoder\.mid_block.*to_k\.weight",
    "values of the decoder": r"^decoder\.mid_block.*to_v\.",
    "outputs of the decoder's attention": r"^decoder\.mid_block.*to_out\.",
    "blocks of the decoder": r"^decoder\.up_blocks.*resnets",
    "upsamplers of the decoder": r"^decoder\.up_blocks.*upsamplers",
    "conv_norm_out of the decoder": r"^decoder\.conv_norm_out\.",
    "conv_out of the decoder": r"^decoder\.conv_out\.",
}
# A norm follows at once.
HARMLESS = ("first convolutions rescaled",)

Load = Callable[..., AdcSR]


def names(unet_name: str) -> list[str]:
    """Return the names that the official file has for one of the U-Net's tensors."""
    found = [f"body.1.{unet_name}"]
    for place, part in enumerate(SEQUENCE):
        if unet_name.startswith(f"{part}."):
            found.append(f"body.1.body.{place}.{unet_name.removeprefix(f'{part}.')}")
    return found


def official_keys(shape: Shape) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Return keys and shapes of the two official files, without the `module.` of the first."""
    with torch.device("meta"):
        built = AdcSRNetwork(shape)
    decoder = {name: tuple(t.shape) for name, t in built.decoder.state_dict().items()}
    found = {
        name: tuple(t.shape) for own, t in built.unet.state_dict().items() for name in names(own)
    }
    middle = "mid_block."
    found |= {
        f"body.2.{name.removeprefix(middle)}": shape
        for name, shape in decoder.items()
        if name.startswith(middle)
    }
    return found, decoder


def first_name(key: str) -> str:
    """Return the name by which the filling rule knows one of the U-Net's tensors."""
    head, _, rest = key.partition("body.1.body.")
    if head or not rest:
        return key
    place, _, rest = rest.partition(".")
    return f"body.1.{SEQUENCE[int(place)]}.{rest}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two files as upstream saves them, for the small network."""
    folder = tmp_path_factory.mktemp("weights") / "adcsr"
    folder.mkdir()
    found, decoder = official_keys(SMALL)
    tensors = {
        f"module.{key}": small.values(f"adcsr.{first_name(key)}", shape)
        for key, shape in found.items()
    }
    torch.save(tensors, folder / "net_params_200.pkl")
    half = {
        f"decoder.{key}": small.values(f"adcsr.decoder.{key}", shape)
        for key, shape in decoder.items()
    }
    half |= {"encoder.conv_in.weight": torch.zeros(1), "loss.logvar": torch.zeros(())}
    torch.save({"state_dict": half, "epoch": 3}, folder / "halfDecoder.ckpt")
    return folder


@pytest.fixture
def loaded(files: Path) -> AdcSRNetwork:
    return load_network(files / "net_params_200.pkl", files / "halfDecoder.ckpt", SMALL).double()


@pytest.fixture(scope="module")
def load(files: Path) -> Iterator[Load]:
    """Load the method at the small size, once per runtime."""

    @cache
    def loaded(**changes: Any) -> AdcSR:
        runtime = Runtime(card=AdcSR.card, weights=WeightStore(files.parent), **changes)
        return AdcSR.load(runtime)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "Shape", lambda: SMALL)
        yield loaded


def batch(*images: Tensor) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=(7, 8)[:count])


@pytest.mark.parametrize("case", CASES)
def test_every_level_is_that_of_the_official_code(loaded: AdcSRNetwork, case: str) -> None:
    unet = loaded.unet
    modules = {"conv_in": unet.conv_in, "mid": unet.mid_block, "unet": unet}
    modules |= {f"down.{i}": block for i, block in enumerate(unet.down_blocks)}
    modules |= {f"up.{i}": block for i, block in enumerate(unet.up_blocks)}
    lr = small.lr_picture(*CASES[case])[None].double() * 2 - 1
    with torch.inference_mode(), official.taps(modules) as found:
        found["features"] = features = loaded.features(lr)
        found["sr"] = loaded.decode(features)
    assert len(found) == 13
    for name, tensor in found.items():
        small.assert_golden(GOLDEN["tensors"], f"{case}.{name}", tensor, TOLERANCE)


def test_a_fault_is_seen_hundredfold(loaded: AdcSRNetwork) -> None:
    """The table was made by the official code."""
    loaded.float()
    lr = small.lr_picture(16, 16)[None] * 2 - 1
    compute = partial(loaded, lr)
    table = faults.of_weights(compute, (loaded,), GROUPS, harmless=HARMLESS)
    with torch.no_grad():
        right = loaded(lr)
        table["channels of the LR image swapped"] = faults.change(loaded(lr.flip(1)), right)
        table["LR image in [0, 1]"] = faults.change(loaded((lr + 1) / 2), right)
        table["channels folded first"] = faults.change(folded_otherwise(loaded, lr), right)
        table |= {
            f"{what} in every norm of the U-Net": faults.change(with_norms(loaded, lr, own), right)
            for what, own in {"12 groups": {"num_groups": 12}, "1e-6": {"eps": 1e-6}}.items()
        }
        _, decoder = official_keys(SMALL)
        for key, shape in decoder.items():
            if key.startswith("mid_block."):
                value = small.values(f"adcsr.decoder.{key}", shape)
                loaded.decoder.get_parameter(key).copy_(value)
        table["the decoder's own middle"] = faults.change(loaded(lr), right)
    faults.check(table, FOLDER / "sensitivity.csv", TOLERANCE)


def with_norms(loaded: AdcSRNetwork, lr: Tensor, changed: dict[str, Any]) -> Tensor:
    """Return the result where all group norms of the U-Net have other settings."""
    wrong = copy.deepcopy(loaded)
    for module in wrong.unet.modules():
        if isinstance(module, torch.nn.GroupNorm):
            vars(module).update(changed)
    return wrong(lr)


def folded_otherwise(loaded: AdcSRNetwork, lr: Tensor) -> Tensor:
    """Return the result where a pixel's place comes before its channel."""
    b, c, h, w = lr.shape
    x = lr.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4)
    x = x.reshape(b, 4 * c, h // 2, w // 2)
    return loaded.decode(loaded.decoder.mid_block(loaded.unet(x)))


@pytest.mark.parametrize("case", CASES)
def test_the_program_gives_the_official_pixels(load: Load, case: str) -> None:
    sr = load().restore(batch(small.lr_picture(*CASES[case])))[0]
    # Where a value lies on the border of two grey levels, a rounding error becomes a level.
    small.assert_golden(GOLDEN["tensors"], f"{case}.file", (sr * 255).round(), atol=1)
    mean = GOLDEN["tensors"][f"{case}.file"]["mean_abs"]
    assert abs(float((sr * 255).mean()) - mean) < 0.005


def test_truncation_is_mended_on_request(load: Load) -> None:
    given = batch(small.lr_picture(32, 32))
    faithful, mended = load().restore(given), load(mended=True).restore(given)
    assert torch.equal((faithful * 255).round() / 255, faithful)
    assert not torch.equal((mended * 255).round() / 255, mended)
    assert 0.4 < float((mended - faithful).mean()) * 255 < 0.6


def test_sizes_on_which_upstream_stops_are_extended_and_cropped(load: Load) -> None:
    """The colour fix sees what is returned, so its mean and deviation are the LR image's."""
    method = load(mended=True)
    for height, width in ((1, 1), (1, 9), (7, 5), (19, 33), (24, 32)):
        lr = small.lr_picture(height, width) * 0.5 + 0.25
        sr = method.restore(batch(lr))
        assert sr.shape == (1, 3, 4 * height, 4 * width)
        if sr.min() > 0 and sr.max() < 1:  # where nothing was clamped
            torch.testing.assert_close(sr[0].mean((1, 2)), lr.mean((1, 2)), rtol=0, atol=1e-5)
            if height * width > 1:
                deviation = sr[0].std((1, 2)), lr.std((1, 2))
                torch.testing.assert_close(*deviation, rtol=0, atol=1e-5)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    first, second = small.lr_picture(32, 32), small.lr_picture(32, 32).flip(1)
    method = load(mended=True)
    both, alone = method.restore(batch(first, second)), method.restore(batch(second))
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert torch.equal(alone, method.restore(batch(second)))


@pytest.mark.parametrize("changes", [{"offload": True}, {"dtype": "bf16"}])
def test_other_ways_to_compute_stay_close(load: Load, changes: dict[str, Any]) -> None:
    given = batch(small.lr_picture(32, 32))
    found, expected = load(**changes).restore(given), load().restore(given)
    assert float((found - expected).abs().mean()) < (0.05 if "dtype" in changes else 1e-7)


def test_half_precision_that_overflows_is_not_offered() -> None:
    assert AdcSR.card.dtypes == ("fp32", "bf16")


def _digest(keys: dict[str, tuple[int, ...]]) -> str:
    lines = "\n".join(sorted(f"{key} {shape}" for key, shape in keys.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(("size", "shape"), [("small", SMALL), ("full", Shape())])
def test_the_keys_are_those_of_the_official_code(size: str, shape: Shape) -> None:
    found, decoder = official_keys(shape)
    assert len(found) == GOLDEN["keys"][f"{size}_count"]
    assert _digest(found) == GOLDEN["keys"][size]
    assert len(decoder) == GOLDEN["keys"][f"{size}_decoder_count"]


def test_sizes_at_full_size() -> None:
    """The paper prints 456 M parameters, and 496 G multiply-accumulates at 128x128."""
    with torch.device("meta"):
        built = AdcSRNetwork(Shape())
        del built.decoder.conv_in
        assert sum(p.numel() for p in built.parameters()) == 456_073_683
        layers = 0

        def count(module: torch.nn.Module, args: Any, output: Tensor) -> None:
            nonlocal layers
            weight = module.weight
            assert isinstance(weight, Tensor)
            layers += output.numel() * weight[0].numel()

        for module in built.modules():
            if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
                module.register_forward_hook(count)
        with torch.inference_mode(), MacCounter() as counter:
            built(torch.empty(1, 3, 128, 128))
    assert round(layers / 1e9) == 495
    assert round(counter.total() / 1e9) == 549


_Change = Callable[[dict[str, Any]], object]
_Q = "module.body.1.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"
_WRONG: dict[str, tuple[str, _Change, str]] = {
    "a key is missing": (
        "net_params_200.pkl",
        lambda c: c.pop(_Q),
        r"key 'body\.1\.mid_block\.\S+to_q\.weight' is missing \(1045 keys, 1046 expected\)",
    ),
    "a key too many": (
        "net_params_200.pkl",
        lambda c: c.update({"module.stray": torch.zeros(1)}),
        "key 'stray' is not part of the network",
    ),
    "with cross-attention": (
        "net_params_200.pkl",
        lambda c: c.update({_Q.replace("attn1", "attn2"): torch.zeros(1)}),
        r"key 'body\.1\.\S+attn2\.to_q\.weight' is not part of the network",
    ),
    "two tensors for one": (
        "net_params_200.pkl",
        lambda c: c.update({"module.body.1.body.11.bias": c["module.body.1.conv_out.bias"] + 1}),
        r"two tensors for one: 'body\.1\.conv_out\.bias' and 'body\.1\.body\.11\.bias' differ",
    ),
    "no middle of the decoder": (
        "net_params_200.pkl",
        lambda c: [c.pop(key) for key in list(c) if key.startswith("module.body.2.")],
        r"key 'body\.2\.attentions\.0\.group_norm\.weight' is missing",
    ),
    "a whole decoder": (
        "halfDecoder.ckpt",
        lambda c: c["state_dict"].update({"decoder.conv_in.bias": torch.zeros(64)}),
        r"key 'conv_in\.bias' has shape \(64,\) where \(32,\) was expected",
    ),
    "a decoder without its last convolution": (
        "halfDecoder.ckpt",
        lambda c: c["state_dict"].pop("decoder.conv_out.bias"),
        r"key 'conv_out\.bias' is missing",
    ),
    "no state": ("halfDecoder.ckpt", lambda c: c.pop("state_dict"), "'state_dict' is missing"),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(files: Path, tmp_path: Path, case: str) -> None:
    name, change, message = _WRONG[case]
    content = torch.load(files / name, weights_only=True)
    change(content)
    torch.save(content, tmp_path / name)
    paths = (
        folder / file
        for file in ("net_params_200.pkl", "halfDecoder.ckpt")
        for folder in (tmp_path if file == name else files,)
    )
    with pytest.raises(WeightsCorruptError, match=message):
        load_network(*paths, SMALL)


def test_the_two_files_are_not_taken_for_each_other(files: Path) -> None:
    with pytest.raises(WeightsCorruptError, match=r"is missing"):
        load_network(files / "halfDecoder.ckpt", files / "net_params_200.pkl", SMALL)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch adcsr"):
        AdcSR.load(Runtime(card=AdcSR.card, weights=WeightStore(tmp_path)))


def test_memory_is_counted(load: Load) -> None:
    small_image, large = (
        AdcSR.memory_estimate(Runtime(card=AdcSR.card), (side, side)) for side in (16, 128)
    )
    assert small_image
    assert large
    assert CONTEXT_BYTES < small_image < large


def test_costs_are_split_into_unet_and_decoder(load: Load, files: Path) -> None:
    load()
    runtime = Runtime(card=AdcSR.card, weights=WeightStore(files.parent))
    task = costs.case(AdcSR, runtime=runtime, height=16, width=32, warm_up=1, repeats=1)
    timed, split = costs.measure(task)
    assert isinstance(timed, Timed)
    assert isinstance(split, Split)
    assert set(split.parts) == {"network", "vae", "other"}
    built = AdcSRNetwork(SMALL)
    assert split.parts["network"].parameters == sum(
        p.numel() for part in (built.unet, built.decoder.mid_block) for p in part.parameters()
    )
    assert split.parts["other"].macs == 0
