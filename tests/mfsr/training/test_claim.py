"""A run goes on from what it began with; a folder is claimed when all that it needs is there."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.api.errors import ConflictError, DataError, MFSRBenchError, WeightsMissingError
from mfsr.bundle import read_model_config
from mfsr.origin import Origin, of_data, of_weights
from mfsr.training.claim import check, claim
from mfsr.training.recipes import Recipe, Stage
from mfsr.training.stages import Sources, train

Mini = Callable[[Stage], Recipe]


def files(folder: Path, **contents: bytes) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def test_data_are_the_same_in_another_place_and_other_in_every_other_respect(
    tmp_path: Path,
) -> None:
    one = files(tmp_path / "one", a=b"x" * 9000, b=b"y" * 10, c=b"")
    known = of_data([tmp_path / "one"], one)
    assert known.folders == ("one",) and known.count == 3
    shutil.copytree(tmp_path / "one", tmp_path / "moved")
    assert of_data([tmp_path], sorted((tmp_path / "moved").iterdir())) == known
    assert of_data([tmp_path], [one[1], one[0], one[2]]) != known
    assert of_data([tmp_path], one[:2]) != known
    for change in ({"a": b"x" * 9001}, {"a": b"z" + b"x" * 8999}, {"a": b"x" * 8999 + b"z"},
                   {"b": b"z" * 10}, {"d": b""}):  # fmt: skip
        shutil.copytree(tmp_path / "one", tmp_path / "other")
        assert of_data([tmp_path], files(tmp_path / "other", **change)) != known, change
        shutil.rmtree(tmp_path / "other")
    with pytest.raises(DataError, match="Cannot read"):
        of_data([tmp_path], [tmp_path / "gone"])


def test_weights_are_known_by_every_byte(tmp_path: Path) -> None:
    inner = files(tmp_path / "model" / "transformer", **{"w.safetensors": b"0" * 100_000})[0]
    files(tmp_path / "model", **{"model.json": b"{}"})
    known = of_weights(tmp_path / "model")
    assert known.count == 2
    (tmp_path / "model" / "notes.txt").write_text("nothing that a run reads")
    assert of_weights(tmp_path / "model") == known
    inner.write_bytes(b"0" * 50_000 + b"1" + b"0" * 49_999)
    assert of_weights(tmp_path / "model") != known
    with pytest.raises(WeightsMissingError, match="No weights in"):
        of_weights(tmp_path / "nowhere")


@pytest.mark.parametrize("part", ["data", "captions", "base", "teacher", "processes"])
def test_whatever_is_another_is_refused_by_name(mini: Mini, tmp_path: Path, part: str) -> None:
    kept = of_data([tmp_path], files(tmp_path / "kept", a=b"1"))
    other = of_data([tmp_path / "other"], files(tmp_path / "other", a=b"2"))
    began = Origin(data=kept, captions=kept, base=kept, teacher=kept, processes=2)
    claim(tmp_path / "run", mini("teacher"), began)
    check(tmp_path / "run", mini("teacher"), began)
    now = replace(began, **{part: 8 if part == "processes" else other})
    with pytest.raises(ConflictError, match=rf"begun from something else\. {part.title()}: ") as no:
        check(tmp_path / "run", mini("teacher"), now)
    assert no.value.exit_code == 6
    assert ("2 then, 8 now" if part == "processes" else "1 file of other") in no.value.cause
    if part not in ("data", "processes"):
        with pytest.raises(ConflictError, match="then, none now"):
            check(tmp_path / "run", mini("teacher"), replace(began, **{part: None}))


def test_a_run_refuses_other_photographs_and_another_teacher(
    mini: Mini, photos: Path, base: Path, tmp_path: Path
) -> None:
    short = {stage: replace(mini(stage), trainer=replace(mini(stage).trainer, steps=1))
             for stage in ("teacher", "mfsr")}  # type: ignore[arg-type]  # fmt: skip
    other = replace(short["teacher"], trainer=replace(short["teacher"].trainer, seed=3))
    for name, recipe in (("one", short["teacher"]), ("two", other)):
        train(recipe, Sources(data=(photos,), out=tmp_path / name, base=base))
    run = Sources(data=(photos,), out=tmp_path / "run", teacher=tmp_path / "one" / "model")
    train(short["mfsr"], run)
    origin = read_model_config(tmp_path / "run" / "model").origin
    assert origin and origin.teacher
    assert (origin.data.count, origin.teacher.count) == (6, 4)
    with pytest.raises(ConflictError, match="Teacher: 4 files of model"):
        train(short["mfsr"], replace(run, teacher=tmp_path / "two" / "model"))
    fewer = tmp_path / "fewer"
    shutil.copytree(photos, fewer)
    train(short["mfsr"], replace(run, data=(fewer,)))  # a copy is no other data
    min(fewer.iterdir()).unlink()
    with pytest.raises(ConflictError, match="Data: 6 files of .* then, 5 files of fewer"):
        train(short["mfsr"], replace(run, data=(fewer,)))


def test_a_run_of_an_earlier_version_goes_on_with_a_word(
    mini: Mini, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    origin = Origin(data=of_data([photos], sorted(photos.iterdir())))
    claim(tmp_path, mini("teacher"), origin)
    (tmp_path / "origin.json").unlink()
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    del recipe["model"]["origin"]  # a key that it did not know
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    with caplog.at_level(logging.WARNING):
        check(tmp_path, mini("teacher"), origin)
    assert "does not say what it was begun from" in caplog.text


@pytest.mark.parametrize("name", ["recipe.json", "origin.json"])
@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"data": 3}', "\ud800"])
def test_a_damaged_record_is_one_error(mini: Mini, tmp_path: Path, name: str, content: str) -> None:
    origin = Origin(data=of_data([tmp_path], []))
    claim(tmp_path, mini("teacher"), origin)
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConflictError, match=name.replace(".", r"\.")):
        check(tmp_path, mini("teacher"), origin)


@pytest.mark.parametrize("wrong", ["no data", "few", "no teacher", "no captions", "other teacher"])
def test_a_run_that_cannot_start_claims_nothing(
    mini: Mini, photos: Path, tmp_path: Path, wrong: str
) -> None:
    """The corrected command then meets no folder that was begun with another recipe."""
    recipe, sources = mini("mfsr"), Sources(data=(photos,), out=tmp_path / "run")
    if wrong == "no data":
        sources = replace(sources, data=(tmp_path,))
    elif wrong == "few":
        recipe = replace(mini("teacher"), trainer=replace(recipe.trainer, batch=7))
    elif wrong == "no captions":
        recipe = replace(mini("teacher"), data=replace(recipe.data, prompts="files"))
    elif wrong == "other teacher":
        files(tmp_path / "model", **{"model.json": b"{}"})
        sources = replace(sources, teacher=tmp_path / "model")
    with pytest.raises(MFSRBenchError):
        train(recipe, sources)
    assert not (tmp_path / "run").exists()
