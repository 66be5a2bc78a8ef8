"""`Restorer.restore` gives every method the same contract."""

from __future__ import annotations

from dataclasses import replace

import fakes
import pytest
import torch

from benchmarks.api.card import MethodCard, MethodOption
from benchmarks.api.errors import ConfigError, OutputError, UsageError
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.seeds import seed_for


def batch(n: int = 1, h: int = 6, w: int = 9, **changes: object) -> LRBatch:
    generator = torch.Generator().manual_seed(1)
    ids = tuple(f"image{i}" for i in range(n))
    made = LRBatch(
        images=torch.rand(n, 3, h, w, generator=generator),
        ids=ids,
        seeds=tuple(seed_for(0, "set", name) for name in ids),
    )
    return replace(made, **changes)


def load(kind: type[Restorer]) -> Restorer:
    return kind.load(Runtime(card=kind.card))


def test_shape_range_and_dtype() -> None:
    sr = load(fakes.Fake).restore(batch(2))
    assert sr.shape == (2, 3, 24, 36)
    assert sr.dtype == torch.float32
    assert sr.min() >= 0 and sr.max() <= 1


def test_an_image_is_the_same_alone_and_in_a_batch() -> None:
    many = batch(3)
    fake = load(fakes.Fake)
    together = fake.restore(many)
    for i in range(3):
        alone = replace(
            many,
            images=many.images[i : i + 1],
            ids=many.ids[i : i + 1],
            seeds=many.seeds[i : i + 1],
        )
        assert torch.equal(fake.restore(alone)[0], together[i])


@pytest.mark.parametrize(("h", "w"), [(1, 1), (7, 40), (16, 16), (17, 9), (3, 100)])
def test_padding_to_the_size_rule_and_cropping_back(h: int, w: int) -> None:
    lr = batch(1, h, w)
    sr = load(fakes.Multiple).restore(lr)
    assert sr.shape == (1, 3, 4 * h, 4 * w)
    # The padded image starts with the image itself, so only the noise may differ.
    assert (sr[..., ::4, ::4] - lr.images).abs().max() < 0.5


@pytest.mark.parametrize("kind", [fakes.WrongSize, fakes.NotFinite])
def test_bad_outputs_are_errors(kind: type[Restorer]) -> None:
    with pytest.raises(OutputError, match=kind.card.name):
        load(kind).restore(batch())


def test_output_that_is_no_tensor_is_an_error() -> None:
    class Nothing(fakes.Fake):
        def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
            return None  # type: ignore[return-value]

    with pytest.raises(OutputError, match="NoneType"):
        load(Nothing).restore(batch())


@pytest.mark.parametrize(
    "bad",
    [
        {"images": torch.rand(3, 6, 9)},
        {"images": torch.rand(1, 1, 6, 9)},
        {"images": torch.rand(1, 3, 0, 9)},
        {"images": torch.rand(1, 3, 6, 9) * 255},
        {"images": torch.full((1, 3, 6, 9), float("nan"))},
        {"images": torch.zeros(1, 3, 6, 9, dtype=torch.uint8)},
        {"seeds": (1, 2)},
        {"prompts": ("a", "b")},
    ],
)
def test_bad_batches_are_errors(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        load(fakes.Fake).restore(batch(**bad))


def test_prompts_are_asked_for_where_the_card_says_so() -> None:
    class Prompted(fakes.Fake):
        card = MethodCard(name="prompted", title="Prompted", prompt="tags:ram")

    with pytest.raises(ConfigError, match="prompt per image"):
        load(Prompted).restore(batch())
    assert load(Prompted).restore(batch(prompts=("a cat",))).shape == (1, 3, 24, 36)


def test_steps_are_checked_against_the_card() -> None:
    with pytest.raises(ConfigError, match="no sampling steps"):
        load(fakes.Raises).restore(batch(), steps=2)
    with pytest.raises(ConfigError, match="cannot run 0 steps"):
        load(fakes.Fake).restore(batch(), steps=0)
    card = replace(fakes.Fake.card, legal_steps=(1, 4))
    with pytest.raises(ConfigError, match="legal: 1, 4"):
        fakes.Fake(Runtime(card=card)).restore(batch(), steps=3)


def test_noise_depends_on_seed_and_not_on_the_global_state() -> None:
    lr = batch(2)
    first = lr.randn(4, 5)
    torch.manual_seed(99)
    assert torch.equal(lr.randn(4, 5), first)
    assert not torch.equal(first[0], first[1])
    expected = torch.randn(4, 5, generator=torch.Generator().manual_seed(lr.seeds[1]))
    assert torch.equal(first[1], expected)


def test_an_argument_for_a_method_without_one_is_an_error() -> None:
    with pytest.raises(UsageError, match="takes no argument"):
        fakes.Fake.card_for("x")


def test_options_come_from_the_card() -> None:
    card = replace(fakes.Fake.card, options=(MethodOption(name="variant", default="q", help=""),))
    assert Runtime(card=card).option("variant") == "q"
    assert Runtime(card=card, options={"variant": "f"}).option("variant") == "f"
    with pytest.raises(ConfigError, match="declares no option"):
        Runtime(card=card).option("other")


def test_stages_add_up_and_are_forgotten() -> None:
    fake = load(fakes.Fake)
    for _ in range(2):
        with fake.stage("network"):
            pass
    stages = fake.pop_stages()
    assert list(stages) == ["network"]
    assert stages["network"] > 0
    assert fake.pop_stages() == {}


@pytest.mark.parametrize(("offload", "moves"), [(False, ["cuda:1"]), (True, ["cuda:1", "cpu"])])
def test_an_offloaded_network_leaves_the_device_again(offload: bool, moves: list[str]) -> None:
    class Network(torch.nn.Module):
        def to(self, device: str) -> None:
            moved.append(device)

    moved: list[str] = []
    runtime = Runtime(card=fakes.Fake.card, device="cuda:1", offload=offload)
    with fakes.Fake(runtime).on_device(Network()):
        assert moved == ["cuda:1"]
    assert moved == moves


def test_an_option_that_must_be_a_number() -> None:
    card = replace(fakes.Fake.card, options=(MethodOption(name="guidance", default="8", help=""),))
    assert Runtime(card=card).number("guidance") == 8.0
    for text in ("much", "nan", "inf"):
        with pytest.raises(ConfigError, match=f"guidance is '{text}', not a number"):
            Runtime(card=card, options={"guidance": text}).number("guidance")


def test_no_method_guesses_its_memory() -> None:
    assert fakes.Fake.memory_estimate(Runtime(card=fakes.Fake.card), (64, 64)) is None
