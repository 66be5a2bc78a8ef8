"""Names on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.api.errors import UnknownNameError, UsageError
from benchmarks.options import choose, split_datasets, split_lists, unfolded

KNOWN = {"psnr@y601": ["psnr"], "psnr@rgb": ["psnr"], "niqe@pyiqa": ["niqe"]}


def chosen(*names: str, several: bool = False) -> tuple[str, ...] | None:
    return choose(names, KNOWN, what="metric", see="mfsr-bench list metrics", several=several)


def test_no_names_is_no_choice() -> None:
    assert chosen() is None


def test_names_and_other_words_in_order_and_once() -> None:
    assert chosen("NIQE", "psnr@rgb", "niqe@pyiqa") == ("niqe@pyiqa", "psnr@rgb")


def test_a_word_for_two_things_is_refused_or_means_both() -> None:
    with pytest.raises(UsageError, match="psnr@y601, psnr@rgb"):
        chosen("psnr")
    assert chosen("psnr", several=True) == ("psnr@y601", "psnr@rgb")


def test_an_unknown_name_is_met_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Unknown metric 'niqqe'.*'niqe'"):
        chosen("niqqe")


@pytest.mark.parametrize("split", [split_lists, split_datasets])
@pytest.mark.parametrize("text", ["", "  ", ",", " , ,"])
def test_a_list_that_was_given_and_is_empty_is_refused(
    split: Callable[..., tuple[str, ...]], text: str
) -> None:
    with pytest.raises(UsageError, match="empty"):
        split([text])
    assert split(None) == split([]) == ()


@dataclass(frozen=True)
class Look:
    """Options that commands share."""

    colour: Annotated[str, typer.Option(help="Of all.")]
    width: Annotated[float, typer.Option(min=1)] = 2.5


def test_fields_of_a_parameter_are_options() -> None:
    seen = []
    app = typer.Typer()

    @app.command()
    @unfolded
    def show(names: list[str], *, look: Look, last: bool = False) -> None:
        """Show them."""
        seen.append((names, look, last))

    run = CliRunner().invoke
    assert run(app, ["a", "b", "--colour", "red", "--last"]).exit_code == 0
    assert run(app, ["a", "--colour", "red", "--width", "4"]).exit_code == 0
    assert run(app, ["a", "--colour", "red", "--width", "0"]).exit_code == 2
    assert run(app, ["a"]).exit_code == 2
    assert seen == [(["a", "b"], Look("red"), True), (["a"], Look("red", 4.0), False)]
    assert "Show them." in run(app, ["--help"]).output
