"""A study out of a run: what is in the packet, and what must not be."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from PIL import Image
from raters import document
from runs import photographs, write_run
from typer.testing import Result

from benchmarks.api.errors import ConfigError, ConflictError, DataError
from benchmarks.api.images import UNFINISHED, read_rgb, write_png
from reports.study.labels import Labels
from reports.study.study import PACKET, read_study

Command = Callable[..., Result]
METHODS = ("first", "second", "third")


def small(tmp_path: Path) -> list[str | Path]:
    """The command line of a small study."""
    spec = photographs(tmp_path / "small", ["a", "b"])
    run = write_run(tmp_path / "small-run", spec, METHODS)
    words = "--images 2 --raters 2 --repeats 0 --obvious 0"
    return [run, "--out", tmp_path / "small-study", *words.split()]


def test_the_packet_names_no_method_and_no_image(built: Path) -> None:
    packet = built / PACKET
    names = [str(path.relative_to(packet)) for path in packet.rglob("*") if path.is_file()]
    page = (packet / "index.html").read_text("utf-8")
    secret = read_study(built).secret
    for word in (*METHODS, "photo ", "photos", "blurred", secret):
        quoted = f'"{word}'
        assert quoted not in page and not any(word in name for name in names)
    assert not any(path.name == "key.json" for path in packet.rglob("*"))


def test_stimuli_are_pixels_of_one_size_without_metadata(built: Path) -> None:
    study = read_study(built)
    stimuli = study.stimuli()
    files = {path.stem: path for path in (built / PACKET / "stimuli").iterdir()}
    assert files.keys() == stimuli.keys()
    for name, (image, source) in stimuli.items():
        with Image.open(files[name]) as opened:
            assert opened.size == study.sizes[image] and not opened.info
        if source in METHODS:
            dataset, sample = image
            result = built.parent / "run" / "images" / source / dataset / f"{sample}.png"
            if result.is_file():
                assert (read_rgb(files[name]) == read_rgb(result)).all()


def test_the_lr_image_is_enlarged_pixel_by_pixel(built: Path) -> None:
    study = read_study(built)
    image = study.design.images[0]
    shown = read_rgb(built / PACKET / "stimuli" / f"{study.name(*image, 'lr')}.png")
    lr = read_rgb(built.parent / "photos" / "lr" / f"{image[1]}.png")
    assert (shown == lr.repeat(4, 0).repeat(4, 1)).all()


def test_two_studies_of_one_run_have_other_names(tmp_path: Path, study_command: Command) -> None:
    words = small(tmp_path)
    study_command("build", *words)
    words[2] = tmp_path / "another"
    study_command("build", *words)
    one, two = (read_study(tmp_path / name) for name in ("small-study", "another"))
    assert not one.stimuli().keys() & two.stimuli().keys()
    assert one.design == two.design


def test_the_same_command_finishes_what_was_interrupted(
    tmp_path: Path, study_command: Command
) -> None:
    words = small(tmp_path)
    study_command("build", *words)
    packet = tmp_path / "small-study" / PACKET
    before = {path: path.read_bytes() for path in packet.rglob("*") if path.is_file()}
    shutil.rmtree(packet / "stimuli")
    study_command("build", *words)
    assert {path: path.read_bytes() for path in packet.rglob("*") if path.is_file()} == before
    with pytest.raises(ConflictError, match="another study"):
        study_command("build", *words, "--seed", "5")


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, study_command: Command) -> None:
    words = small(tmp_path)
    (tmp_path / "small-study").mkdir()
    (tmp_path / "small-study" / "thesis.tex").write_text("x")
    with pytest.raises(ConflictError, match="other files"):
        study_command("build", *words)


def test_images_that_some_method_lacks_are_not_asked_about(
    tmp_path: Path, study_command: Command
) -> None:
    names = [f"i{n}" for n in range(4)]
    spec = photographs(tmp_path / "p", names)
    run = write_run(tmp_path / "r", spec, METHODS, missing=[("second", "i1")])
    with pytest.raises(DataError, match="all methods restored 3") as caught:
        study_command("build", run, "--out", tmp_path / "s", "--images", "4")
    assert "Fewest are of second: 3 of 4." in caught.value.remedy
    assert f"Finish it: mfsr-bench run --out {run} --methods first,second," in caught.value.remedy
    study_command("build", run, "--out", tmp_path / "s", "--images", "3", "--repeats", "0")
    assert ("photos", "i1") not in read_study(tmp_path / "s").design.images


def test_a_result_of_another_size_is_refused(tmp_path: Path, study_command: Command) -> None:
    words = small(tmp_path)
    (path,) = (tmp_path / "small-run").rglob("third/**/a.png")
    write_png(path, np.zeros((8, 8, 3), dtype=np.uint8))
    with pytest.raises(DataError, match="8x8, not 32x32"):
        study_command("build", *words)


def test_2afc_shows_two_of_all(tmp_path: Path, study_command: Command) -> None:
    study_command("build", *small(tmp_path), "--design", "2afc", "--per-image", "3")
    design = read_study(tmp_path / "small-study").design
    assert design.shown == 2 and design.rated == 6


def test_a_damaged_key_is_named(tmp_path: Path, study_command: Command) -> None:
    study_command("build", *small(tmp_path))
    key = tmp_path / "small-study" / "key.json"
    content = json.loads(key.read_text())
    key.write_text(json.dumps(content | {"plan_sha256": "0" * 64}))
    with pytest.raises(ConflictError, match="other trials"):
        read_study(tmp_path / "small-study")
    rule = content["exclusion_rule"] | {"repeats_agreed": -1.0}
    key.write_text(json.dumps(content | {"exclusion_rule": rule}))
    with pytest.raises(DataError, match="key.json: .*is no share"):
        read_study(tmp_path / "small-study")
    key.write_text("{")
    with pytest.raises(DataError, match="key.json: not JSON"):
        read_study(tmp_path / "small-study")
    with pytest.raises(DataError, match="no study"):
        read_study(tmp_path)


def test_a_study_that_was_killed_at_its_first_file_is_built(
    tmp_path: Path, study_command: Command
) -> None:
    (tmp_path / "small-study").mkdir()
    (tmp_path / "small-study" / f"{UNFINISHED}abc").touch()
    study_command("build", *small(tmp_path))
    assert (tmp_path / "small-study" / PACKET / "index.html").is_file()


def test_a_study_reads_back_as_it_was_written(built: Path, tmp_path: Path) -> None:
    from reports.study.study import write_study

    study = read_study(built)
    write_study(study, tmp_path / "copy")
    assert read_study(tmp_path / "copy") == study
    assert study.code("r001") != study.code("r002")
    assert document(study, "r001", lambda trial: trial.shown[0])["study"] == study.id


def test_a_method_without_results_is_named_and_left_out(
    tmp_path: Path, study_command: Command
) -> None:
    names = [f"i{n}" for n in range(4)]
    spec = photographs(tmp_path / "p", names)
    run = write_run(tmp_path / "r", spec, METHODS, missing=[("third", name) for name in names])
    words = ["--images", "3", "--repeats", "0"]
    said = study_command("build", run, "--out", tmp_path / "s", *words).stderr
    assert "No results of third. Finish it: mfsr-bench run --out" in said
    assert read_study(tmp_path / "s").design.methods == ("first", "second")


def embedded(packet: Path) -> dict[str, Any]:
    """What the page of a packet knows."""
    page = (packet / "index.html").read_text("utf-8")
    found: dict[str, Any] = json.loads(page.split('id="data">')[1].split("</script>")[0])
    return found


def test_every_word_of_the_page_can_be_set(tmp_path: Path, study_command: Command) -> None:
    words = {field.name: f"«{field.name}»" for field in fields(Labels)} | {"language": "de-AT"}
    words["count"] = "{number} von {total}"
    (tmp_path / "words.toml").write_text(tomli_w.dumps(words), "utf-8")
    study_command("build", *small(tmp_path), "--labels", tmp_path / "words.toml")
    packet = tmp_path / "small-study" / PACKET
    assert embedded(packet)["labels"] == words
    page = (packet / "index.html").read_text("utf-8")
    assert '<html lang="de-AT">' in page and '<p class="sheet">«noscript»</p>' in page
    text = page.split("<script>")[1] + page.split("</style>")[1].split('<script type="app')[0]
    for usual in fields(Labels):
        if usual.name not in ("language", "count", "next", "begin", "progress", "whole"):
            assert str(usual.default)[:12] not in text, usual.name
        assert usual.name in ("language", "noscript") or f"labels.{usual.name}" in text
    again = study_command("build", *small(tmp_path), "--labels", tmp_path / "words.toml")
    assert read_study(tmp_path / "small-study").wording.labels.next == "«next»" and again.output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('weiter = "x"', "unknown key 'weiter'"),
        ("next = 1", "next is 1"),
        ("next = 1979-05-27", "holds what no such document does"),
        ('next = " "', "next is one line"),
        ('next = "a\\u001bb"', "next is one line"),
        ('count = "{number} of {all}"', "count has {all}; the page fills in {number}, {total}"),
        ('next = "{total}"', "the page fills in nothing there"),
        ('language = "English!"', "language is 'English!'"),
        ("next = ", "is not TOML"),
        ("next = " + "[" * 3000, "is not TOML"),
        ("next = " + "[" * 300 + "]" * 300, "recursion limit"),
    ],
)
def test_words_that_the_page_cannot_show_are_refused(
    tmp_path: Path, study_command: Command, text: str, why: str
) -> None:
    (tmp_path / "words.toml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(why)):
        study_command("build", *small(tmp_path), "--labels", tmp_path / "words.toml")


def test_the_documented_words_are_those_of_the_page() -> None:
    text = Path(__file__).parents[3].joinpath("docs", "user-study.md").read_text("utf-8")
    block = text.split("```toml\n")[1].split("```")[0]
    assert tomllib.loads(block) == asdict(Labels())
