"""Files of others, and the commands that read them: for damaged copies of each.

A subject is a file where a command finds it. `home` is a folder in which all of them are made.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import small_recipe
from mutation import ODD, as_json, mutants, places, replaced
from runs import photographs, write_run

Read = Callable[[], None]
_METRICS = {
    name: {"title": name, "higher_is_better": True, "decimals": 2} for name in ("psnr@rgb",)
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One kind of file."""

    name: str
    path: Path
    reads: tuple[Read, ...]  # each raises where a damaged file ends in anything but an answer
    documents: bool = False  # JSON, of which single values are replaced as well
    spoilt: tuple[Path, ...] = ()  # folders that commands may have changed; restored each time


def damaged(content: bytes, seed: int, *, documents: bool) -> bytes:
    """Return a damaged copy of a file."""
    if documents and seed % 3:
        lines = content.decode().splitlines() if content.count(b"\n}\n{") else [content.decode()]
        plain = json.loads(lines[seed % len(lines)])
        found = list(places(plain))
        at = found[(seed * 7919) % len(found)]
        return as_json(replaced(plain, at, ODD[(seed * 104729 // 7) % len(ODD)])).encode()
    return next(mutants(content, seed, 1))


class UnansweredError(AssertionError):
    """A command ended in something else than a result or a refusal."""


def command(*words: str | Path, codes: tuple[int, ...] = (0, 1, 3, 6)) -> Read:
    """Return what runs `mfsr-bench` in this process, and checks how it ends."""

    def read() -> None:
        from benchmarks.cli.app import main

        sys.argv = ["mfsr-bench", *map(str, words)]
        with io.StringIO() as text, redirect_stdout(text), redirect_stderr(text):
            try:
                main()
            except SystemExit as ending:
                code = ending.code
            said = text.getvalue()
        if code not in codes:
            raise UnansweredError(f"exit code {code}: {said[-2000:]}")
        if "Traceback" in said or "\x1b" in said:
            raise UnansweredError(f"it prints {said[-2000:]!r}")

    return read


def calling(function: Callable[[], Any]) -> Read:
    """Return what calls a reader, and lets its refusals pass."""

    def read() -> None:
        from benchmarks.api.errors import MFSRBenchError

        try:
            function()
        except MFSRBenchError as error:
            if error.exit_code not in (2, 3, 4, 6) or not error.cause:
                raise UnansweredError(repr(error)) from error

    return read


def begin(home: Path) -> str:
    """Make what all subjects need, and return the spec of a data set."""
    os.environ["MFSR_BENCH_HOME"] = str(home / "home")
    os.environ["MFSR_BENCH_CACHE"] = str(home / "cache")
    os.environ["NO_COLOR"] = "1"
    spec = photographs(home / "photos", ["a", "b"])
    write_run(home / "pristine", spec, ["one", "two"])
    return spec


def _run(home: Path, spec: str) -> Iterator[Subject]:
    run, other, out = home / "run", home / "other", home / "out"
    for path, seed in ((run, 0), (other, 1)):
        write_run(path, spec, ["one", "two"], missing=[("two", "b")], seed=seed)
    reads = (
        command("report", "table", run, "--format", "json"),
        command("report", "table", run, other, "--published", "--ci"),
        command("report", "html", run, "--out", out / "page", "-q"),
        command("report", "export", run, "--out", out / "x.csv"),
        command("report", "diff", run, other, codes=(0, 1, 2, 3, 6)),
        command("report", "power", run),
        command("report", "figure", "distributions", run, "--out", out / "figure.svg",
                codes=(0, 1, 2, 3, 6)),
        command("pack", "run", run, "--out", out / "x.zip"),
        command("merge", out / "whole", run, other, codes=(0, 1, 3, 4, 6)),
        command("study", "build", run, "--out", out / "study", "--images", "1", "--obvious", "0",
                "--raters", "3", "--repeats", "0", "-q", codes=(0, 1, 2, 3, 6)),
        command("run", "-m", "bicubic", "-d", spec, "--metrics", "psnr@rgb", "-o", run,
                "--workers", "0", "-q", codes=(0, 1, 3, 5, 6)),
    )  # fmt: skip
    facts: dict[str, Any] = {"reads": reads, "spoilt": (run, out)}
    yield Subject(name="run.json", path=run / "run.json", documents=True, **facts)
    yield Subject(name="sessions", path=run / "sessions.jsonl", documents=True, **facts)
    yield Subject(name="results", path=run / "results.sqlite", **facts)


def _requests(home: Path, spec: str) -> Iterator[Subject]:
    path = home / "request.toml"
    path.write_text(
        f'methods = ["bicubic", "nearest"]\ndatasets = ["{spec}"]\nmetrics = ["psnr@rgb"]\n'
        f'out = "{home}/asked"\nseed = 3\nlimit = 1\nworkers = 0\nmended = true\n'
        'missing = "skip"\nquiet = true\nbatch-size = "2"\n'
    )
    usage = (0, 1, 2, 3, 4, 6)
    reads = [command(one, "--config", path, "--plan", codes=usage) for one in ("run",)]
    for one in ("run", "sweep-steps", "score", "verify", "bench"):
        reads.append(command(one, "--config", path, "--print-config", codes=usage))
    yield Subject(name="request", path=path, reads=tuple(reads))


def _prompts(home: Path, spec: str) -> Iterator[Subject]:
    prompt = home / "prompts" / "a.txt"
    prompt.parent.mkdir()
    (home / "prompts" / "b.txt").write_text("a bird")
    prompt.write_text("a photograph of a café, with a tree")
    words = ("--prompts", prompt.parent, "-d", spec, "--metrics", "psnr@rgb", "--workers", "0")
    read = command("run", "-m", "mfsr-tiny", *words, "-o", home / "asked", "-q")
    yield Subject(name="prompt", path=prompt, reads=(read,), spoilt=(home / "asked",))


def _images(home: Path, spec: str) -> Iterator[Subject]:
    photo = home / "photos" / "lr" / "a.png"
    out = home / "asked"
    reads = [
        command("run", "-m", "bicubic", "-d", spec, "--metrics", "psnr@rgb", "--workers", "0",
                "-o", out, "-q"),
        command("score", "--sr", home / "photos/lr", "--hr", home / "photos/lr", "--metrics",
                "psnr@rgb", "--workers", "0", "-q"),
        command("datasets", "verify", spec),
    ]  # fmt: skip
    yield Subject(name="image", path=photo, reads=tuple(reads), spoilt=(out,))
    cache = home / "cache" / "scores.sqlite"
    reads[0]()
    if cache.is_file():
        yield Subject(name="cache", path=cache, reads=(reads[0],), spoilt=(out, cache.parent))


def _bundles(home: Path, spec: str) -> Iterator[Subject]:
    folder = home / "bundles"
    folder.mkdir()
    path = folder / "x.zip"
    command("pack", "run", home / "pristine", "--images", "--out", path)()
    reads = (command("pack", "check", path), command("report", "board", folder))
    yield Subject(name="bundle", path=path, reads=reads)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in ("manifest.json", "run.json", "images.csv", "scores.csv", "sessions.jsonl"):
        member = home / "members" / name
        member.parent.mkdir(exist_ok=True)
        member.write_bytes(members[name])
        packed = home / "packed" / name / "y.zip"
        packed.parent.mkdir(parents=True)
        again = (
            _after(_packing(packed, members, member), command("pack", "check", packed)),
            _after(_packing(packed, members, member), command("report", "board", packed.parent)),
        )
        documents = name.endswith((".json", ".jsonl"))
        yield Subject(name=f"bundled-{name}", path=member, reads=again, documents=documents)


def _packing(packed: Path, members: Mapping[str, bytes], member: Path) -> Read:
    """Return what writes a bundle with another member, whose hash is right."""

    def pack() -> None:
        import hashlib

        found = {**members, member.name: member.read_bytes()}
        if member.name != "manifest.json":
            manifest = json.loads(found["manifest.json"])
            digest = hashlib.sha256(found[member.name]).hexdigest()
            manifest["sha256"][member.name] = digest
            found["manifest.json"] = json.dumps(manifest).encode()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in found.items():
                archive.writestr(name, content)

    return pack


def _after(before: Read, read: Read) -> Read:
    def both() -> None:
        before()
        read()

    return both


def _studies(home: Path, spec: str) -> Iterator[Subject]:
    from raters import everybody

    from reports.study.study import read_study

    study, answers = home / "study", home / "answers"
    command("study", "build", home / "pristine", "--out", study, "--images", "1", "--obvious", "0",
            "--raters", "6", "--repeats", "0", "-q")()  # fmt: skip
    answers.mkdir()
    for i, one in enumerate(everybody(read_study(study), {"one": 1.0, "two": 0.0})):
        (answers / f"{i}.json").write_text(json.dumps(one))
    ingest = command("study", "ingest", study, answers)
    analyse = command("study", "analyse", study, "--format", "json")
    ingest()
    analyse()
    facts: dict[str, Any] = {"reads": (ingest, analyse), "spoilt": (study,)}
    yield Subject(name="key.json", path=study / "key.json", documents=True, **facts)
    yield Subject(name="answers", path=answers / "0.json", documents=True, **facts)
    facts["reads"] = (analyse,)
    for name in ("votes.csv", "raters.csv"):
        yield Subject(name=name, path=study / name, **facts)
    collected = study / "answers.sqlite"
    _collect(study, collected)
    facts["reads"] = (ingest,)
    yield Subject(name="collected", path=collected, **facts)
    labels = home / "labels.toml"
    labels.write_text('next = "Weiter"\nback = "Zurück"\n')
    build = command("study", "build", home / "pristine", "--out", home / "s2", "--images", "1",
                    "--obvious", "0", "--raters", "3", "--repeats", "0", "--labels", labels, "-q",
                    codes=(0, 1, 2, 3, 6))  # fmt: skip
    yield Subject(name="labels", path=labels, reads=(build,), spoilt=(home / "s2",))


def _collect(study: Path, place: Path) -> None:
    from raters import attentive, document

    from reports.study.collection import Collection
    from reports.study.study import read_study

    known = read_study(study)
    collection = Collection(known, place)
    session = "a" * 32
    rater = collection.register(session)
    chosen = attentive({"one": 1.0, "two": 0.0}, 1)
    collection.add(json.dumps(document(known, rater, chosen, session=session)))
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _scores(home: Path, spec: str) -> Iterator[Subject]:
    from bench_results import failure, results, row

    from benchmarks.api import documents

    hr = home / "photos" / "hr"
    log = home / "theirs.log"
    lines = [
        f"2024-01-01 00:00:00,000 - INFO: set/{name}.png | PSNR: 100.00; SSIM: 1.0000 | Runtime: 1"
        for name in ("a", "b")
    ]
    log.write_text("\n".join(lines) + "\n")
    wide = home / "theirs.csv"
    wide.write_text("image,PSNR,SSIM\na,100.0,1.0\nb,100.0,1.0\n")
    long = home / "scores.csv"
    long.write_text("dataset,method,image,metric,value\nx,m,a,psnr@rgb,99\nx,m,b,psnr@rgb,99\n")
    for path in (log, wide, long):
        read = command("verify", "--sr", hr, "--hr", hr, "--published", path, "--workers", "0",
                       "-q", codes=(0, 1, 2, 3, 4, 6))  # fmt: skip
        yield Subject(name=f"published-{path.name}", path=path, reads=(read,))
    folder = home / "bench"
    documents.write(results(row(), row("osediff"), failure("s3diff")), folder / "bench.json")
    reads = (
        command("report", "efficiency", folder),
        command("report", "efficiency", folder, "--format", "latex", "--methods-as-columns"),
    )
    yield Subject(name="bench.json", path=folder / "bench.json", reads=reads, documents=True)


_TABLE = r"""\begin{table}\caption{RealSR, best in \textbf{bold}.}
\newcommand{\RB}[1]{\textcolor{red}{#1}}
\begin{tabular}{l|cc|c}\toprule
& \multicolumn{2}{c|}{RealSR} & DRealSR \\
Method & PSNR$\uparrow$ & LPIPS$\downarrow$ & PSNR$\uparrow$ \\\midrule
OSEDiff~\cite{a} & \textbf{25.15} & 0.2921 & \RB{27.92} \\
\rowcolor{gray!20} Ours & 24.10 & \underline{0.2900} & \cellcolor{red!25}27.10 \\\bottomrule
\end{tabular}\end{table}
"""
_PLAIN_TABLES = {
    "table.md": "| Method | PSNR↑ | LPIPS↓ |\n|---|---|---|\n| A | **25.1** | 0.29 |\n",
    "table.csv": "method,PSNR,LPIPS\nA,25.1,0.29\nB,24.0,0.30\n",
    "table.tex": _TABLE,
}  # fmt: skip


def _papers(home: Path, spec: str) -> Iterator[Subject]:
    for name, text in _PLAIN_TABLES.items():
        path = home / name
        path.write_text(text)
        yield Subject(name=name, path=path, reads=(command("report", "audit", path),))


def _archives(home: Path, spec: str) -> Iterator[Subject]:
    from benchmarks.api.packages.archive import read_members
    from benchmarks.datasets.archives import unpack

    wanted: Any = (("lr", "set/lr"), ("hr", "set/hr"))
    photos, out = home / "photos", home / "unpacked"
    for suffix in ("zip", "tar", "tgz", "tar.xz", "tar.bz2"):
        path = home / f"set.{suffix}"
        if suffix == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
                for file in sorted(photos.rglob("*.png")):
                    packed.write(file, f"set/{file.relative_to(photos)}")
        else:
            kind = {"tgz": "gz"}.get(suffix, suffix.rpartition(".")[2].replace("tar", ""))
            with tarfile.open(path, f"w:{kind}") as tar:
                tar.add(photos, "set")
        reads = (
            calling(lambda path=path: unpack(path, wanted, out)),
            calling(lambda path=path: read_members(path, ["set/lr/a.png"])),
        )
        yield Subject(name=path.name, path=path, reads=reads, spoilt=(out,))


def _weights(home: Path, spec: str) -> Iterator[Subject]:
    import pickle

    import numpy as np
    import torch
    from safetensors.torch import save_file

    from baselines.checkpoints import read_tensors
    from baselines.spandrel.ncnn import read_convolutions
    from benchmarks.api.formats import fault
    from benchmarks.api.packages.pickled import read_arrays
    from benchmarks.api.tensors import read_metadata, read_safetensors

    folder = home / "weights"
    folder.mkdir()
    tensors = {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.int64)}
    save_file(tensors, folder / "x.safetensors", {"format": "pt"})
    torch.save({"state": tensors}, folder / "new.pth")
    torch.save({"state": tensors}, folder / "old.pth", _use_new_zipfile_serialization=False)
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": {"c": np.ones(2, np.float32)}}
    (folder / "arrays.pkl").write_bytes(pickle.dumps(arrays))
    layers = "7767517\n3 3\nInput in 0 1 data\nConvolution c 1 1 data x 0=2 1=1 5=1 6=4\n"
    (folder / "net.param").write_text(layers)
    numbers = bytes(4) + np.arange(6, dtype="<f4").tobytes()
    (folder / "net.bin").write_bytes(numbers)

    def net() -> Any:
        return read_convolutions(
            (folder / "net.param").read_bytes(), (folder / "net.bin").read_bytes()
        )

    readers: dict[str, tuple[Callable[[Path], Any], ...]] = {
        "x.safetensors": (read_safetensors, read_metadata, fault),
        "new.pth": (lambda path: read_tensors(path, wrapper="state"), fault),
        "old.pth": (lambda path: read_tensors(path, wrapper="state"), fault),
        "arrays.pkl": (lambda path: read_arrays(path.read_bytes()),),
        "net.param": (lambda _: net(),),
        "net.bin": (lambda _: net(),),
    }
    for name, functions in readers.items():
        path = folder / name
        reads = tuple(calling(lambda f=f, path=path: f(path)) for f in functions)
        yield Subject(name=name, path=path, reads=reads)


def _training(home: Path, spec: str) -> Iterator[Subject]:
    from mfsr.bundle import load_teacher
    from mfsr.training import recipes
    from mfsr.training.stages import Sources, train

    small = {stage: small_recipe(stage) for stage in ("base", "teacher", "mfsr")}
    for stage, found in small.items():
        recipes.RECIPES[stage, "small"] = lambda found=found: found  # type: ignore[index]
    data, base, out = home / "data", home / "base", home / "teacher"
    photographs(data, ["a", "b"], side=128)
    train(small["base"], Sources(data=(data / "hr",), out=base))
    again = command("train", "teacher", "--recipe", "small", "--data", data / "hr", "--base",
                    base / "model", "--out", out, codes=(0, 2, 3, 4, 6))  # fmt: skip
    again()
    shutil.copytree(out, home / "teacher-whole")
    model = home / "teacher-whole" / "model"
    start = command("train", "teacher", "--recipe", "small", "--data", data / "hr", "--base",
                    base / "model", "--from", model, "--out", home / "next",
                    codes=(0, 2, 3, 4, 6))  # fmt: skip
    spoilt = (home / "next",)
    loads = (start, calling(lambda: load_teacher(model)))
    for path in sorted(model.iterdir()):
        documents = path.suffix == ".json"
        yield Subject(
            name=f"model-{path.name}", path=path, reads=loads, documents=documents, spoilt=spoilt
        )
    for path in sorted(out.rglob("*")):
        if path.is_file() and "model" not in path.parts and path.suffix not in (".log", ".png"):
            name = f"trained-{path.relative_to(out)}".replace("/", "-")
            documents = path.suffix == ".json"
            yield Subject(name=name, path=path, reads=(again,), documents=documents, spoilt=(out,))


MAKERS = {
    "runs": _run,
    "requests": _requests,
    "images": _images,
    "prompts": _prompts,
    "bundles": _bundles,
    "studies": _studies,
    "scores": _scores,
    "papers": _papers,
    "archives": _archives,
    "weights": _weights,
    "training": _training,
}
