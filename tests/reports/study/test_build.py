"""A study out of a run: what is in the packet, and what must not be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from raters import document
from runs import photographs, write_run
from typer.testing import Result

from benchmarks.api.errors import ConflictError, DataError
from benchmarks.api.images import read_rgb, write_png
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
    key.write_text("{")
    with pytest.raises(DataError, match="key.json: not JSON"):
        read_study(tmp_path / "small-study")
    with pytest.raises(DataError, match="no study"):
        read_study(tmp_path)


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
