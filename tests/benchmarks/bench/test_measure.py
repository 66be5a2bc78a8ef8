"""Times on a clock of the test's own, and counts in closed form."""

from __future__ import annotations

import costs
import fakes
import pytest
import torch

from benchmarks.bench import measure
from benchmarks.bench.measure import Split, Subject, Timed, Unmeasured
from benchmarks.bench.rows import Part

PIXELS = 6 * 8


@pytest.fixture(autouse=True)
def _own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "time", costs.CLOCK)


@pytest.fixture
def found() -> list[Timed | Split | Unmeasured]:
    return list(costs.measure(costs.case()))


def test_latency_is_the_whole_of_each_run_and_the_first_one_is_apart(found) -> None:
    timed = found[0]
    assert isinstance(timed, Timed)
    assert timed.load_s == 100
    assert timed.first_s == 7 + 3 + 5 + 2 + 10
    assert timed.seconds == (17, 17, 17, 17)
    assert timed.memory == "rss"
    assert 0 < timed.start_memory_bytes <= timed.peak_memory_bytes
    assert timed.torch["version"] == torch.__version__


def test_parts_are_the_stages_the_extractor_and_the_rest(found) -> None:
    split = found[1]
    assert isinstance(split, Split)
    assert split.parts == {
        "prompt": Part(seconds=7, macs=0, parameters=1),
        "vae": Part(seconds=3, macs=9 * PIXELS, parameters=9),
        # The first convolution works here again; its parameters are the VAE's already.
        "network": Part(seconds=5, macs=2 * 9 * PIXELS, parameters=9),
        "other": Part(seconds=2, macs=81 * PIXELS, parameters=84),
    }
    assert split.macs == (9 + 18 + 81) * PIXELS
    assert split.parameters == 1 + 9 + 9 + 84


def test_macs_of_a_batch_are_those_of_its_images() -> None:
    split = list(costs.measure(costs.case(batch=3)))[1]
    assert isinstance(split, Split)
    assert split.macs == 3 * (9 + 18 + 81) * PIXELS
    assert split.parameters == 1 + 9 + 9 + 84


def test_stages_are_off_while_latency_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    synchronised = []

    def note(restorer: costs.Costs) -> None:
        synchronised.append(restorer)

    monkeypatch.setattr(costs.Costs, "synchronise", note)
    list(costs.measure(costs.case(split=False)))
    assert not synchronised
    list(costs.measure(costs.case()))
    assert synchronised


def test_every_run_has_images_of_its_own_and_the_same_ones_next_time() -> None:
    def images() -> list[torch.Tensor]:
        subject = Subject.load(costs.case())
        for _ in range(3):
            subject.run()
        return subject.restorer.seen  # type: ignore[attr-defined]

    one, again = images(), images()
    assert one[0].shape == (1, 3, 8, 6)
    assert not torch.equal(one[0], one[1])
    assert torch.equal(torch.cat(one), torch.cat(again))
    assert torch.equal((one[0] * 255).round() / 255, one[0])  # as read from a file


def test_prompts_are_extracted_of_the_image_or_empty() -> None:
    subject = Subject.load(costs.case())
    subject.run()
    assert subject.restorer.prompts[0][0].startswith("brightness 0.")  # type: ignore[attr-defined]
    subject = Subject.load(costs.case(extractor=None, batch=2))
    subject.run()
    assert subject.restorer.prompts == [("", "")]  # type: ignore[attr-defined]


class Hopeless(costs.Costs):
    def _restore(self, batch, steps):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nMore words.")


def test_what_raises_is_a_failure_with_its_cause() -> None:
    assert list(costs.measure(costs.case(Hopeless))) == [
        Unmeasured(
            what="latency",
            error="OutOfMemoryError",
            cause="CUDA out of memory. Tried to allocate 9 GiB.",
        )
    ]


class NotCountable(costs.Costs):
    def _restore(self, batch, steps):
        if self.clock is not None:
            raise RuntimeError("only without a clock")
        return super()._restore(batch, steps)


def test_a_latency_stays_where_the_split_fails() -> None:
    timed, failed = costs.measure(costs.case(NotCountable))
    assert isinstance(timed, Timed)
    assert failed == Unmeasured(what="split", error="RuntimeError", cause="only without a clock")


def test_a_method_without_networks_counts_nothing() -> None:
    split = list(costs.measure(costs.case(fakes.Fake)))[1]
    assert isinstance(split, Split)
    assert (split.macs, split.parameters, list(split.parts)) == (0, 0, ["other"])


def test_what_a_method_holds_is_released() -> None:
    closed: list[str] = []

    class Holds(costs.Costs):
        def close(self) -> None:
            closed.append("closed")

    assert len(list(costs.measure(costs.case(Holds, split=False)))) == 1
    assert closed == ["closed"]
