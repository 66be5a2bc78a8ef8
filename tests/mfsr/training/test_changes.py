from __future__ import annotations

import json

import pytest

from benchmarks.api import documents
from benchmarks.api.errors import ConfigError
from mfsr.bundle import ModelConfig
from mfsr.training.changes import differences, override
from mfsr.training.recipes import RECIPES, Recipe, recipe


@pytest.mark.parametrize("key", RECIPES, ids=" ".join)
def test_every_recipe_survives_json(key: tuple[str, str]) -> None:
    made = RECIPES[key]()  # type: ignore[index]
    plain = json.loads(json.dumps(documents.to_plain(made)))
    assert documents.check(Recipe, plain, where="recipe") == made


def test_an_unknown_key_is_named_with_its_neighbour() -> None:
    with pytest.raises(
        ConfigError, match=r"model: unknown key 'guidence'\. Did you mean 'guidance'\?"
    ):
        documents.check(ModelConfig, {"guidence": 2.0}, where="model")


def test_a_wrong_type_is_named() -> None:
    with pytest.raises(ConfigError, match='model: tile is "wide"; it should be a valid integer'):
        documents.check(ModelConfig, {"tile": "wide"}, where="model")
    with pytest.raises(ConfigError, match="schema 9"):
        documents.check(ModelConfig, {"schema": 9}, where="model")


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
    assert differences(documents.to_plain(made), documents.to_plain(changed)) == [
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
        ("trainer.betas=[0.9]", r"'trainer.betas\[1\]' is missing"),
        ("trainer.betas=[0.9,0.99,0.999]", "at most 2 items"),
        ("trainer.betas=0.9", "trainer.betas is 0.9; it should be a valid array"),
        ("trainer.betas=[0.9,1.5]", r"trainer.betas\[1\] is 1.5; it should be less than 1"),
        ("trainer.batch=[4]", r"trainer.batch is \[4\]"),
        ("trainer.batch=true", "trainer.batch is true"),
        ("trainer.batch=2.5", "trainer.batch is 2.5"),
        ("trainer.learning_rate=NaN", "a finite number"),
        ("trainer.gradient_checkpointing=1", "it should be a valid boolean"),
        ("model.text.vocabulary=sharp", 'model.text.vocabulary is "sharp"'),
        ("data.null_share=2", "data.null_share is 2; it should be less than or equal to 1"),
        ("distil.huber_c=small", 'distil.huber_c is "small"'),
        ("distil.w=" + "[" * 3000, "distil.w is "),
        ("trainer=4", "trainer is 4; it should be an object"),
        ("trainer.batch=many", 'trainer.batch is "many"; it should be a valid integer'),
        ("distil.velocity=warp", "velocity is \"warp\"; it should be 'negative', 'null'"),
        ("distil.prob_equal=1.5", "distil.prob_equal is 1.5; it should be less than or equal to 1"),
    ],
)
def test_changes_that_do_not_fit_are_refused(change: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        override(recipe("mfsr", "tiny"), [change], where="recipe")
