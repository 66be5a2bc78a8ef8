"""Raters who do not exist: what a packet would hand in for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reports.study.design import BLURRED, Trial, assignment, raters
from reports.study.study import ExclusionRule, Study, Wording

Choice = Callable[[Trial], str]  # of a trial, what is chosen


def a_study(design: Any, **changes: Any) -> Study:
    """A study in memory, without images."""
    images = dict.fromkeys([*design.images, *design.obvious])
    facts: dict[str, Any] = {
        "design": design,
        "wording": Wording(title="T", question="Q?", consent="One.\n\nTwo."),
        "rule": ExclusionRule(),
        "min_seconds": 1.0,
        "titles": {method: method.upper() for method in design.methods},
        "sizes": dict.fromkeys(images, (32, 32)),
        "secret": "5e" * 16,
        "provenance": (),
    }
    return Study(**(facts | changes))


def attentive(preferences: dict[str, float], seed: int) -> Choice:
    """A rater of Luce's model, who sees what is blurred, and repeats a choice when asked again."""
    generator = np.random.default_rng(seed)
    before: dict[Any, str] = {}

    def choose(trial: Trial) -> str:
        key = (trial.image, frozenset(trial.shown))
        sharp = [one for one in trial.shown if not one.startswith(BLURRED)]
        if key not in before:
            odds = np.exp([preferences[one] for one in sharp])
            before[key] = sharp[generator.choice(len(sharp), p=odds / odds.sum())]
        return before[key]

    return choose


def document(study: Study, rater: str, choose: Choice, **changes: Any) -> dict[str, Any]:
    """What is handed in after every trial was answered."""
    number = raters(study.design).index(rater)
    answers = [answer(study, trial, choose(trial)) for trial in assignment(study.design, rater)]
    facts: dict[str, Any] = {
        "schema": 1,
        "study": study.id,
        "rater": rater,
        "session": f"{number:032x}",
        "started": "2026-11-21T10:00:00Z",
        "finished": "2026-11-21T10:05:00Z",
        "code": study.code(rater),
        "screen": {"width": 1280, "height": 800, "ratio": 1},
        "answers": answers,
    }
    return facts | changes


def answer(study: Study, trial: Trial, chosen: str, ms: int = 4000) -> dict[str, Any]:
    """One answer, in blind names."""
    names = {source: study.name(*trial.image, source) for source in trial.shown}
    return {"trial": trial.id, "shown": list(names.values()), "chosen": names[chosen], "ms": ms}


def everybody(study: Study, preferences: dict[str, float], only: Sequence[str] = ()) -> list[Any]:
    """The documents of all raters of a study, who share their preferences."""
    return [
        document(study, rater, attentive(preferences, seed))
        for seed, rater in enumerate(only or raters(study.design))
    ]
