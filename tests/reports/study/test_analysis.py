"""Raters with known preferences: what is true of them must be found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from reports.statistics.pairs import holm
from reports.study import analysis
from reports.study.analysis import About, Analysis, analyse
from reports.study.ballots import Ballots
from reports.study.design import StudyDesign
from reports.study.differences import p_values
from reports.study.simulation import (
    Population,
    answer,
    expected_shares,
    population_of,
    shown_by,
)

Make = Callable[..., StudyDesign]
ABOUT = About(study="s", titles=dict.fromkeys("abcde", "T"), excluded=0, exclusion_rule="Rule.")
IMAGES = tuple(("d", str(n)) for n in range(25))


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "N_RESAMPLES", 499)


def paper(make_design: Make, shown: int, raters: int = 40) -> StudyDesign:
    """As in the MFSR paper, with fewer raters: 25 images, five methods."""
    return make_design(
        methods=tuple("abcde"), images=IMAGES, obvious=(), repeats=0, shown=shown, raters=raters
    )


def studies(design: StudyDesign, population: Population, count: int) -> list[Analysis]:
    shown, generator = shown_by(design), np.random.default_rng(0)
    return [analyse(answer(shown, population, generator), ABOUT, seed=i) for i in range(count)]


@pytest.mark.parametrize("shown", [5, 3, 2])
def test_strengths_are_within_their_intervals(make_design: Make, shown: int) -> None:
    true = np.array([1.0, 0.3, -0.1, -0.4, -0.8])
    found = studies(paper(make_design, shown), Population(preferences=tuple(true)), 30)
    inside = []
    for study in found:
        for one in study.methods:
            low, high = one.strength_interval or (np.nan, np.nan)
            inside.append(low <= true["abcde".index(one.method)] <= high)
    # 150 intervals that should hold 95 %; 90 % is three standard deviations below.
    assert np.mean(inside) > 0.90


def test_shares_are_within_their_intervals_where_raters_and_images_differ(
    make_design: Make,
) -> None:
    people = population_of(np.array([0.389, 0.2, 0.17, 0.14, 0.101]), rater_sd=0.5, image_sd=0.7)
    true = dict(zip("abcde", expected_shares(people, seed=1), strict=True))
    clustered, independent = [], []
    for study in studies(paper(make_design, 5), people, 40):
        for one in study.methods:
            low, high = one.interval or (np.nan, np.nan)
            clustered.append(low <= true[one.method] <= high)
            independent.append(one.wilson[0] <= true[one.method] <= one.wilson[1])
    assert np.mean(clustered) > 0.90
    assert np.mean(independent) < 0.80  # why the others are those to quote


def test_a_population_has_the_shares_that_were_wanted() -> None:
    wanted = np.array([0.4, 0.3, 0.2, 0.1])
    people = population_of(wanted, rater_sd=0.6, image_sd=0.8)
    assert expected_shares(people, seed=5) == pytest.approx(wanted, abs=0.005)
    alike = population_of(wanted)
    assert np.exp(alike.preferences) / np.exp(alike.preferences).sum() == pytest.approx(wanted)


@pytest.mark.parametrize(("rater_sd", "image_sd"), [(0.0, 0.0), (0.5, 0.7), (0.0, 1.0)])
def test_equal_methods_are_seldom_told_apart(
    make_design: Make, rater_sd: float, image_sd: float
) -> None:
    shown, generator = shown_by(paper(make_design, 5)), np.random.default_rng(1)
    people = Population(preferences=(0.0,) * 5, rater_sd=rater_sd, image_sd=image_sd)
    p = np.array([p_values(answer(shown, people, generator)) for _ in range(100)])
    # 1,000 tests at 5 %, correlated in tens; as if 100 were independent, three deviations above.
    assert (p < 0.05).mean() < 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5
    assert np.mean([(holm(row) < 0.05).any() for row in p]) <= 0.12


def test_with_one_vote_per_rater_and_image_it_is_students_t() -> None:
    chosen = np.array([0] * 30 + [1] * 12 + [2] * 8)
    given = Ballots(
        methods=("a", "b", "c"),
        raters=50,
        images=50,
        rater=np.arange(50),
        image=np.arange(50),
        shown=np.ones((50, 3), dtype=np.bool_),
        chosen=chosen,
        place=np.zeros(50, dtype=np.int64),
    )
    from scipy import stats

    scores = [1.0] * 30 + [-1.0] * 12 + [0.0] * 8
    assert p_values(given)[0] == pytest.approx(stats.ttest_1samp(scores, 0).pvalue)


def test_unanimous_votes_are_as_sure_as_their_clusters(make_design: Make) -> None:
    shown = shown_by(paper(make_design, 5, raters=10))
    given = answer(shown, Population(preferences=(99.0, 0, 0, 0, 0)), np.random.default_rng(0))
    assert p_values(given)[:4] == pytest.approx([2.0**-9] * 4)
    assert p_values(given)[4:] == pytest.approx([1.0] * 6)


def test_few_raters_have_no_intervals_and_say_so(make_design: Make) -> None:
    (found,) = studies(paper(make_design, 5, raters=3), Population(preferences=(0.0,) * 5), 1)
    assert all(one.interval is None for one in found.methods)
    assert "these need 5 of each" in found.notes[0]


def test_the_same_votes_give_the_same_numbers(make_design: Make) -> None:
    one, two = (
        studies(paper(make_design, 3, raters=10), Population(preferences=(0.5, 0, 0, 0, 0)), 1)[0]
        for _ in range(2)
    )
    assert one == two


def test_a_place_that_is_favoured_shows(make_design: Make) -> None:
    shown = shown_by(paper(make_design, 5))
    given = answer(shown, Population(preferences=(0.0,) * 5), np.random.default_rng(0))
    from dataclasses import replace

    lazy = replace(given, place=np.where(np.arange(given.n) % 3 == 0, 0, given.place))
    assert analyse(given, ABOUT).places.p > 0.001
    assert analyse(lazy, ABOUT).places.p < 1e-6


def test_a_method_without_votes_is_said_and_takes_nothing_from_the_others(
    make_design: Make,
) -> None:
    people = Population(preferences=(0.8, 0.2, 0.0, -0.2, -60.0))
    (found,) = studies(paper(make_design, 5), people, 1)
    *others, last = found.methods
    assert (last.method, last.votes) == ("e", 0)
    assert last.interval is None and last.strength is None and last.strength_interval is None
    assert 0 < last.wilson[1] < 0.01
    assert all(one.interval and one.strength_interval for one in others)
    assert sum(one.strength or 0 for one in others) == pytest.approx(0)
    assert "Never chosen: T." in found.notes[0]
