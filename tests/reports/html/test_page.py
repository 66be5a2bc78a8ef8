"""`mfsr-bench report html`: the folder, and what happens to what is lacking."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from runs import photographs, write_run
from typer.testing import CliRunner

from benchmarks.api.errors import ConflictError, DataError, UsageError
from reports.cli import app


def html(*arguments: str | Path) -> str:
    """Run the command and return what it says on stderr."""
    words = ["html", *map(str, arguments)]
    done = CliRunner().invoke(app, words, catch_exceptions=False, env={"COLUMNS": "200"})
    if done.exception:
        raise done.exception
    return done.stderr


def content(index: Path) -> dict:
    text = index.read_text("utf-8")
    (data,) = re.findall(r'id="data">(.*?)</script>', text)
    return json.loads(data)


def test_the_folder_holds_every_image_that_the_page_names(run: Path) -> None:
    html(run)
    folder = run / "html"
    page = content(folder / "index.html")
    (dataset,) = page["datasets"]
    places = {one["key"]: one["folder"] for one in page["methods"]} | {"lr": "lr", "hr": "hr"}
    for source, place in places.items():
        for index, (_, file, width, height) in enumerate(dataset["images"]):
            there = (folder / place / dataset["id"] / f"{file}.png").is_file()
            assert there == (index not in dataset["absent"][source])
            assert (width, height) == (32, 32)
    assert dataset["absent"] == {"first": [], "second": [], "third": [8], "lr": [], "hr": []}
    assert all((folder / f"thumbs/photos/{one[1]}.jpg").is_file() for one in dataset["images"])


def test_values_are_those_of_the_run(run: Path, hostile: tuple[str, ...]) -> None:
    from benchmarks.results.read import read_run

    html(run)
    page = content(run / "html/index.html")
    (dataset,) = page["datasets"]
    methods = [one["key"] for one in page["methods"]]
    for row in read_run(run).scores:
        shown = dataset["values"][row.metric][methods.index(row.method)]
        assert shown[hostile.index(row.image)] == pytest.approx(row.value, rel=1e-5)
    assert dataset["values"]["psnr@y601"][2][8] is None
    (failure,) = page["failures"]
    assert failure["cause"] == "OutputError: <b>no</b> result"


def test_the_page_is_written_anew_but_never_over_other_files(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "page"
    html(run, "--out", out)
    first = (out / "index.html").read_bytes()
    html(run, "--out", out)
    assert (out / "index.html").read_bytes() == first
    with pytest.raises(ConflictError, match="holds other files"):
        html(run, "--out", tmp_path)


def test_two_runs_make_one_page(run: Path, tmp_path: Path) -> None:
    spec = f"folder:photos={tmp_path}/photos/lr::{tmp_path}/photos/hr"
    other = write_run(tmp_path / "other", spec, ["fourth"])
    html(run, other, "--out", tmp_path / "page")
    page = content(tmp_path / "page/index.html")
    assert [one["key"] for one in page["methods"]] == ["first", "second", "third", "fourth"]
    assert page["title"] == "run + other"
    assert len(page["provenance"]["sessions"]) == 2


def test_originals_that_are_gone_are_said_and_the_rest_is_shown(run: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").rename(tmp_path / "moved")
    assert "Without the LR and HR images of 'photos': No such folder" in html(run)
    (dataset,) = content(run / "html/index.html")["datasets"]
    assert dataset["lacking"] and len(dataset["absent"]["lr"]) == 9
    spec = f"folder:photos={tmp_path}/moved/lr,{tmp_path}/moved/hr"
    assert "Without" not in html(run, "--where", spec)
    (dataset,) = content(run / "html/index.html")["datasets"]
    assert not dataset["lacking"] and not dataset["absent"]["lr"]


def test_originals_that_are_others_are_refused(run: Path, tmp_path: Path) -> None:
    other = photographs(tmp_path / "others", ["x"])
    with pytest.raises(ConflictError, match="have changed since the run"):
        html(run, "--where", other)
    with pytest.raises(UsageError, match="none of the data sets of the run: photos"):
        html(run, "--where", other.replace("photos=", "wrong="))
    with pytest.raises(DataError, match="No such folder"):
        html(run, "--where", f"folder:photos={tmp_path}/nowhere")


def test_images_are_linked_in_the_run_and_copied_elsewhere(run: Path, tmp_path: Path) -> None:
    image = run / "images/first/photos/c with space.png"
    name = "results/first/photos/c-with-space.png"
    for words, linked in (((), True), (("--copy",), False), (("--link",), True)):
        html(run, *words)
        assert (run / "html" / name).samefile(image) == linked
    html(run, "--out", tmp_path / "page")
    assert not (tmp_path / "page" / name).samefile(image)


def test_without_links_the_page_has_copies(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    html(run)
    assert (run / "html/results/first/photos/c-with-space.png").is_file()


def test_published_rows_stand_below_ours_and_are_not_ranked(tmp_path: Path) -> None:
    spec = photographs(tmp_path / "photos", [f"{i:03}" for i in range(100)], side=8)
    run = write_run(tmp_path / "run", spec, ["first"])
    html(run, "--published")
    (ours,) = content(run / "html/index.html")["tables"]
    assert [row["title"] for row in ours["rows"]] == ["first"]
    html(run, "--as", "realsr", "--sources", "mfsr")
    (both,) = content(run / "html/index.html")["tables"]
    own, *quoted = both["rows"]
    assert not own["published"] and own["notes"] == []
    assert {row["published"] for row in quoted} == {both["footnotes"][0][1]}
    assert all(row["notes"] == ["†"] for row in quoted)
    assert not any(cell["mark"] for row in quoted for cell in row["cells"])
    mfsr = next(row for row in quoted if row["title"] == "MFSR-1s")
    assert [cell["text"] for cell in mfsr["cells"]] == ["21.51", "0.3158"]
    assert "Rows with † are published and not ranked." in both["caption"]


def test_the_command_needs_no_torch(run: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from benchmarks.cli.app import build\n"
        "build()(args=sys.argv[1:], standalone_mode=False)\n"
        "assert not {'torch', 'matplotlib', 'scipy'} & sys.modules.keys()\n"
    )
    command = [sys.executable, "-c", code, "report", "html", str(run), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run / "html/index.html")


def test_a_thousand_images_of_six_methods_weigh_less_than_three_megabytes(make_run) -> None:
    from reports.comparison import compare
    from reports.html.gallery import stems
    from reports.html.page import render
    from reports.pictures import Picture, Pictures

    n, methods = 1000, [f"method-{i}@1" for i in range(6)]
    metrics = {
        f"metric{i}@x": {"title": f"M{i}", "higher_is_better": True, "decimals": 4}
        for i in range(9)
    }
    values = {
        ("realsr", method, metric): [20 + 1 / (7 + i) for i in range(n)]
        for method in methods
        for metric in metrics
    }
    datasets = {"realsr": {"title": "RealSR", "n": n, "has_reference": True}}
    results = make_run(values, metrics=metrics, datasets=datasets)
    comparison = compare([results])
    pictures = tuple(
        Picture(
            dataset="realsr",
            image=f"i{i}",
            width=512,
            height=512,
            results=dict.fromkeys(methods, Path("x")),
            lr=Path("x"),
            hr=Path("x"),
        )
        for i in range(n)
    )
    names = {"realsr": stems(one.image for one in pictures)}
    shown = Pictures(of={"realsr": pictures}, lacking={})
    assert len(render(comparison, [results], shown, names).encode()) < 3_000_000


def test_a_method_without_results_is_named(tmp_path: Path) -> None:
    names = ["a", "b"]
    spec = photographs(tmp_path / "p", names)
    missing = [("third", name) for name in names]
    run = write_run(tmp_path / "r", spec, ("first", "second", "third"), missing=missing)
    assert "No results of third." in html(run)
    (dataset,) = content(run / "html/index.html")["datasets"]
    assert dataset["without"].startswith("No results of third on photos. Finish it: mfsr-bench")
