"""What people read: lists that fit 80 columns, whole sentences of help, ids that complete."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from program import Program, in_this_process
from typer.main import get_command

from benchmarks import registry
from benchmarks.cli import completion
from benchmarks.cli.app import build

LISTS = [
    "list methods",
    "list datasets",
    "list metrics",
    "list protocols",
    "weights list",
    "run --plan --methods bicubic,osediff --datasets realsr,sample",
]
NAMED = [
    "list methods osediff,mfsr",
    "list datasets realsr",
    "list metrics psnr",
    "list protocols mfsr-paper-v1",
    "weights list osediff",
]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    monkeypatch.delenv("COLUMNS", raising=False)
    return in_this_process(monkeypatch, capsys)


@pytest.mark.parametrize("words", [*LISTS, *NAMED])
def test_nothing_is_wider_than_the_terminal_but_what_is_copied_whole(
    program: Program, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = program(*words.split())
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert len(lines) < 110
    for line in lines:
        assert len(line) <= 80 or "/" in line.split()[-1] or "Run: mfsr-bench" in line, line


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("list methods", lambda: registry.entries("restorers")),
        ("list datasets", registry.dataset_cards),
        ("list metrics", registry.metric_specs),
    ],
)
def test_a_pipe_has_tabs_and_whole_ids(program: Program, words: str, ids) -> None:
    head, *lines = program(*words.split()).stdout.splitlines()
    assert head.count("\t") in (2, 3)
    assert [line.split("\t")[0] for line in lines] == list(ids())
    assert "  " not in head


@pytest.mark.parametrize("words", [*LISTS[:5], *NAMED])
def test_every_list_has_every_form(program: Program, tmp_path: Path, words: str) -> None:
    assert json.loads(program(*words.split(), "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(program(*words.split(), "--format", "csv").stdout)))
    assert rows and all(row["licence"] for row in rows if "licence" in row)
    assert program(*words.split(), "--format", "md").stdout.startswith("| ")
    assert program(*words.split(), "--out", tmp_path / "x.tex").stdout == ""
    assert r"\toprule" in (tmp_path / "x.tex").read_text()
    both = program(*words.split(), "--json", "--format", "csv")
    assert both.returncode == 2 and "exclude each other" in both.stderr


def test_a_name_stands_for_all_its_conventions_and_is_met_with_near_ones(program: Program) -> None:
    shown = program("list", "metrics", "psnr").stdout
    for spec in registry.metric_specs().values():
        assert (spec.definition in shown) == (spec.name == "psnr")
    unknown = program("list", "methods", "osedif")
    assert unknown.returncode == 2 and "Did you mean 'osediff'" in unknown.stderr


def test_prompts_are_fetched_by_their_kind_as_by_their_name(program: Program) -> None:
    listed = [
        program("weights", "list", name, "--json").stdout for name in ("tags:dape", "tags-dape")
    ]
    assert json.loads(listed[0]) == json.loads(listed[1]) != []


def _commands(command, path=()):
    import typer

    context = typer.Context(command, info_name=" ".join(("mfsr-bench", *path)))
    if hasattr(command, "list_commands"):
        yield path, command, context
        for name in command.list_commands(context):
            yield from _commands(command.get_command(context, name), (*path, name))
    else:
        yield path, command, context


def test_every_help_page_has_whole_sentences_examples_and_words_for_types() -> None:
    for path, command, context in _commands(get_command(build())):
        page, where = command.get_help(context), " ".join(path)
        assert "..." not in page.partition("Commands:")[2], where
        for kind in ("<int", "<str", "<path", "<float", "<list", "<bool"):
            assert kind not in page, where
        if not hasattr(command, "list_commands"):
            assert f"mfsr-bench {where}" in page.partition("Example")[2], where


@pytest.mark.parametrize(
    ("complete", "typed", "offered"),
    [
        (completion.methods, "bicubic,osed", "bicubic,osediff"),
        (completion.datasets, "rea", "realsr"),
        (completion.metrics, "psnr@y601-", "psnr@y601-crop4"),
        (completion.metrics, "lpi", "lpips"),
        (completion.protocols, "", "mfsr-paper-v1"),
        (completion.owners, "tags", "tags-dape"),
    ],
)
def test_ids_complete_the_last_item_of_a_list(complete, typed: str, offered: str) -> None:
    assert offered in complete(typed)
    assert all(one.startswith(typed) for one in complete(typed))


def test_a_gpu_that_is_not_there_is_refused_when_the_run_is_planned(program: Program) -> None:
    for words in (("run",), ("run", "--plan"), ("bench",), ("score", "--sr", ".")):
        answer = program(*words, "--device", "cuda:99")
        assert answer.returncode == 5, answer.stderr
        assert "There is no GPU 99" in answer.stderr
