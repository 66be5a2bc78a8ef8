from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines.sd21.one_step import alpha_bar
from baselines.seesr import addsr as addsr_module
from baselines.seesr.addsr import TIMESTEPS, AddSR
from baselines.seesr.restorer import ADDED, NEGATIVE, SeeSR, prompt_of
from benchmarks.api.errors import ConfigError, WeightsMissingError
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
ADDSR = official.read(FOLDER / "golden_addsr.json")
EMBEDDING = official.noise("seesr.ram", 1, 145, 512)
SOURCE = small.lr_picture(128, 192)[None]
Load = Callable[..., Any]


@pytest.fixture(autouse=True)
def _official_text(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the golden runs the golden files' embeddings of the prompts."""
    if "golden" in request.node.name:
        text = tuple(official.noise(f"seesr.{name}", 1, 77, 32) for name in ("neg", "pos"))
        monkeypatch.setattr(SeeSR, "_embed", lambda *_: text)


Call = tuple[Tensor, int, Tensor, Tensor]  # latents, timestep, hint, x0


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What goes into each step, and what comes out."""
    found: list[Call] = []
    actual = SeeSR._x0

    def spy(self: SeeSR, z: Tensor, timestep: int, hint: Tensor, eps: Any) -> Tensor:
        x0 = actual(self, z, timestep, hint, eps)
        found.append((z, timestep, hint, x0))
        return x0

    monkeypatch.setattr(SeeSR, "_x0", spy)
    return found


def draws(name: str, *, posterior_rows: int) -> Callable[[], Tensor]:
    """The golden file's noises in order; of the posterior's rows the first counts."""
    rows = (posterior_rows if index == 1 else 1 for index in range(20))
    noises = (
        official.noise(f"{name}.draw.{index}", count, 4, 16, 24)[:1]
        for index, count in enumerate(rows)
    )
    return lambda: next(noises)


def eps_of(z: Tensor, x0: Tensor, timestep: int) -> Tensor:
    abar = alpha_bar(timestep)
    return (z - abar**0.5 * x0) / (1 - abar) ** 0.5


def test_five_golden_steps(method: SeeSR, calls: list[Call]) -> None:
    draw = draws("seesr", posterior_rows=2)
    with torch.inference_mode():
        z = method._sample(SOURCE, EMBEDDING, ("",), draw, 5)
        image = method._decode(z)[0]
    timesteps = GOLDEN["run"]["timesteps"]
    assert [timestep for _, timestep, _, _ in calls] == timesteps
    before = [z for z, *_ in calls]
    official.assert_golden(GOLDEN, "run.z_T", before[0], 1e-5)
    for timestep, after in zip(timesteps, [*before[1:], z], strict=True):
        official.assert_golden(GOLDEN, f"run.z_after.t{timestep}", after, 1e-4)
    for z, timestep, _, x0 in calls[:-1]:
        eps = eps_of(z, x0, timestep)
        official.assert_golden(GOLDEN, f"run.eps_cfg.t{timestep}", eps, 1e-4)
    official.assert_golden(GOLDEN, "run.image", image, 1e-4)


def test_golden_tiles(method: SeeSR, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SeeSR, "_tiling", Tiling(tile=12, overlap=4))
    monkeypatch.setattr("baselines.sd21.ancestral.sample", lambda z, x0, *_: (z, x0(z, 801)))
    with torch.inference_mode():
        draw = draws("seesr", posterior_rows=2)
        z, x0 = method._sample(SOURCE, EMBEDDING, ("",), draw, 5)
    official.assert_golden(GOLDEN, "tiled.eps_cfg.first", eps_of(z, x0, 801), 1e-4)


@pytest.mark.parametrize("steps", [4, 1])
def test_golden_distilled_steps(addsr: AddSR, calls: list[Call], steps: int) -> None:
    addsr._eye.seen.clear()
    draw = draws("addsr", posterior_rows=1)
    with torch.inference_mode():
        z = addsr._sample(SOURCE, EMBEDDING, ("",), draw, steps)
        image = addsr._decode(z)[0]
        embeddings = [EMBEDDING, *map(addsr._eye.encode, list(addsr._eye.seen))]
    assert [timestep for _, timestep, _, _ in calls] == list(TIMESTEPS[:steps])
    for (z, timestep, hint, x0), embedding in zip(calls, embeddings, strict=True):
        official.assert_golden(ADDSR, f"z.t{timestep}", z, 1e-4)
        official.assert_golden(ADDSR, f"hint.t{timestep}", hint, 1e-4)
        official.assert_golden(ADDSR, f"embeds.t{timestep}", embedding, 1e-4)
        official.assert_golden(ADDSR, f"z0.t{timestep}", x0, 1e-4)
    official.assert_golden(ADDSR, "image" if steps == 4 else "one_step_image", image, 1e-4)


def test_a_fault_of_golden_distilled_steps_is_seen_hundredfold(
    addsr: AddSR, calls: list[Call], monkeypatch: pytest.MonkeyPatch, write_golden: bool
) -> None:
    """In what the second step takes and gives; the networks' faults are in SeeSR's table."""

    def second_step() -> Tensor:
        draw = draws("addsr", posterior_rows=1)
        with torch.inference_mode():
            addsr._sample(SOURCE, EMBEDDING, ("",), draw, 2)
        z, _, hint, x0 = calls[-1]
        return faults.joined({"z.t749": z, "hint.t749": hint, "z0.t749": x0}, ADDSR)

    right, table = second_step(), {}
    wrong: dict[str, tuple[Any, str, Any]] = {
        "blend of 0.5 for 0.4": (addsr_module, "blend_of", lambda _: 0.5),
        "blend of 0 for 0.4": (addsr_module, "blend_of", lambda _: 0.0),
        "t=998 for 999": (addsr_module, "TIMESTEPS", (998, 749)),
        "tags of the first image kept": (AddSR, "_look", lambda *_: EMBEDDING),
        "the hint turned round": (AddSR, "_blend", lambda _, x0, source: source.flip(-1)),
        "the last latent for its start": (AddSR, "_start", lambda _, source, draw: draw()),
    }
    for name, (owner, attribute, value) in wrong.items():
        with monkeypatch.context() as patch:
            patch.setattr(owner, attribute, value)
            table[name] = faults.change(second_step(), right)
    faults.check(table, FOLDER / "sensitivity_addsr.csv", 1e-4, write=write_golden)


def batch(*images: Tensor, seeds: tuple[int, ...] = (7, 8), **changes: Any) -> LRBatch:
    count = len(images)
    given = {"prompts": ("cat, dog", "a tree")[:count], **changes}
    ids = ("a", "b")[:count]
    return LRBatch(images=torch.stack(images), ids=ids, seeds=seeds[:count], **given)


@pytest.fixture
def small_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images of 8 pixels through as they are: the rest of the way is the same and quick."""
    monkeypatch.setattr("baselines.seesr.restorer._MINIMUM", 8)


def test_the_way_is_enlarging_sampling_adain_and_pillow(
    method: SeeSR, calls: list[Call], small_minimum: None
) -> None:
    """An LR image of odd sides: every stage but the sampler's written out beside ours."""
    import numpy as np
    from PIL import Image

    from benchmarks.api.colour import adain

    lr = small.lr_picture(17, 21)
    sr = method.restore(batch(lr), steps=2)[0]
    picture = Image.fromarray((lr * 255).round().byte().permute(1, 2, 0).numpy())
    enlarged = picture.resize((84, 68)).resize((80, 64))
    source = torch.from_numpy(np.array(enlarged)).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(calls[0][2], source)
    _, timestep, _, x0 = calls[-1]
    assert timestep == 1
    with torch.inference_mode():
        image = method._decode(x0).clamp(0, 1).mul(255).round() / 255
    fixed = adain(image, source).clamp(0, 1).mul(255).byte()[0].permute(1, 2, 0).numpy()
    expected = np.array(Image.fromarray(fixed).resize((84, 68)))
    difference = (sr * 255).round().byte().permute(1, 2, 0).numpy().astype(int) - expected
    assert abs(difference).max() <= 1
    assert (difference != 0).mean() < 0.001
    assert set(method.pop_stages()) == {"text", "vae", "network"}


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (9, 21)])
def test_any_size_is_restored(method: SeeSR, small_minimum: None, height: int, width: int) -> None:
    sr = method.restore(batch(small.lr_picture(height, width)), steps=1)
    assert sr.shape == (1, 3, 4 * height, 4 * width)


def test_an_image_is_the_same_alone_and_in_a_batch(load: Load, small_minimum: None) -> None:
    first, second = small.lr_picture(16, 24), small.lr_picture(16, 24).flip(1)
    for kind, steps in ((SeeSR, 2), (AddSR, 4)):  # the second sees its own results
        method = load(kind)
        both = method.restore(batch(first, second), steps=steps)
        alone = method.restore(batch(second, seeds=(8,), prompts=("a tree",)), steps=steps)
        # 8 bits are rounded before the colour fix and again after it
        torch.testing.assert_close(both[1], alone[0], rtol=0, atol=2 / 255 + 1e-6)
        assert float((both[1] - alone[0]).abs().mean()) < 1e-4


def test_seed_and_prompt_change_the_result(method: SeeSR, small_minimum: None) -> None:
    lr = small.lr_picture(16, 16)
    results = [
        method.restore(batch(lr, seeds=(seed,), prompts=(prompt,)), steps=2)
        for seed, prompt in ((7, "cat"), (8, "cat"), (7, "dog"))
    ]
    assert not torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_options_change_the_result(load: Load, small_minimum: None) -> None:
    lr = batch(small.lr_picture(16, 16))
    plain, unguided = (load(options=o).restore(lr, steps=2) for o in ((), (("guidance", "1"),)))
    assert not torch.equal(plain, unguided)
    plain, other = (load(AddSR, options=o).restore(lr) for o in ((), (("blend", "1"),)))
    assert not torch.equal(plain, other)


def test_offloading_changes_nothing(load: Load, small_minimum: None) -> None:
    lr = batch(small.lr_picture(16, 16))
    assert torch.equal(load().restore(lr, steps=1), load(offload=True).restore(lr, steps=1))


def test_half_precision_stays_close(load: Load, small_minimum: None) -> None:
    lr = batch(small.lr_picture(16, 16))
    full, half = (load(dtype=dtype).restore(lr, steps=1) for dtype in ("fp32", None))
    assert load(dtype=None).runtime.torch_dtype == torch.float16
    assert float((full - half).abs().mean()) < 0.02


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("cat, dog", "cat, dog, ,clean, high-resolution, 8k"), ("", ", ,clean, high-resolution, 8k")],
)
def test_the_prompt_is_that_of_upstream(tags: str, expected: str) -> None:
    user_prompt = ""
    assert prompt_of(tags, ADDED) == expected == f"{tags}, {user_prompt}," + ADDED


@pytest.mark.parametrize("tags", ["", 'a "quoted" sign, it\'s', "line\none", "word " * 400])
def test_any_tags_are_a_prompt(load: Load, small_minimum: None, tags: str) -> None:
    method = load()
    negative, positive = method._embed(NEGATIVE, (prompt_of(tags, ADDED),))
    assert negative.shape == positive.shape == (1, 77, 32)
    assert positive.isfinite().all()


def test_settings_that_mean_nothing_are_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="guidance is 0"):
        load(options=(("guidance", "0.5"),))
    with pytest.raises(ConfigError, match="blend is 2"):
        load(AddSR, options=(("blend", "2"),))
    with pytest.raises(ConfigError, match="cannot run 2 steps; legal: 1, 4"):
        AddSR.card.check_steps(2)


@pytest.mark.parametrize("kind", [SeeSR, AddSR])
def test_missing_weights_say_how_to_get_them(kind: type[SeeSR], tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=f"weights fetch {kind.card.name}"):
        kind.load(Runtime(card=kind.card, weights=WeightStore(tmp_path)))


def test_memory_is_counted(small_shapes: None, small_minimum: None) -> None:
    alone, offloaded = (
        SeeSR.memory_estimate(Runtime(card=SeeSR.card, offload=offload), (8, 8))
        for offload in (False, True)
    )
    assert alone
    assert offloaded
    assert alone > offloaded > CONTEXT_BYTES


@pytest.mark.parametrize("name", ["seesr@2", "addsr@1"])
def test_first_contact(rehearse: Any, load: Any, name: str) -> None:
    rehearse.method(name, load.root, options=("--prompts", "none"))
