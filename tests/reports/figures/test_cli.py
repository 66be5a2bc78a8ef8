"""`mfsr-bench report figure` on a run of the program, in every format, twice."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from benchmarks.api.errors import UnknownNameError, UsageError
from benchmarks.api.images import write_png
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import ImageRow, RunResults, TimingRow
from benchmarks.results.store import RunStore
from reports.cli import app
from reports.comparison import compare
from reports.figures.grid import _value

PSNR, NIQE = "psnr@y601", "niqe@pyiqa"
KEYS = ("mfsr@1", "mfsr@2", "bicubic")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with images, and its data set beside it."""
    import numpy as np

    generator = np.random.default_rng(2)
    path = tmp_path_factory.mktemp("run")
    photos = path.parent / "photos"
    directory = RunDirectory(path)
    rows: list[object] = []
    for image in ("a", "b & c"):
        hr = generator.integers(0, 256, (24, 32, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
        write_png(photos / "hr" / f"{image}.png", hr)
        write_png(photos / "lr" / f"{image}.png", hr[::4, ::4])
        for index, key in enumerate(KEYS):
            sr = np.clip(hr.astype(int) + generator.integers(-40, 40, hr.shape), 0, 255)
            place = {"dataset": "photos", "method": key, "image": image}
            sha = write_png(directory.image(key, "photos", image), sr.astype(np.uint8))
            rows.append(ImageRow(**place, sha256=sha, width=128, height=96, seed=0))
            rows.append(TimingRow(**place, seconds=0.1 * 10**index))
    write_run(path, rows)
    return path


def write_run(path: Path, rows: list[object]) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("runs", Path(__file__).parents[1] / "conftest.py")
    assert spec and spec.loader
    spec.loader.exec_module(runs := module_from_spec(spec))
    values = {
        ("photos", key, metric): [base + index, base - index]
        for index, key in enumerate(KEYS)
        for metric, base in ((PSNR, 25.0), (NIQE, 5.0))
    }
    datasets = {"photos": {"title": "My $photos_1$", "n": 2, "has_reference": True}}
    run: RunResults = runs.run_of(values, datasets=datasets)
    notes = {key: value for key, value in run.run.items() if key not in ("schema", "identity")}
    identity = run.run["identity"]
    identity["datasets"]["photos"]["manifest_sha256"] = ""
    RunDirectory(path).begin(identity, **notes)
    store = RunStore(path)
    store.write([*run.scores, *rows])
    store.close()


def figure(*arguments: str | Path) -> Result:
    words = ["figure", *map(str, arguments)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    if done.exception:
        raise done.exception
    return done


def originals(run: Path) -> str:
    photos = run.parent / "photos"
    return f"folder:photos={photos / 'lr'},{photos / 'hr'}"


KINDS = {
    "steps": "steps-photos",
    "scatter": "scatter-photos-psnr-niqe",
    "pareto": "pareto-photos",
    "distributions": "distributions-photos",
    "grid": "grid-photos",
}


@pytest.mark.parametrize(("kind", "name"), KINDS.items())
def test_every_figure_is_written_in_every_format_with_the_same_bytes(
    run: Path, tmp_path: Path, kind: str, name: str
) -> None:
    extra = ("--where", originals(run)) if kind == "grid" else ()
    contents = []
    for folder in ("first", "second"):
        out = tmp_path / folder
        done = figure(kind, run, "--out", out, "--format", "png,pdf,svg,tex", *extra)
        files = [out / f"{name}.{suffix}" for suffix in ("png", "pdf", "svg", "tex")]
        assert done.stdout.split() == [str(file) for file in files]
        contents.append([file.read_bytes() for file in files])
    assert contents[0] == contents[1]
    png, pdf, svg, tex = contents[0]
    assert pdf.startswith(b"%PDF") and b"CreationDate" not in pdf and b"/Type3" not in pdf
    assert b"<dc:date>" not in svg and b"<text" not in svg  # glyphs are outlines
    assert rb"My \$photos\_1\$" in tex
    with Image.open(files[0]) as image:
        assert image.width in (984, 2062)  # 3.28 and 6.875 inches at 300 dpi
        assert "Software" not in image.info and "Description" in image.info
    assert png


def test_the_width_is_asked_for(run: Path, tmp_path: Path) -> None:
    for paper, columns, width in (
        ("cvpr", "1", 984),
        ("cvpr", "2", 2062),
        ("iclr", "2", 1650),
        ("neurips", "1", 1650),
        ("eccv", "1", 1440),
    ):
        words = ("--out", tmp_path, "--format", "png,tex", "--paper", paper, "--columns", columns)
        figure("steps", run, *words)
        with Image.open(tmp_path / "steps-photos.png") as image:
            assert image.width == width
        spans = (paper, columns) == ("cvpr", "2")
        assert ("figure*" in (tmp_path / "steps-photos.tex").read_text()) == spans


def test_values_of_the_image_stand_under_its_crops(run: Path, tmp_path: Path, make_run) -> None:
    heights = []
    for words in ((), ("--metrics", "psnr,niqe")):
        out = tmp_path / str(len(words))
        figure("grid", run, "--where", originals(run), "--format", "png,tex", "--out", out, *words)
        told = (
            "Under each crop: PSNR, NIQE of the whole image."
            in (out / "grid-photos.tex").read_text()
        )
        assert told == bool(words)
        with Image.open(out / "grid-photos.png") as image:
            heights.append(image.height)
    assert heights[1] > heights[0]
    comparison = compare([make_run({("realsr", "mfsr@1", PSNR): [20.126, 21.0]})])
    picture = SimpleNamespace(dataset="realsr", image="i0")
    assert _value(comparison, picture, "mfsr@1", PSNR) == "20.13"
    assert _value(comparison, picture, "bicubic", PSNR) == "-"


def test_places_are_said_as_options_that_give_them_again(run: Path, tmp_path: Path) -> None:
    first = figure("grid", run, "--out", tmp_path / "a", "--where", originals(run), "--rows", "1")
    assert "2 of 2 images looked at, seed 0" in first.stderr
    (line,) = [line for line in first.stderr.splitlines() if "--image" in line]
    again = shlex.split(line[line.index("--image") : line.index("(sd")])
    figure("grid", run, "--out", tmp_path / "b", "--where", originals(run), *again)
    files = [Image.open(tmp_path / side / "grid-photos.png") for side in ("a", "b")]
    assert files[0].tobytes() == files[1].tobytes()


def test_two_boxes_and_insets_are_said_as_options_that_give_them_again(
    run: Path, tmp_path: Path
) -> None:
    words = ("--where", originals(run), "--format", "png,tex", "--crop", "16")
    for extra in ((), ("--inset",)):
        first = figure("grid", run, "--out", tmp_path / "a", *words, "--boxes", "2", *extra)
        said = [line for line in first.stderr.splitlines() if "--image" in line]
        again = shlex.split(" ".join(x[x.index("--image") : x.index("(sd")] for x in said))
        assert all(box.count("+") == 1 for box in again[3::4])
        figure("grid", run, "--out", tmp_path / "b", *words, *again, *extra)
        files = [Image.open(tmp_path / side / "grid-photos.png") for side in ("a", "b")]
        assert files[0].tobytes() == files[1].tobytes()
        caption = (tmp_path / "b" / "grid-photos.tex").read_text()
        assert ("Insets enlarge what is framed" in caption) == bool(extra)


def test_without_originals_there_are_crops_of_results_alone(run: Path, tmp_path: Path) -> None:
    done = figure("grid", run, "--out", tmp_path, "--format", "png")
    assert "without LR and reference" in done.stderr
    assert (tmp_path / "grid-photos.png").is_file()


def test_what_cannot_be_drawn_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 --box for 2 --image"):
        figure("grid", run, "--image", "a", "--image", "b & c", "--box", "0,0,8,8")
    with pytest.raises(UsageError, match="One method cannot disagree"):
        figure("grid", run, "--methods", "bicubic")
    with pytest.raises(UnknownNameError, match="Unknown image with results of all methods 'aa'"):
        figure("grid", run, "--image", "aa")
    with pytest.raises(UnknownNameError, match="Unknown format 'jpg'"):
        figure("steps", run, "--format", "jpg")
    assert not (run / "figures").exists()


def test_help_needs_no_matplotlib() -> None:
    import subprocess

    code = "import sys, reports.cli; assert not {'matplotlib', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_method_without_results_is_named_and_the_others_are_shown(
    run: Path, tmp_path: Path
) -> None:
    import json
    import shutil

    unfinished = tmp_path / "run"
    shutil.copytree(run, unfinished)
    facts = json.loads((unfinished / "run.json").read_text())
    other = facts["identity"]["methods"]["bicubic"] | {"title": "Never"}
    facts["identity"]["methods"]["never@3"] = other
    (unfinished / "run.json").write_text(json.dumps(facts))
    done = figure("grid", unfinished, "--out", tmp_path, "--format", "png")
    assert (
        f"No results of Never on My $photos_1$. Finish it: mfsr-bench run --out {unfinished}"
        in (done.stderr)
    )
    with Image.open(tmp_path / "grid-photos.png") as image:
        figure("grid", run, "--out", tmp_path / "whole", "--format", "png")
        with Image.open(tmp_path / "whole" / "grid-photos.png") as whole:
            assert image.tobytes() == whole.tobytes()
