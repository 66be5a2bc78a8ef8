"""What raters are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations

import pytest

from benchmarks.api.errors import ConfigError
from reports.study.design import BLURRED, StudyDesign, Trial, assignment, raters

Make = Callable[..., StudyDesign]


def every(design: StudyDesign) -> list[Trial]:
    return [trial for rater in raters(design) for trial in assignment(design, rater)]


def test_every_rater_sees_every_image_once_and_the_checks(make_design: Make) -> None:
    design = make_design()
    for rater in raters(design):
        trials = assignment(design, rater)
        kinds = Counter(trial.kind for trial in trials)
        assert kinds == {"rated": 8, "repeat": 2, "obvious": 2}
        assert {t.image for t in trials if t.kind == "rated"} == set(design.images)
        assert [trial.id for trial in trials] == [f"t{n:02}" for n in range(1, 13)]


def test_repeats_come_later_with_places_turned_round(make_design: Make) -> None:
    design = make_design()
    for rater in raters(design):
        trials = {trial.id: trial for trial in assignment(design, rater)}
        for trial in (one for one in trials.values() if one.kind == "repeat"):
            before = trials[trial.repeats]
            assert before.kind == "rated" and before.id < trial.id
            assert before.image == trial.image and before.shown == trial.shown[::-1]


def test_obvious_trials_have_one_sharp_result(make_design: Make) -> None:
    for trial in (one for one in every(make_design()) if one.kind == "obvious"):
        assert sum(not one.startswith(BLURRED) for one in trial.shown) == 1


def test_orders_and_places_differ_by_rater_and_are_even(make_design: Make) -> None:
    design = make_design(raters=200)
    orders = {tuple(t.image for t in assignment(design, rater)) for rater in raters(design)}
    assert len(orders) > 190
    rated = [trial for trial in every(design) if trial.kind == "rated"]
    places = Counter((one, at) for trial in rated for at, one in enumerate(trial.shown))
    expected = len(rated) / 3
    # 1,600 trials: four standard deviations of a binomial with p = 1/3
    assert all(abs(n - expected) < 4 * (len(rated) * 2 / 9) ** 0.5 for n in places.values())


def test_blocks_take_turns_over_raters_and_images(make_design: Make) -> None:
    methods = tuple("abcdefg")
    images = tuple(("d", str(n)) for n in range(7))
    design = make_design(methods=methods, images=images, shown=3, raters=7, repeats=0)
    rated = [trial for trial in every(design) if trial.kind == "rated"]
    pairs = Counter(pair for t in rated for pair in combinations(sorted(t.shown), 2))
    assert len(pairs) == 21 and len(set(pairs.values())) == 1
    for image in images:
        shown = Counter(one for t in rated if t.image == image for one in t.shown)
        assert len(shown) == 7 and len(set(shown.values())) == 1


def test_the_seed_decides(make_design: Make) -> None:
    assert every(make_design(seed=3)) == every(make_design(seed=3))
    assert every(make_design(seed=3)) != every(make_design(seed=4))


def test_more_raters_do_not_change_those_before(make_design: Make) -> None:
    few, many = make_design(raters=5), make_design(raters=50)
    assert assignment(few, "r003") == assignment(many, "r003")


@pytest.mark.parametrize(
    "wrong", [{"shown": 1}, {"shown": 4}, {"per_image": 2}, {"images": ()}, {"repeats": 5}]
)
def test_what_is_no_study_is_refused(make_design: Make, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        make_design(**wrong)
