from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import costs
import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines import vae
from baselines.invsr import memory, network, restorer
from baselines.invsr.network import NoisePredictor, PredictorConfig, denoise, load_predictor
from baselines.invsr.restorer import PROMPT, TIMESTEPS, InvSR, gaussian_weights, pad_to
from baselines.sd21.components import Components, embed, load_components
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore
from benchmarks.bench.measure import Split

FOLDER = Path(__file__).parent
GOLDEN = json.loads((FOLDER / "golden.json").read_text())
NETWORK, STEPS = 1e-5, 1e-4  # tolerances
CONFIG = PredictorConfig(channels=(32, 64), layers=3, groups=8, time_channels=64, head_channels=16)
LR = small.lr_picture(32, 32)[None]
FILE = "noise_predictor_sd_turbo_v5.pth"


def state(config: PredictorConfig = CONFIG) -> dict[str, Tensor]:
    return official.state(NoisePredictor(config), "invsr.", network.official)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the format of the released one."""
    found = tmp_path_factory.mktemp("invsr") / FILE
    torch.save(state(), found)
    return found


@pytest.fixture(scope="module")
def predictor(path: Path) -> NoisePredictor:
    return load_predictor(path, CONFIG)


def moments(predictor: NoisePredictor, timestep: int = 199, lr: Tensor = LR) -> Tensor:
    with torch.inference_mode():
        found: Tensor = predictor(lr, timestep).parameters
        return found


def test_the_predictor_is_the_official_one(predictor: NoisePredictor) -> None:
    modules = {
        "time": predictor.time_embedding,
        "down": predictor.down_blocks[0],
        "mid": predictor.mid_block,
        "moments": predictor.conv_out,
    }
    with official.taps(modules) as found:
        moments(predictor)
    assert found.keys() == modules.keys()
    for name, tensor in found.items():
        small.assert_golden(GOLDEN["one"], name, tensor, atol=NETWORK)


# The parts of the predictor that a port may get wrong, by the names of their parameters.
_PARTS = {
    **{name: pattern for name, pattern in faults.UNET.items() if name != "transformers"},
    **faults.HEAD,
    "norms of blocks": r"resnets.*norm\d\.",
    "shortcuts": r"conv_shortcut\.",
    "norms of attention": r"attentions.*group_norm\.",
    "queries": r"to_q\.",
    "keys": r"to_k\.",
    "values": r"to_v\.",
    "outputs of attention": r"to_out\.",
}


def test_a_fault_of_the_predictor_is_seen_hundredfold(path: Path, write_golden: bool) -> None:
    made, headless = load_predictor(path, CONFIG), load_predictor(path, CONFIG)
    right = moments(made)
    for module in headless.modules():
        if hasattr(module, "heads"):
            module.heads = 1
    with faults.put(torch.zeros_like, "time_emb_proj", made):
        timeless = moments(made)
    wrong = {
        "predictor at t=200 for t=199": moments(made, 200),
        "predictor at t=99 for t=199": moments(made, 99),
        "predictor on [0, 1]": moments(made, lr=LR / 2 + 0.5),
        "no time embedding in the predictor": timeless,
        "one head for several": moments(headless),
        "channels swapped": moments(made, lr=LR.flip(1)),
    }
    table = {name: faults.change(found, right) for name, found in wrong.items()}
    table |= faults.of_weights(lambda: moments(made), (made,), _PARTS)
    faults.check(
        table,
        FOLDER / "sensitivity_of_predictor.csv",
        NETWORK,
        official=GOLDEN["sensitivity_of_moments"],
        write=write_golden,
    )


@pytest.fixture(scope="module")
def base(sd21: tuple[Path, Any]) -> Components:
    return load_components(*sd21)


def sampled(
    base: Components, predictor: NoisePredictor, timesteps: tuple[int, ...], strength: float = 1
) -> tuple[Tensor, dict[str, Tensor]]:
    """The restored latent of LR, and what was predicted on the way."""
    generator, found = torch.Generator().manual_seed(7), {}
    draw = lambda: torch.randn(4, 16, 16, generator=generator)[None]  # noqa: E731
    x = torch.nn.functional.interpolate(LR, scale_factor=4, mode="bicubic") * 2 - 1
    with torch.inference_mode():
        text = embed(base, [PROMPT], "cpu")
        posterior = predictor(LR, timesteps[0])
        noise = strength * (posterior.mean + posterior.std * draw())
        z = vae.encode(base.vae, x, draw())

        def eps(z: Tensor, timestep: int) -> Tensor:
            number = len(found) // 2 + 1
            found[f"unet_in.{number}"] = z
            found[f"eps.{number}"] = base.unet(z, timestep, encoder_hidden_states=text).sample
            return found[f"eps.{number}"]

        return denoise(z, noise, eps, timesteps), found | {"text": text}


@pytest.mark.parametrize("steps", TIMESTEPS)
def test_every_step_is_the_official_one(
    base: Components, predictor: NoisePredictor, steps: int
) -> None:
    golden = GOLDEN["one" if steps == 1 else f"steps.{steps}"]
    seen = tuple(timestep - 1 for timestep in TIMESTEPS[steps])
    z, found = sampled(base, predictor, seen)
    with torch.inference_mode():
        image = (vae.decode(base.vae, z)[0] / 2 + 0.5).clamp(0, 1)
    found |= {"z": z, "image": image, "moments": moments(predictor, seen[0])}
    compared = found.keys() & golden.keys()
    assert {"z", "image", f"eps.{steps}"} <= compared
    for name in compared:
        small.assert_golden(golden, name, found[name], atol=NETWORK if steps == 1 else STEPS)


def test_a_fault_of_the_sampler_is_seen_hundredfold(
    base: Components,
    predictor: NoisePredictor,
    monkeypatch: pytest.MonkeyPatch,
    write_golden: bool,
) -> None:
    right, _ = sampled(base, predictor, (199,))
    wrong = {
        "start at t=250 for t=200": sampled(base, predictor, (249,))[0],
        "no predicted noise": sampled(base, predictor, (199,), strength=0)[0],
        "noise * 1.5": sampled(base, predictor, (199,), strength=1.5)[0],
        "two steps for one": sampled(base, predictor, (199, 99))[0],
    }
    with faults.put(torch.zeros_like, "time_emb_proj", base.unet):
        wrong["no time embedding"] = sampled(base, predictor, (199,))[0]
    monkeypatch.setattr(network, "sigma", lambda t: _Unscaled(_SIGMA(t)))
    wrong["latents not scaled for the U-Net"] = sampled(base, predictor, (199,))[0]
    table = {name: faults.change(found, right) for name, found in wrong.items()}
    faults.check(
        table,
        FOLDER / "sensitivity_of_sampler.csv",
        STEPS,
        official=GOLDEN["sensitivity_of_z"],
        write=write_golden,
    )


_SIGMA = network.sigma


class _Unscaled(float):
    """A sigma whose square vanishes, so that nothing is divided by it."""

    def __pow__(self, power: Any, modulo: Any = None) -> float:  # type: ignore[override]
        return 0.0


_WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "a key is missing": (
        lambda s: s.pop("encoder.mid_block.attentions.0.to_q.weight"),
        r"key 'encoder\.mid_block\.attentions\.0\.to_q\.weight' is missing",
    ),
    "a key too many": (
        lambda s: s.update({"quant_conv.weight": torch.zeros(1)}),
        r"key 'quant_conv\.weight' is not part of the network",
    ),
    "another width": (
        lambda s: s.update({"encoder.conv_in.bias": torch.zeros(192)}),
        r"key 'encoder\.conv_in\.bias' has shape \(192,\) where \(32,\) was expected",
    ),
    "a predictor without a second half": (
        lambda s: s.update({"encoder.conv_out.bias": torch.zeros(4)}),
        r"key 'encoder\.conv_out\.bias' has shape \(4,\) where \(8,\) was expected",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(tmp_path: Path, case: str) -> None:
    change, message = _WRONG[case]
    content = state()
    change(content)
    torch.save(content, tmp_path / FILE)
    with pytest.raises(WeightsCorruptError, match=message):
        load_predictor(tmp_path / FILE, CONFIG)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_a_checkpoint_of_the_training_is_read(
    predictor: NoisePredictor, tmp_path: Path, prefix: str
) -> None:
    """As its trainer writes it: beside other states, from several devices or compiled."""
    content = {prefix + name: tensor for name, tensor in state().items()}
    torch.save({"state_dict": content, "iters_start": 7}, tmp_path / FILE)
    found = load_predictor(tmp_path / FILE, CONFIG)
    assert torch.equal(moments(found), moments(predictor))


def test_keys_and_parameters_at_full_size() -> None:
    with torch.device("meta"):
        made = NoisePredictor(PredictorConfig())
    assert sum(p.numel() for p in made.parameters()) == 33_837_576
    assert len(made.state_dict()) == 164
    assert made.down_blocks[0].attentions[0].heads == 4


Load = Callable[..., InvSR]


@pytest.fixture(scope="module")
def store(
    sd21: tuple[Path, Any], path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WeightStore]:
    """A weights folder with the small base model and the predictor for it."""
    root = tmp_path_factory.mktemp("weights")
    (root / "invsr").mkdir()
    (root / "invsr/sd-turbo").symlink_to(sd21[0])
    (root / f"invsr/{FILE}").symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "PARAMETERS", sd21[1])
        patch.setattr(network, "PredictorConfig", lambda: CONFIG)
        yield WeightStore(root)


@pytest.fixture(scope="module")
def load(store: WeightStore) -> Load:
    """Load the method through the real path, once per runtime; patches of 32 unless told."""

    @cache
    def loaded(patch: int = 32, colour_fix: str = "none", **changes: Any) -> InvSR:
        given = {"dtype": "fp32", "options": {"colour-fix": colour_fix}, **changes}
        method = InvSR.load(Runtime(card=InvSR.card, weights=store, **given))
        method._patch = patch
        return method

    return loaded


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8)) -> LRBatch:
    count = len(images)
    return LRBatch(images=torch.stack(images), ids=("a", "b")[:count], seeds=seeds[:count])


_PROGRAMS: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "whole": ((128, 128), {"patch": 128}),
    "patches": ((40, 70), {}),
    "small": ((5, 50), {}),
    "wavelet": ((32, 48), {"colour_fix": "wavelet"}),
    "ycbcr": ((32, 48), {"colour_fix": "ycbcr"}),
    "wavelet_padded": ((20, 40), {"colour_fix": "wavelet"}),
}


@pytest.mark.parametrize("case", _PROGRAMS)
def test_the_program_gives_the_official_values(load: Load, case: str) -> None:
    size, given = _PROGRAMS[case]
    method = load(**given)
    sr = method.restore(batch(small.lr_picture(*size)))[0]
    small.assert_golden(GOLDEN[f"program.{case}"], "image", sr, atol=STEPS)
    assert set(method.pop_stages()) == {"vae", "network"}


def test_colours_of_padded_images_are_mended_on_request(load: Load) -> None:
    lr = batch(small.lr_picture(20, 40))
    kept, mended = (load(colour_fix="wavelet", mended=m).restore(lr) for m in (False, True))
    plain = load().restore(lr)
    source = torch.nn.functional.interpolate(lr.images, scale_factor=4, mode="bilinear")

    def low(image: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(image, 16)

    errors = [float((low(sr) - low(source)).abs().mean()) for sr in (mended, kept)]
    assert errors[0] < errors[1] / 2
    unpadded = batch(small.lr_picture(32, 32))
    results = [load(colour_fix="wavelet", mended=m).restore(unpadded) for m in (False, True)]
    assert torch.equal(*results)
    assert not torch.equal(plain, kept)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (33, 9)])
def test_any_size_is_restored(load: Load, height: int, width: int) -> None:
    sr = load().restore(batch(small.lr_picture(height, width)))
    assert sr.shape == (1, 3, 4 * height, 4 * width)


def test_padding_keeps_the_image_in_its_place() -> None:
    for size in ((5, 50), (1, 1), (1, 200), (127, 128), (2, 3)):
        lr = small.lr_picture(*size)[None]
        padded, top, left = pad_to(lr, 128)
        assert min(padded.shape[-2:]) == 128
        inside = padded[..., top : top + size[0], left : left + size[1]]
        assert torch.equal(inside, lr)


@pytest.mark.parametrize("side", [31, 512])
def test_the_weights_are_those_of_opencv(side: int) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    odd = side + 1 - side % 2
    kernel = cv2.getGaussianKernel(odd, 0.3 * ((side - 1) * 0.5 - 1) + 0.8, cv2.CV_64F)[-side:]
    expected = torch.from_numpy(kernel @ kernel.T)
    found = gaussian_weights(side, side)
    torch.testing.assert_close(found / found.sum(), expected / expected.sum())


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load) -> None:
    first, second = small.lr_picture(32, 40), small.lr_picture(32, 40).flip(1)
    method = load()
    both = method.restore(batch(first, second), steps=2)
    alone = method.restore(batch(second, seeds=(8,)), steps=2)
    torch.testing.assert_close(both[1], alone[0], rtol=0, atol=small.ROUNDING)
    assert not torch.equal(alone, method.restore(batch(second, seeds=(9,)), steps=2))


def test_steps_are_1_to_5(load: Load) -> None:
    lr = batch(small.lr_picture(32, 32))
    results = {float(load().restore(lr, steps=steps).double().sum()) for steps in TIMESTEPS}
    assert len(results) == 5
    with pytest.raises(ConfigError, match="cannot run 6 steps; legal: 1, 2, 3, 4, 5"):
        load().restore(lr, steps=6)


def test_offloading_and_precision(load: Load) -> None:
    lr = batch(small.lr_picture(32, 32))
    full = load().restore(lr)
    assert torch.equal(full, load(offload=True).restore(lr))
    half = load(dtype=None)
    assert half.runtime.torch_dtype == torch.float16
    assert 0 < float((full - half.restore(lr)).abs().mean()) < 0.02


def test_steps_are_counted(store: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """MACs of the table of efficiency: one predictor, and a U-Net per step."""
    option = Runtime.option
    small_patch = {"chopping-size": "32"}
    monkeypatch.setattr(
        Runtime, "option", lambda self, name: small_patch.get(name) or option(self, name)
    )
    counts = []
    for steps in (1, 3, 5):
        runtime = Runtime(card=InvSR.card, weights=store, dtype="fp32")
        task = costs.case(InvSR, runtime=runtime, height=32, width=32, warm_up=1, repeats=1)
        _, split = costs.measure(replace(task, method=replace(task.method, steps=steps)))
        assert isinstance(split, Split)
        counts.append(split.parts["network"].macs)
    assert None not in counts
    assert counts[2] - counts[1] == counts[1] - counts[0] > 0
    assert counts[0] > (counts[1] - counts[0]) // 2


def test_memory_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PredictorConfig", PredictorConfig)
    found = InvSR.memory_estimate(Runtime(card=InvSR.card, offload=True), (9, 9))
    assert found
    assert found > CONTEXT_BYTES


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="weights fetch invsr"):
        InvSR.load(Runtime(card=InvSR.card, weights=WeightStore(tmp_path)))


def test_the_card_is_light() -> None:
    code = "import sys, baselines.invsr.restorer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
