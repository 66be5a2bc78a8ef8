"""First contact, rehearsed: what a person types from nothing to a table, against `places`.

A pytest plugin (`nox -s rehearse`): it starts the server before the hub's client is imported, which
reads its addresses then. A test gives a method and a folder of small official files; they are put
where the card says, and the program runs as typed, with the real clients.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import places
import pytest
from PIL import Image
from program import Program, in_this_process

_running = ExitStack()
_PLACES = _running.enter_context(places.serve())
os.environ["HF_ENDPOINT"] = f"{_PLACES.url}/hub"
os.environ["HF_HUB_OFFLINE"] = "0"
os.environ["HF_HUB_DISABLE_XET"] = "1"

from huggingface_hub import constants  # noqa: E402  # after its addresses were set

_FAULTS: tuple[places.Fault, ...] = ("cut", "busy", "page", "broken", "other", "slow", "gone")
_OF_HUBS: tuple[places.Fault, ...] = ("cut", "busy", "broken")  # a hub serves no pages


def pytest_unconfigure() -> None:
    """Stop the server."""
    _running.close()


@pytest.fixture
def rehearsal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Iterator[Rehearsal]:
    """What rehearses a method or a metric in this process, from an empty home."""
    _PLACES.clear()
    monkeypatch.setenv("MFSR_BENCH_MIRROR", f"{_PLACES.url}/web")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield Rehearsal(_PLACES, in_this_process(monkeypatch, capsys), monkeypatch, tmp_path)


@dataclass
class Rehearsal:
    """One method's first contact."""

    places: places.Places
    program: Program
    patch: pytest.MonkeyPatch
    folder: Path

    def method(
        self, name: str, root: Path, *, options: tuple[str, ...] = (), side: int = 16
    ) -> None:
        """Fetch, check, restore, score and tabulate; then again from the same files, offline.

        Args:
            name: of the method, with `+options`.
            root: a weights folder with its small official files.
            options: further words of `run`.
            side: of the LR images in pixels.
        """
        from benchmarks import registry

        kind = registry.restorer(name.partition("+")[0].partition("@")[0])
        self.patch.setattr(kind, "card", self._small(kind.card, root))
        self.fetch(re.sub(r"@\d+", "", name), root)
        lr, hr = self._images(side, kind.card.scale)
        words = ("--datasets", f"folder:{lr}::{hr}", "--metrics", "psnr", *options)
        first = self._run(name, "first", *words)
        self.places.down = True
        self.patch.setattr(constants, "HF_HUB_OFFLINE", True)
        again = self._run(name, "again", *words)
        assert first == again

    def metric(self, spec: str, root: Path) -> None:
        """Fetch a metric's files, and score with it."""
        from benchmarks import registry

        specs = registry.metric_specs()
        small = replace(specs[spec], weights=self._weights("metrics", specs[spec].weights, root))
        self.patch.setitem(specs, spec, small)
        self.patch.setattr(registry, "metric_specs", lambda: specs)
        self.fetch(spec, root)

    def prompt(self, name: str, root: Path) -> None:
        """Fetch an extractor's files."""
        from benchmarks import registry

        kind = registry.prompt_extractor(name)
        self.patch.setattr(kind, "card", self._small(kind.card, root))
        self.fetch(name, root)

    def fetch(self, name: str, root: Path) -> None:
        """List, meet what can go wrong, fetch, check."""
        before = self._answer("weights", "list", name)
        assert "missing" in before.stdout
        needs = self._needs(name)
        self._publish(needs, root)
        self._sign_in(name, needs)
        self._be_told_of_browsers(name, needs, root)
        asked = {key: list(faults) for key, faults in self.places.faults.items()}
        for _ in range(9):
            answer = self.program("weights", "fetch", name, "--accept-licence")
            assert "Traceback" not in answer.stderr
            if answer.returncode == 0:
                break
            assert answer.returncode == 4, answer.stderr
        expected = [(key, fault) for key, faults in asked.items() for fault in faults]
        assert answer.returncode == 0, answer.stderr
        assert sorted(self.places.met) == sorted(expected), "a fault was never met"
        answer = self._answer("weights", "verify", name)
        assert "missing" not in answer.stdout and "corrupt" not in answer.stdout

    def _needs(self, name: str) -> Any:
        from benchmarks import requirements

        return requirements.of_names([name])

    def _sign_in(self, name: str, needs: Any) -> None:
        """Be refused where a licence was not accepted; then sign in."""
        if not any(need.weight.gated for need in needs):
            return
        faults, self.places.faults = self.places.faults, {}
        answer = self.program("weights", "fetch", name, "--accept-licence")
        assert answer.returncode == 4
        assert "licence" in answer.stderr
        self._expect(faults)
        self.patch.setenv("HF_TOKEN", places.TOKEN)

    def _publish(self, needs: Any, root: Path) -> None:
        """Put the files of `root` where the cards say, with something to go wrong."""
        kinds, of_hubs = cycle(_FAULTS), cycle(_OF_HUBS)
        for need in needs:
            weight, path = need.weight, self._path(need.owner, need.weight, root)
            if hasattr(weight, "files"):
                for number, file in enumerate(weight.files):
                    key = f"hub/{weight.repo}/{file}"
                    self.places.files[key] = path / file
                    if number % 10 == 0:
                        self.places.faults[key] = [next(of_hubs)]
                if weight.gated:
                    self.places.gated.add(weight.repo)
            elif weight.urls:
                first, *_ = weight.urls
                key = first.partition("://")[2]
                self.places.files[key] = path
                self.places.faults[key] = [next(kinds)]
            elif weight.hub:
                key = f"hub/{weight.hub.repo}/{weight.hub.filename}"
                self.places.files[key] = path
                self.places.faults[key] = [next(of_hubs)]

    def _be_told_of_browsers(self, name: str, needs: Any, root: Path) -> None:
        """Hear where to put files that only a browser gets, and put them there."""
        from benchmarks.api.weights import WeightStore

        by_hand = [
            need
            for need in needs
            if not hasattr(need.weight, "files") and not (need.weight.urls or need.weight.hub)
        ]
        if not by_hand:
            return
        faults, self.places.faults = self.places.faults, {}
        answer = self.program("weights", "fetch", name, "--accept-licence")
        assert answer.returncode == 4
        for need in by_hand:
            place = WeightStore().place(need.owner, need.weight)
            assert str(place) in answer.stderr.replace("\n", "")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self._path(need.owner, need.weight, root).read_bytes())
        self._expect(faults)

    def _expect(self, faults: dict[str, list[places.Fault]]) -> None:
        """Have go wrong what has not gone well already."""
        served = self.places.served
        self.places.faults = {key: left for key, left in faults.items() if key not in served}

    def _small(self, card: Any, root: Path) -> Any:
        return replace(card, weights=self._weights(card.name, card.weights, root))

    def _weights(self, owner: str, weights: Any, root: Path) -> tuple[Any, ...]:
        """Return weights with sizes and hashes of the small files."""
        from benchmarks.api.images import sha256_file

        found = []
        for weight in weights:
            path = self._path(owner, weight, root)
            if hasattr(weight, "files"):
                for file in weight.files:
                    (path / file).parent.mkdir(parents=True, exist_ok=True)
                    if not (path / file).exists():  # asked for by the program, and never read
                        (path / file).write_text("{}")
                named = tuple((file, sha256_file(path / file)) for file, _ in weight.sha256)
                found.append(replace(weight, sha256=named, bytes=0))
            elif path.exists():
                facts = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
                found.append(
                    replace(weight, package=None, sha256_prefix="", about_bytes=0, **facts)
                )
            else:  # of another variant
                found.append(weight)
        return tuple(found)

    @staticmethod
    def _path(owner: str, weight: Any, root: Path) -> Path:
        return root / (weight.folder or owner) / weight.name

    def _images(self, side: int, scale: int) -> tuple[Path, Path]:
        for name, size in (("lr", side), ("hr", side * scale)):
            (self.folder / name).mkdir()
            gradient = Image.linear_gradient("L").resize((size, size)).convert("RGB")
            gradient.save(self.folder / name / "a.png")
        return self.folder / "lr", self.folder / "hr"

    def _run(self, name: str, out: str, *words: str) -> bytes:
        folder = self.folder / out
        answer = self._answer("run", "--methods", name, "--out", folder, *words)
        assert "PSNR" in answer.stdout
        table = self._answer("report", "table", folder, "--format", "md")
        assert "PSNR" in table.stdout
        (image,) = folder.rglob("a.png")
        return image.read_bytes()

    def _answer(self, *words: str | Path) -> Any:
        answer = self.program(*words)
        assert answer.returncode == 0, (words, answer.stderr, answer.stdout)
        return answer
