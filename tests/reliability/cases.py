"""The commands that are killed: what they are given, and what has to come of them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import web

Results = dict[str, Any]
# Files that tell of times and of invocations, not of results.
_OTHERS = ("sessions.jsonl", "timings.csv", "results.sqlite", ".lock", "train.log", "log.csv")
_HOME: list[Path] = []  # of what all cases share


@dataclass(frozen=True)
class Case:
    """One command."""

    name: str
    kills: int
    prepare: Callable[[Path], None]
    command: Callable[[Path], Callable[[], None]]
    results: Callable[[Path], Results]


def begin(home: Path) -> None:
    """Make what all cases share, and import what they need."""
    import numpy as np
    import scipy.stats  # noqa: F401
    import torch
    from raters import everybody
    from runs import photographs, write_run

    from benchmarks.cli.app import build
    from reports.study.study import read_study

    torch.set_num_threads(1)
    _HOME.append(home)
    photographs(home / "photos", ["a", "b", "c"], side=64)
    write_run(home / "run", _spec(home), ["one", "two"])
    for part in ("1", "2"):
        words = ["run", "-m", "bicubic,nearest", "-o", str(home / part), "--shard", f"{part}/2"]
        build()([*words, *(word.format(spec=_spec(home)) for word in _ON)], standalone_mode=False)
    words = ["--images", "2", "--raters", "30", "--repeats", "0", "--obvious", "1"]
    built = ["study", "build", str(home / "run"), "--out", str(home / "study"), *words, "-q"]
    build()(built, standalone_mode=False)
    for i, one in enumerate(everybody(read_study(home / "study"), {"one": 1.0, "two": 0.0})):
        path = home / "answers" / f"{i}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(one))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 120, 120, 3), dtype=np.uint8)
    from benchmarks.api.images import write_png

    for i, photo in enumerate(pixels):
        write_png(home / "originals" / f"080{i + 1}.png", photo)


def _spec(home: Path) -> str:
    return f"folder:photos={home}/photos/lr::{home}/photos/hr"


def remove(folder: Path) -> None:
    """Remove what a case left."""
    shutil.rmtree(folder, ignore_errors=True)


def files(folder: Path) -> Results:
    """Return the files of a folder, without those that tell of times, and its rows."""
    found: Results = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and path.name not in _OTHERS:
            found[name] = path.read_bytes()
        if path.name == "results.sqlite":
            found[name] = dict(_rows(path))
    return found


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        for table in ("images", "scores", "set_scores", "failures"):
            yield table, sorted(connection.execute(f"SELECT * FROM {table}"))


def _nothing(folder: Path) -> None:
    folder.mkdir(parents=True)


def program(*words: str) -> Callable[[Path], Callable[[], None]]:
    """Return what runs `mfsr-bench` in a folder, with a home and a cache of that folder's own."""

    def of(folder: Path) -> Callable[[], None]:
        def act() -> None:
            from benchmarks.cli.app import main

            home(folder)
            spec = _spec(_HOME[0])
            sys.argv = ["mfsr-bench", *(word.format(home=_HOME[0], spec=spec) for word in words)]
            main()

        return act

    return of


def home(folder: Path) -> None:
    """Work in a folder, with a home and a cache in it."""
    os.chdir(folder)
    os.environ["MFSR_BENCH_HOME"] = str(folder / "home")
    os.environ["MFSR_BENCH_CACHE"] = str(folder / "cache")


def out(folder: Path) -> Results:
    """Return what lies in `out`."""
    return files(folder / "out")


def fetched(folder: Path) -> Results:
    """Return what was fetched."""
    return files(folder / "home")


def _documents(folder: Path) -> Results:
    """Return what a study has collected: session -> document."""
    from reports.study.collection import FILE, Collection
    from reports.study.study import read_study

    study = read_study(folder / "out")
    return dict(Collection(study, folder / "out" / FILE).documents())


def _serve(folder: Path) -> Callable[[], None]:
    """Have raters answer one after the other; what was acknowledged before has to be there."""

    def act() -> None:
        from threading import Thread

        from raters import attentive, document

        from reports.study.collection import FILE, Collection
        from reports.study.server import StudyServer
        from reports.study.study import PACKET, read_study

        home(folder)
        told = folder / "acknowledged"
        study = read_study(folder / "out")
        kept = _documents(folder) if told.exists() else {}
        for line in told.read_text().splitlines() if told.exists() else ():
            session, count = line.split()
            assert len(json.loads(kept[session])["answers"]) >= int(count), line
        collection = Collection(study, folder / "out" / FILE)
        server = StudyServer(study, folder / "out" / PACKET, collection, ("127.0.0.1", 0))
        thread = Thread(target=server.run)
        thread.start()
        for session in (f"{number:032x}" for number in range(8)):
            rater = _post(server.port, "/raters", {"study": study.id, "session": session})["rater"]
            chosen = attentive({"one": 1.0, "two": 0.0}, 1)
            whole = document(study, rater, chosen, session=session)
            for count in range(1, len(whole["answers"]) + 1):
                part = {"answers": whole["answers"][:count], "code": "", "finished": ""}
                last = count == len(whole["answers"])
                _post(server.port, "/answers", whole if last else whole | part)
                with told.open("a") as file:
                    file.write(f"{session} {count}\n")
        server.stop()
        thread.join()

    return act


def _post(port: int, path: str, content: Any) -> Any:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    text = json.dumps(content)
    connection.request("POST", path, text, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    assert reply.status == 200, answer
    return answer


# Data sets: the maker and the fetcher themselves, with a smaller set than any that is registered.


def _make(folder: Path) -> Callable[[], None]:
    def act() -> None:
        from benchmarks.datasets import making
        from benchmarks.datasets.catalogue import DIV2K_VAL
        from benchmarks.datasets.places import Place

        home(folder)
        making.CROP, making.ORIGINALS = 64, ("0801", "0802", "0803", "0804")
        card = replace(DIV2K_VAL, n=4, lr_size=(16, 16))
        root = folder / "out"
        place = Place(card=card, root=root, lr=root / "lr", hr=root / "hr")
        making.make(place, _HOME[0] / "originals")

    return act


def served(contents: dict[str, bytes]) -> str:
    """Serve files from a process of its own, which ends with this one, and return the address."""
    reading, writing = os.pipe()
    if not os.fork():
        with web.serve(**contents) as site:
            os.write(writing, site.url.encode())
            parent = os.getppid()
            while os.getppid() == parent:
                time.sleep(0.2)
        os._exit(0)
    os.close(writing)
    address = os.read(reading, 1000).decode()
    os.close(reading)
    return address


def _content(name: str) -> bytes:
    return name.encode() * 200_000


_ADDRESS: list[str] = []


def _site() -> str:
    if not _ADDRESS:
        contents = {f"w{i}": _content(f"w{i}") for i in range(4)}
        photos = _HOME[0] / "photos"
        contents |= {
            f"{side}/{path.name}": path.read_bytes()
            for side in ("lr", "hr")
            for path in sorted((photos / side).iterdir())
        }
        _ADDRESS.append(served(contents))
    return _ADDRESS[0]


def _with_site(folder: Path) -> None:
    _nothing(folder)
    _site()


def _fetch_weights(folder: Path) -> Callable[[], None]:
    url = _site()

    def act() -> None:
        import hashlib

        from benchmarks.api.card import WeightFile
        from benchmarks.api.weights import WeightStore
        from benchmarks.cli.weights import fetch_all

        home(folder)
        weights = [
            WeightFile(
                name=f"w{i}.dat",
                licence="MIT",
                urls=(f"{url}/w{i}",),
                sha256=hashlib.sha256(_content(f"w{i}")).hexdigest(),
            )
            for i in range(4)
        ]
        store = WeightStore()
        fetch_all([store.status("nets", weight) for weight in weights])

    return act


def _fetch_dataset(folder: Path) -> Callable[[], None]:
    url = _site()

    def act() -> None:
        import hashlib

        from benchmarks.api.dataset import DatasetCard, Side, Source
        from benchmarks.api.images import read_rgb, sha256_pixels
        from benchmarks.datasets.fetching import fetch
        from benchmarks.datasets.manifests import ManifestRow, render
        from benchmarks.datasets.places import of_card

        home(folder)
        package = folder / "package" / "tiny_set"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        rows = []
        sides: tuple[Side, Side] = ("lr", "hr")
        for side in sides:
            for path in sorted((_HOME[0] / "photos" / side).iterdir()):
                pixels = read_rgb(path)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                facts = (digest, sha256_pixels(pixels), *pixels.shape[:2])
                rows.append(ManifestRow(side, path.name, *facts))
        (package / "manifest.csv").write_bytes(render(rows))
        sys.path.insert(0, str(package.parent))
        card = DatasetCard(
            id="tiny",
            title="Tiny",
            n=3,
            has_reference=True,
            lr_size=(16, 16),
            manifest="tiny_set:manifest.csv",
            sources=(Source(files=(("lr", url + "/lr/{name}"), ("hr", url + "/hr/{name}"))),),
        )
        fetch(of_card(card))

    return act


def small_recipe(stage: Any) -> Any:
    """Return the recipe of tests/mfsr, which trains in a second."""
    path = Path(__file__).parents[1] / "mfsr" / "conftest.py"
    found = importlib.util.spec_from_file_location("sizes", path)
    assert found and found.loader
    sizes = importlib.util.module_from_spec(found)
    found.loader.exec_module(sizes)
    return sizes.mini_recipe(stage)


def _trained(folder: Path) -> None:
    """Give a base of two steps, and the recipe a size that trains in a second."""
    from mfsr.training import recipes
    from mfsr.training.stages import Sources, train

    _nothing(folder)
    small = small_recipe("teacher")
    recipes.RECIPES["teacher", "small"] = lambda: small
    base = _HOME[0] / "base"
    if not base.exists():
        train(small_recipe("base"), Sources(data=(_HOME[0] / "originals",), out=base))


def _model(folder: Path) -> Results:
    return files(folder / "out" / "model")


def _bench_inline(folder: Path) -> Callable[[], None]:
    """Measure in this process, where a child's imports would take all of the time."""

    def act() -> None:
        from benchmarks.bench import process

        run = process.pool.run
        process.pool.run = lambda workers, **facts: run(workers, **facts | {"inline": True})
        program(*_BENCH)(folder)()

    return act


def _bench(folder: Path) -> Results:
    """Return which conditions and methods were measured."""
    text = json.loads((folder / "out" / "bench.json").read_text())
    return {key: str(value) for key, value in text.items() if key in ("conditions", "schema")} | {
        "suffixes": sorted({path.suffix for path in (folder / "out").iterdir()})
    }


def _study(folder: Path) -> None:
    shutil.copytree(_HOME[0] / "study", folder / "out")


_ON = ("--datasets", "{spec}", "--metrics", "psnr@rgb,ssim@rgb", "--workers", "0", "--quiet")
_RUN = ("run", "--methods", "bicubic,nearest", "--out", "out", *_ON)
_SWEEP = (
    *("sweep-steps", "--methods", "bicubic,mfsr-tiny", "--steps", "1,2"),
    *("--out", "out", *_ON),
)
_TRAIN = (
    *("train", "teacher", "--recipe", "small", "--data", "{home}/originals"),
    *("--base", "{home}/base/model", "--out", "out"),
)
_BENCH = (
    *("bench", "--methods", "nearest", "--lr-size", "16x16", "--repeats", "1"),
    *("--warm-up", "1", "--device", "cpu", "--out", "out", "-q"),
)
_PAGE = ("report", "html", "{home}/run", "--out", "out", "-q")
_MERGE = ("merge", "out", "{home}/1", "{home}/2", "-q")
_PACK = ("pack", "run", "{home}/run", "--images", "--out", "out/run.zip")
_INGEST = ("study", "ingest", "out", "{home}/answers")
CASES = {
    case.name: case
    for case in (
        Case("run", 100, _nothing, program(*_RUN), out),
        Case("sweep-steps", 100, _nothing, program(*_SWEEP), out),
        Case("report-html", 100, _nothing, program(*_PAGE), out),
        Case("datasets-make", 100, _nothing, _make, out),
        Case("datasets-fetch", 100, _with_site, _fetch_dataset, fetched),
        Case("weights-fetch", 100, _with_site, _fetch_weights, fetched),
        Case("train", 100, _trained, program(*_TRAIN), _model),
        Case("study-ingest", 100, _study, program(*_INGEST), out),
        Case("study-serve", 100, _study, _serve, _documents),
        Case("merge", 100, _nothing, program(*_MERGE), out),
        Case("pack-run", 100, _nothing, program(*_PACK), out),
        Case("bench", 100, _nothing, _bench_inline, _bench),
        Case("bench-in-a-process", 20, _nothing, program(*_BENCH), _bench),
    )
}
