"""Bradley-Terry and Plackett-Luce."""

from __future__ import annotations

import numpy as np
import pytest

from reports.study.ballots import Ballots, counts
from reports.study.simulation import Population, Shown, answer
from reports.study.strengths import refits, strengths


def votes(preferences: tuple[float, ...], shown: int, n: int = 400, seed: int = 0) -> Ballots:
    generator = np.random.default_rng(seed)
    k = len(preferences)
    order = np.array([generator.permutation(k)[:shown] for _ in range(n)])
    trials = Shown(
        methods=tuple(map(str, range(k))),
        raters=20,
        images=20,
        rater=np.arange(n) % 20,
        image=np.arange(n) // 20,
        order=order,
    )
    return answer(trials, Population(preferences=preferences), generator)


def test_all_shown_gives_the_logarithms_of_the_shares() -> None:
    given = votes((1.0, 0.0, -0.5, -0.5), shown=4)
    log = np.log(np.bincount(given.chosen) / given.n)
    assert strengths(given) == pytest.approx(log - log.mean(), abs=1e-5)


@pytest.mark.parametrize("shown", [2, 3])
def test_at_the_maximum_votes_are_as_many_as_expected(shown: int) -> None:
    # The score equations of Luce's model, summed vote by vote.
    given = votes((1.0, 0.2, -0.4, -0.8), shown=shown)
    found = strengths(given)
    assert found is not None
    odds = np.exp(found) * given.shown
    expected = (odds / odds.sum(axis=1, keepdims=True)).sum(axis=0)
    assert expected == pytest.approx(np.bincount(given.chosen, minlength=4), abs=1e-3)


@pytest.mark.parametrize("shown", [2, 3, 4])
def test_refits_of_the_votes_themselves_find_what_choix_finds(shown: int) -> None:
    given = votes((1.0, 0.2, -0.4, -0.8), shown=shown)
    blocks, _ = given.blocks()
    (refit,) = refits(counts(given)[None], blocks, np.zeros(4))
    assert refit == pytest.approx(strengths(given), abs=1e-4)


def test_refits_are_finite_where_nobody_chose_a_method() -> None:
    counts_ = np.array([[[30.0, 10, 0]], [[0, 0, 0]]])
    never, nothing = refits(counts_, np.ones((1, 3), dtype=np.bool_), np.zeros(3))
    assert np.isfinite(never).all() and never[2] < -4 < never[1]
    assert nothing == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("shown", [2, 3])
def test_what_was_never_chosen_has_no_strength_and_takes_none_from_the_others(shown: int) -> None:
    given = votes((0.5, 0.0, -0.5, -50.0), shown=shown)
    found = strengths(given)
    assert found is not None and np.isnan(found[3])
    blocks, _ = given.blocks()
    (nearly,) = refits(counts(given)[None], blocks, np.zeros(4))  # finite by its penalty
    assert nearly[:3] - nearly[:3].mean() == pytest.approx(found[:3], abs=2e-2)
    (refit,) = refits(counts(given)[None], blocks, found)
    assert np.isnan(refit[3]) and refit[:3] == pytest.approx(found[:3], abs=1e-4)


def test_of_a_method_that_is_always_chosen_nothing_can_be_said() -> None:
    assert strengths(votes((50.0, 0.0, 0.0), shown=3)) is None


def test_methods_that_win_over_the_never_chosen_alone_have_no_strength_either() -> None:
    given = votes((60.0, 0.0, -60.0, 60.0), shown=2)  # c loses always, b wins over c alone
    found = strengths(given)
    assert found is not None
    assert np.isfinite(found).tolist() == [True, False, False, True]
