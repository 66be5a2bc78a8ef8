from __future__ import annotations

import json

import pytest

from benchmarks.api.errors import ConfigError
from mfsr.bundle import ModelConfig
from mfsr.config import differences, from_json, override, to_json
from mfsr.training.recipes import RECIPES, Recipe, recipe


@pytest.mark.parametrize("key", RECIPES, ids=" ".join)
def test_every_recipe_survives_json(key: tuple[str, str]) -> None:
    made = RECIPES[key]()  # type: ignore[index]
    plain = json.loads(json.dumps(to_json(made)))
    assert from_json(Recipe, plain, where="recipe") == made


def test_an_unknown_key_is_named_with_its_neighbour() -> None:
    with pytest.raises(
        ConfigError, match=r"model: unknown key 'guidence'\. Did you mean 'guidance'"
    ):
        from_json(ModelConfig, {"guidence": 2.0}, where="model")


def test_a_wrong_type_is_named() -> None:
    with pytest.raises(ConfigError, match="model: tile is 'wide', not a int"):
        from_json(ModelConfig, {"tile": "wide"}, where="model")
    with pytest.raises(ConfigError, match="schema 9"):
        from_json(ModelConfig, {"schema": 9}, where="model")


def test_differences_are_dotted_keys() -> None:
    one = {"a": {"b": 1, "c": 2}, "d": 3}
    assert differences(one, {"a": {"b": 1, "c": 5}, "d": 3}) == ["a.c"]
    assert differences(one, {"a": {"b": 1, "c": 2}}) == ["d"]


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ConfigError, match="No recipe 'huge'"):
        recipe("mfsr", "huge")


def test_recipes_are_changed_by_dotted_keys() -> None:
    made = recipe("mfsr", "tiny")
    changed = override(
        made, ["distil.velocity=null", "distil.w=2", "trainer.batch=4"], where="recipe"
    )
    assert differences(to_json(made), to_json(changed)) == [
        "distil.velocity",
        "distil.w",
        "trainer.batch",
    ]
    assert changed.distil.w == 2.0 and changed.trainer.batch == 4
    assert override(made, [], where="recipe") == made


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("distil.prob_equal", "not an assignment"),
        ("distil.prob_equals=0.5", "has no 'distil.prob_equals'"),
        ("distil.w.deep=1", "has no 'distil.w.deep'"),
        ("trainer=4", "trainer is not an object"),
        ("trainer.batch=many", "batch is 'many', not a int"),
        ("distil.velocity=warp", "velocity is 'warp'; legal: negative, null"),
        ("distil.prob_equal=1.5", "not a probability"),
    ],
)
def test_changes_that_do_not_fit_are_refused(change: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        override(recipe("mfsr", "tiny"), [change], where="recipe")
