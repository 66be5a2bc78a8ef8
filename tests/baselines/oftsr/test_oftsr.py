"""Against the official network and samplers (yuanzhi-zhu/OFTSR at 003b6f4), at a small size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import faults
import golden_tables
import official
import pytest
import small_networks as small
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.oftsr import checkpoint, network, releases, solvers
from baselines.oftsr.releases import DIV2K_SHAPE, IMAGENET_SHAPE, RELEASES, Shape, release
from baselines.oftsr.restorer import MENDED, OFTSR, OFTSRTeacher, enlarged, quartered
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.weights import WeightStore

FOLDER = Path(__file__).parent
GOLDEN = golden_tables.rows_of(FOLDER / "golden.csv")
SMALL = Shape(channels=64, layers=1, attention=(4,), multipliers=(1, 2, 2))
SIGMA = 0.2
TOLERANCE = 1e-5


def assert_golden(name: str, tensor: Tensor, tolerance: float = TOLERANCE) -> None:
    """Check a tensor; the table has six digits or more."""
    row, x = GOLDEN[name], tensor.double()
    assert "x".join(map(str, x.shape)) == row["shape"], name
    found = [x.mean(), x.std(correction=0), *x.flatten()[:4]]
    expected = [float(row[key]) for key in ("mean", "std", "v0", "v1", "v2", "v3")]
    assert [float(one) for one in found] == pytest.approx(expected, abs=tolerance), name
    assert float(x.abs().sum()) == pytest.approx(float(row["abs_sum"]), rel=tolerance), name


def averaged(shape: Shape) -> list[Tensor]:
    """The list of a released file: the official tensors, filled by the table's rule."""
    with torch.device("meta"):
        entries = checkpoint.entries(network.build(shape))
    state = golden_tables.seeded({one.official: one.shape for one in entries}, 100)
    return [state[one.official] for one in entries]


def write(path: Path, tensors: list[Tensor]) -> None:
    ema = {"decay": 0.9999, "num_updates": 5000, "shadow_params": tensors}
    torch.save({"ema": ema, "step": 5000}, path)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with a small teacher and student of two variants."""
    root = tmp_path_factory.mktemp("weights")
    (root / "oftsr").mkdir()
    tensors = averaged(SMALL)
    assert sum(tensor.numel() for tensor in tensors) == 5_465_414
    assert len(tensors) == 198
    for found in RELEASES:
        if found.name != "imagenet":
            for kind in ("student", "teacher"):
                write(root / "oftsr" / getattr(found, kind), tensors)
    return root


Load = Callable[..., Any]


@pytest.fixture(scope="module")
def load(root: Path) -> Iterator[Load]:
    """Load a method through the real path, once per runtime."""

    @cache
    def loaded(
        kind: type[Restorer] = OFTSR, options: tuple[tuple[str, str], ...] = (), **changes: Any
    ) -> Any:
        given = {"options": dict(options), **changes}
        card = kind.card.with_weights_for(dict(options))
        return kind.load(Runtime(card=card, weights=WeightStore(root), **given))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "build", lambda _: build(SMALL))
        yield loaded


build = network.build


@pytest.fixture(scope="module")
def start() -> tuple[Tensor, Tensor]:
    """x_0 and x_LR of the golden table."""
    hr = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(7)) * 2 - 1
    eps = torch.randn(1, 3, 64, 48, generator=torch.Generator().manual_seed(12345))
    lr = F.interpolate(hr, scale_factor=0.25, mode="bicubic", antialias=True)
    x_lr = enlarged(lr, release("div2k"))
    x_0 = (1 - SIGMA**2) ** 0.5 * x_lr + SIGMA * eps
    for name, tensor in {"hr": hr, "lr_bicubic_aa": lr, "x_lr": x_lr, "x0": x_0}.items():
        assert_golden(name, tensor)
    means = F.avg_pool2d(hr, 4)
    assert_golden("lr_avgpool", means)
    assert torch.equal(
        enlarged(means, release("ffhq-noisy")), F.interpolate(means, scale_factor=4, mode="nearest")
    )
    return x_0, x_lr


def test_every_tap_is_that_of_the_official_network(
    load: Load, start: tuple[Tensor, Tensor]
) -> None:
    method = load()
    unet = method._unet
    modules = {
        "sinusoid_t0.99": unet.time_proj,
        "time_embed": unet.time_embedding,
        "in0": unet.conv_in,
        "in1": unet.down_blocks[0].resnets[0],
        "in2": unet.down_blocks[0].downsamplers[0],
        "in3": unet.down_blocks[1].resnets[0],
        "in4": unet.down_blocks[1].downsamplers[0],
        "in5": unet.down_blocks[2].attentions[0],
        "mid": unet.mid_block,
        "out0": unet.up_blocks[0].attentions[0],
        "out1": unet.up_blocks[0],
        "out3": unet.up_blocks[1],
        "out5": unet.up_blocks[2],
    }
    x_0, x_lr = start
    with torch.inference_mode(), official.taps(modules) as found:
        found["v_t0.99"] = method._velocity(x_lr)(x_0, 0.99)
    for name, tensor in found.items():
        assert_golden(name, tensor)


_PARTS = {
    "the time embedding": r"^time_embedding\.",
    "projections of time": r"time_emb_proj\.",
    "conv_in": r"^conv_in\.",
    "first norms": r"resnets.*norm1\.",
    "first convolutions": r"conv1\.",
    "second norms": r"resnets.*norm2\.",
    "second convolutions": r"conv2\.",
    "shortcuts": r"conv_shortcut\.",
    "norms of attention": r"attentions.*group_norm\.",
    "queries": r"to_q\.",
    "keys": r"to_k\.weight",
    "values": r"to_v\.",
    "outputs of attention": r"to_out\.",
    "downsamplers": r"downsamplers\.",
    "upsamplers": r"upsamplers\.",
    "conv_norm_out": r"^conv_norm_out\.",
    "conv_out": r"^conv_out\.",
}


def measured(tensor: Tensor, like: Tensor) -> Tensor:
    """Return what a row says of a tensor, in units of what the comparison allows `like`."""
    x, total = tensor.double(), like.double().abs().sum()
    parts = [x.mean(), x.std(correction=0), *x.flatten()[:4], x.abs().sum() / total]
    return torch.stack(parts) / TOLERANCE


def test_a_fault_is_seen_hundredfold(
    load: Load, start: tuple[Tensor, Tensor], write_golden: bool
) -> None:
    """In the mean, spread, sum and first values of v, in units of the tolerance."""
    method = load()
    x_0, x_lr = (tensor[..., :32, :32] for tensor in start)

    def v(x: Tensor = x_0, lr: Tensor = x_lr, t: float = 0.99) -> Tensor:
        with torch.inference_mode():
            found: Tensor = method._velocity(lr)(x, t)
        return found

    right = v()
    wrong = {
        "t=0.98 for 0.99": v(t=0.98),
        "t=0 for 0.99": v(t=0),
        "no LR image": v(lr=0 * x_lr),
        "x and the LR image exchanged": v(x_lr, x_0),
        "the LR image's channels swapped": v(lr=x_lr.flip(1)),
        "x's channels swapped": v(x_0.flip(1)),
    }
    table = {
        name: faults.change(measured(found, right), measured(right, right))
        for name, found in wrong.items()
    }
    unet, harmless = method._unet, ("first convolutions rescaled",)  # a norm follows at once
    table |= faults.of_weights(lambda: measured(v(), right), (unet,), _PARTS, harmless=harmless)
    faults.check(table, FOLDER / "sensitivity.csv", 1, write=write_golden)


@pytest.mark.parametrize("t", ["0.99", "0.5", "0.0"])
def test_one_step_at_each_place_of_the_knob(
    load: Load, start: tuple[Tensor, Tensor], t: str
) -> None:
    method = load(options=(("t", t),) if t != "0.99" else ())
    with torch.inference_mode():
        assert_golden(f"onestep_t{t}", method._solve(*start))


@pytest.mark.parametrize(
    ("solver", "tolerance"), [("euler", 1e-4), ("heun", 1e-4), ("midpoint", 1e-4), ("rk45", 1e-3)]
)
def test_the_teachers_samplers(
    load: Load, start: tuple[Tensor, Tensor], solver: str, tolerance: float
) -> None:
    method = load(OFTSRTeacher, options=(("solver", solver),) if solver != "rk45" else ())
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    handle = method._unet.register_forward_hook(count)
    with torch.inference_mode():
        assert_golden(f"sampler_{solver}", method._solve(*start), tolerance)
    handle.remove()
    assert calls == {"euler": 8, "heun": 15, "midpoint": 15, "rk45": 116}[solver]


@pytest.mark.parametrize(
    ("steps", "r", "order"), [(16, 1.0, 2), (16, 0.5, 2), (16, 2 / 3, 2), (16, 0.0, 1)]
)
def test_solvers_have_their_order_on_an_equation_with_a_known_end(
    steps: int, r: float, order: int
) -> None:
    """dx/dt = x: halving the steps' length divides the error by 2 or about 4 (its last is Euler's,
    whose own error is of second order)."""

    def error(count: int) -> float:
        x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
        found = solvers.second_order(lambda x, _: x, x, count, r) if r else None
        found = solvers.euler(lambda x, _: x, x, count) if found is None else found
        exact = torch.tensor(1.0 - (solvers.START if r else 0), dtype=torch.float64).exp()
        return abs(float(found) - float(exact))

    assert error(steps) / error(2 * steps) == pytest.approx(2**order, rel=0.2)
    if r:
        adaptive = solvers.adaptive(lambda x, _: x, torch.ones(1), 1e-6)
        assert float(adaptive) == pytest.approx(2.71828**0.999, abs=1e-4)


def test_full_configurations_are_the_official_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "build", build)
    for shape, parameters, tensors in ((DIV2K_SHAPE, 93_567_366, 362),
                                       (IMAGENET_SHAPE, 552_820_998, 566)):  # fmt: skip
        with torch.device("meta"):
            unet = network.build(shape)
            entries = checkpoint.entries(unet)
            given = [torch.empty(one.shape) for one in entries]
            state: dict[str, Tensor] = {}
            for one, tensor in zip(entries, given, strict=True):
                state |= one.split(tensor)
            unet.load_state_dict(state, strict=True, assign=True)
        assert sum(p.numel() for p in unet.parameters()) == parameters
        assert sum(tensor.numel() for tensor in given) == parameters
        assert (len(entries), len({one.official for one in entries})) == (tensors, tensors)
        assert shape.factor == 32
        assert entries[0].official == "time_embed.0.weight"
        assert entries[-1].official == "out.2.bias"


def test_a_fused_attention_is_split_by_head() -> None:
    one = checkpoint.Entry(official="qkv", own=("q", "k", "v"), shape=(384, 128, 1))
    qkv = torch.arange(384.0)[:, None, None].expand(384, 128, 1)
    parts = one.split(qkv)
    assert parts["q"].shape == (128, 128)
    assert parts["q"][:, 0].tolist() == [*range(64), *range(192, 256)]
    assert parts["v"][:, 0].tolist() == [*range(128, 192), *range(320, 384)]


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1, 1), (9, 21)])
@pytest.mark.parametrize("kind", [OFTSR, OFTSRTeacher])
def test_any_size_is_restored(load: Load, kind: type[Restorer], height: int, width: int) -> None:
    options = (("n", "1"), ("solver", "euler")) if kind is OFTSRTeacher else ()
    sr = load(kind, options=options).restore(batch(small.lr_picture(height, width)))
    assert sr.shape == (1, 3, 4 * height, 4 * width)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    first, second = small.lr_picture(8, 16), small.lr_picture(8, 16).flip(1)
    for method in (load(), load(OFTSRTeacher, options=(("tolerance", "0.1"),))):
        both = method.restore(batch(first, second))
        alone = method.restore(batch(second, seeds=(8,)))
        torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
        assert not torch.equal(alone, method.restore(batch(second, seeds=(9,))))
        assert set(method.pop_stages()) == {"network"}


def test_options_offloading_and_precision(load: Load) -> None:
    lr = batch(small.lr_picture(8, 8))
    plain = load().restore(lr)
    assert torch.equal(plain, load(offload=True).restore(lr))
    for options in ((("t", "0"),), (("variant", "ffhq"),), (("variant", "ffhq-noisy"),)):
        assert not torch.equal(plain, load(options=options).restore(lr))
    half = load(dtype="bf16").restore(lr)
    assert 0 < float((plain - half).abs().mean()) < 0.05


@pytest.mark.parametrize(
    ("kind", "option", "message"),
    [
        (OFTSR, ("t", "1.5"), r"t is 1\.5; it is within 0"),
        (OFTSR, ("t", "-0.1"), r"t is -0\.1"),
        (OFTSR, ("t", "much"), "not a number"),
        (OFTSRTeacher, ("n", "0"), "n is 0"),
        (OFTSRTeacher, ("n", "1.5"), r"n is 1\.5"),
        (OFTSRTeacher, ("tolerance", "0"), "tolerance is 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    load: Load, kind: type[Restorer], option: tuple[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load(kind, options=(option,))


def test_quarters_are_those_of_upstream(load: Load) -> None:
    """1100x300 is more than 512x512 pixels: its quarters of 576x160 are cut again."""
    seen: list[tuple[int, int]] = []

    def keep(x_0: Tensor, x_lr: Tensor) -> Tensor:
        assert torch.equal(x_0, x_lr)
        seen.append((x_0.shape[-2], x_0.shape[-1]))
        return x_0

    for size, expected in {
        (256, 256): [(256, 256)],
        (520, 500): [(288, 256)] * 4,
        (1100, 300): [(320, 96)] * 16,
        (4, 20_000): [(4, 10_016)] * 4,
    }.items():
        seen.clear()
        x = official.noise("x", 1, 1, *size)
        assert torch.equal(quartered(keep, x, x), x)  # every pixel is written, by its own quarter
        assert seen == expected, size
    assert len(MENDED.grid(256, 256)) == 1


def test_mended_has_no_seams(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baselines.oftsr.restorer._SIDE", 32)
    monkeypatch.setattr("baselines.oftsr.restorer.MENDED", releases_tiling())
    lr = batch(small.lr_picture(12, 12))
    plain, mended = load().restore(lr), load(mended=True).restore(lr)
    assert 0 < float((plain - mended).abs().mean()) < 0.2


def releases_tiling() -> Any:
    from benchmarks.api.tiling import Tiling

    return Tiling(tile=32, overlap=8, symmetric=True)


_WRONG: dict[str, tuple[Callable[[list[Tensor]], object], str]] = {
    "one too few": (lambda tensors: tensors.pop(), "holds 197 tensors where 198 were expected"),
    "another shape": (
        lambda tensors: tensors.__setitem__(4, torch.zeros(64, 3, 3, 3)),
        r"tensor 4 \('input_blocks\.0\.0\.weight'\) has shape \(64, 3, 3, 3\)",
    ),
    "not tensors": (lambda tensors: tensors.__setitem__(0, "x"), "is no list of tensors"),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(root: Path, tmp_path: Path, case: str) -> None:
    change, message = _WRONG[case]
    content = torch.load(root / "oftsr" / release("div2k").student, weights_only=True)
    change(content["ema"]["shadow_params"])
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(WeightsCorruptError, match=message):
        checkpoint.load(build(SMALL), tmp_path / "x.pth")


def test_another_variants_file_and_a_plain_state_dict_are_refused(
    root: Path, tmp_path: Path
) -> None:
    with pytest.raises(WeightsCorruptError, match="198 tensors where 362 were expected"):
        with torch.device("meta"):
            unet = build(DIV2K_SHAPE)
        checkpoint.load(unet, root / "oftsr" / release("div2k").student)
    torch.save({"out.2.bias": torch.zeros(6)}, tmp_path / "x.pth")
    with pytest.raises(WeightsCorruptError, match="'ema' is missing"):
        checkpoint.load(build(SMALL), tmp_path / "x.pth")


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    for kind in (OFTSR, OFTSRTeacher):
        card = kind.card.with_weights_for({})
        assert len(card.weights) == 1
        with pytest.raises(WeightsMissingError, match=f"weights fetch {card.name}"):
            kind.load(Runtime(card=card, weights=WeightStore(tmp_path)))


def test_the_names_of_files_are_upstreams() -> None:
    names = [name for found in RELEASES for name in (found.teacher, found.student)]
    assert len(set(names)) == 8
    distilled = "distil-v_boot-solver_rk2_0.5-dt0.05-w_distil_1.0-w_bound_0.1-w_align_0.01"
    assert sum(f"-{distilled}-" in name for name in names) == 4
    for found in RELEASES:
        sigma = f"-sigma{found.sigma_p}-"
        assert sigma in found.teacher
        assert sigma in found.student
    assert releases.VARIANT.choices == ("div2k", "ffhq", "ffhq-noisy", "imagenet")


def test_memory_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "build", build)
    runtime = Runtime(card=OFTSR.card)
    one, large = (OFTSR.memory_estimate(runtime, size) for size in ((16, 16), (64, 64)))
    assert one and large
    assert CONTEXT_BYTES + 4 * 93_567_366 < one < large
    huge = OFTSR.memory_estimate(runtime, (2048, 2048))
    assert huge and huge < 1.2 * large  # the network sees quarters of quarters
