"""What is asked for is checked in one place, whoever asks: a person, a file or Python."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.api.errors import ConfigError, UsageError
from benchmarks.request import (
    BenchRequest,
    Request,
    RunRequest,
    ScoreRequest,
    SweepRequest,
    VerifyRequest,
    as_toml,
    ask,
    read_config,
)


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (RunRequest, {"method": "bicubic"}, "Unknown key --method. Did you mean 'methods'"),
        (RunRequest, {"seed": "3"}, "--seed: '3' is not a whole number"),
        (RunRequest, {"seed": [3]}, "--seed: [3] is not a whole number"),
        (RunRequest, {"seed": 2**63}, "--seed"),
        (RunRequest, {"batch_size": 0}, "--batch-size: 0 should be greater"),
        (RunRequest, {"workers": 10**6}, "--workers"),
        (RunRequest, {"methods": 3}, "--methods: 3 is not a list"),
        (RunRequest, {"methods": ["bicubic", 3]}, "--methods: 3 is not a text"),
        (RunRequest, {"methods": []}, "--methods: [] is empty"),
        (RunRequest, {"images": ["a", ""]}, "--images: '' is empty"),
        (RunRequest, {"mended": 1}, "--mended: 1 is neither true nor false"),
        (RunRequest, {"out": ""}, "--out: '' is not a path"),
        (RunRequest, {"out": "a\0b"}, "--out"),
        (RunRequest, {"out": ["a"]}, "--out: ['a'] is not a path"),
        (RunRequest, {"dtype": "fp8"}, "--dtype: 'fp8' should be 'fp32', 'bf16' or 'fp16'"),
        (RunRequest, {"missing": "no"}, "--missing"),
        (RunRequest, {"prompts": ""}, "--prompts: '' is empty"),
        (SweepRequest, {"steps": "1,two"}, "--steps: 'two' is not a whole number"),
        (SweepRequest, {"steps": "0"}, "--steps"),
        (SweepRequest, {"steps": "9" * 5000}, "--steps"),
        (SweepRequest, {"steps": [True]}, "--steps"),
        (ScoreRequest, {}, "--sr is missing"),
        (VerifyRequest, {"sr": "x"}, "--published is missing"),
        (BenchRequest, {"batch": "2,0"}, "--batch"),
        (BenchRequest, {"repeats": 0}, "--repeats"),
    ],
)
def test_what_nobody_can_mean_is_refused(
    kind: type[Request], values: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        ask(kind, values)
    assert says in caught.value.cause
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["128", "0x8", "8x0", "-8x8", "8x8x8", "ax8", "", "8 x 8"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="WIDTHxHEIGHT"):
        ask(BenchRequest, {"lr_size": text})


def test_texts_are_comma_lists_and_lists_are_taken_as_they_are() -> None:
    text = ask(RunRequest, {"methods": "bicubic, mfsr@2", "datasets": "sample,folder:a,b"})
    assert text.methods == ("bicubic", "mfsr@2")
    assert text.datasets == ("sample", "folder:a,b")
    assert ask(RunRequest, {"methods": ["precomputed:A=/x,y"]}).methods == ("precomputed:A=/x,y",)
    assert ask(SweepRequest, {"steps": "1,2"}).steps == ask(SweepRequest, {"steps": [1, 2]}).steps
    with pytest.raises(UsageError, match="empty"):
        ask(RunRequest, {"methods": " , "})


def test_a_request_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        ask(RunRequest, {}).seed = 3  # type: ignore[misc]  # that is the point


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    return tmp_path / "run.toml"


def test_a_request_comes_back_from_its_file(tmp_path: Path) -> None:
    asked = {"methods": ['a "b",\u00e9'], "out": "x/y", "seed": -4, "steps": [1, 4], "limit": 2}
    request = ask(SweepRequest, asked)
    text = as_toml(request)
    assert tomllib.loads(text)["schema"] == 1
    assert ask(SweepRequest, read_config(SweepRequest, written(tmp_path, text))) == request


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("metods = ['bicubic']", "Unknown key {}: 'metods'. Did you mean 'methods'"),
        ("batch-size = 2", "Unknown key {}: 'batch-size'. Did you mean 'batch_size'"),
        ("seed = [1]", "{}: 'seed': [1] is not a whole number"),
        ("seed = 1.5", "{}: 'seed': 1.5 is not a whole number"),
        ("[run]\nseed = 1", "Unknown key {}: 'run'"),
        ("schema = 2", "{} is written for schema 2; this program reads schema 1"),
        ("schema = 'x'", "{} is written for schema 'x'"),
        ("seed 1", "{} is not TOML"),
        ("a = " + "[" * 5000, "{} is not TOML"),
    ],
)
def test_a_file_that_asks_for_nothing_we_have_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_config(RunRequest, path)
    assert says.format(path) in caught.value.cause


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(ConfigError, match="Cannot read"):
            read_config(RunRequest, path)
    (tmp_path / "latin.toml").write_bytes(b"out = '\xe9'")
    with pytest.raises(ConfigError, match="not TOML"):
        read_config(RunRequest, tmp_path / "latin.toml")


def test_a_file_may_leave_out_what_the_command_line_has_to_say(tmp_path: Path) -> None:
    assert read_config(ScoreRequest, written(tmp_path, "workers = 1")) == {"workers": 1}
