"""What is typed becomes a method, or an error that says what to type."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import fakes
import pytest

from benchmarks import methods, registry, requirements
from benchmarks.api.card import MethodOption, WeightFile
from benchmarks.api.errors import ConfigError, UnknownNameError, UsageError


@pytest.fixture(autouse=True)
def _one_rich_method(monkeypatch: pytest.MonkeyPatch) -> None:
    card = replace(
        fakes.Fake.card,
        default_steps=4,
        legal_steps=(1, 4, 8),
        dtypes=("bf16", "fp32"),
        options=(
            MethodOption(name="variant", default="q", choices=("q", "f"), help=""),
            MethodOption(name="guidance", default="8", help=""),
        ),
        quirks=("upstream truncates",),
    )
    monkeypatch.setattr(fakes.Fake, "card", card)
    real = registry.restorer
    monkeypatch.setattr(
        registry, "restorer", lambda name: fakes.Fake if name == "fake" else real(name)
    )


@pytest.mark.parametrize(
    ("text", "key", "title"),
    [
        ("fake", "fake@4", "Fake-4s"),
        ("fake@8", "fake@8", "Fake-8s"),
        ("fake+variant=q", "fake@4", "Fake-4s"),
        ("fake@1+variant=f", "fake@1+variant=f", "Fake-1s +variant=f"),
        ("fake+variant=f+guidance=6", "fake@4+guidance=6+variant=f", None),
        ("fake+guidance=6+variant=f", "fake@4+guidance=6+variant=f", None),
        ("fake+dtype=bf16", "fake@4", "Fake-4s"),
        ("fake+dtype=fp32", "fake@4+dtype=fp32", "Fake-4s +dtype=fp32"),
        ("fake+mended", "fake@4+mended", "Fake-4s +mended"),
        ("bicubic", "bicubic", "Bicubic"),
    ],
)
def test_keys_and_titles(text: str, key: str, title: str | None) -> None:
    method = methods.resolve(text)
    assert method.key == key
    assert title is None or method.title == title


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("bicubc", UnknownNameError, "'bicubic'"),
        ("fake@", UsageError, "not a number"),
        ("fake@two", UsageError, "not a number"),
        ("fake@" + "9" * 5000, UsageError, "not a number up to 9999"),
        ("fake@999999999999", UsageError, "not a number up to 9999"),
        ("fake@3", ConfigError, "legal: 1, 4, 8"),
        ("bicubic@2", ConfigError, "no sampling steps"),
        ("fake+varient=f", UnknownNameError, "'variant'"),
        ("fake+variant=z", UnknownNameError, "value"),
        ("fake+variant=f+variant=q", UsageError, "once"),
        ("fake+dtype=fp16", ConfigError, "bf16, fp32"),
        ("fake+mended=maybe", ConfigError, "true or false"),
        ("fake+faithful", ConfigError, "is the default"),
        ("bicubic+mended", ConfigError, "no upstream quirks"),
        ("bicubic:x", UsageError, "takes no argument"),
    ],
)
def test_bad_specs(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        methods.resolve(text)


def test_global_wishes_apply_where_the_card_allows_them() -> None:
    base = methods.Wishes(dtype="fp32", mended=True, device="cuda:1")
    assert methods.resolve("fake", base).key == "fake@4+dtype=fp32+mended"
    assert methods.resolve("fake+mended=false", base).key == "fake@4+dtype=fp32"
    bicubic = methods.resolve("bicubic", base)
    assert bicubic.key == "bicubic"
    assert bicubic.runtime.device == "cuda:1"


def test_equal_rows_are_one_and_equal_titles_show_their_keys(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    found = methods.resolve_all(["fake", "fake@4", "bicubic", f"precomputed:Bicubic={folder}"])
    assert [method.key for method in found] == ["fake@4", "bicubic", "precomputed:bicubic"]
    assert [method.title for method in found] == [
        "Fake-4s",
        "Bicubic (bicubic)",
        "Bicubic (precomputed:bicubic)",
    ]


def test_two_folders_under_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match="different names"):
        methods.resolve_all([f"precomputed:X={tmp_path}/a", f"precomputed:X={tmp_path}/b"])


def test_methods_pickle_and_identify_themselves() -> None:
    method = methods.resolve("fake@8+variant=f")
    assert pickle.loads(pickle.dumps(method)) == method
    identity = method.identity({"a.pth": "00"})
    assert identity["steps"] == 8
    assert identity["options"] == {"variant": "f"}
    assert identity["dtype"] == "bf16"
    assert identity["card"]["name"] == "fake"


def test_only_the_weights_of_the_chosen_options_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ("https://example.org/w",)
    weights = tuple(
        WeightFile(name=name, licence="MIT", urls=urls, only_with=only)
        for name, only in (("always", ""), ("q", "variant=q"), ("f", "variant=f"))
    )
    monkeypatch.setattr(fakes.Fake, "card", replace(fakes.Fake.card, weights=weights))
    chosen = {
        text: [weight.name for weight in methods.resolve(text).card.weights]
        for text in ("fake", "fake+variant=f")
    }
    assert chosen == {"fake": ["always", "q"], "fake+variant=f": ["always", "f"]}
    only = {"restorers": {"fake": None}}
    monkeypatch.setattr(registry, "entries", lambda group: only.get(group, {}))
    for name, needed in (("fake", ["always", "q"]), ("fake+variant=f", ["always", "f"])):
        found = requirements.of_names([name])
        assert [need.weight.name for need in found] == needed


def test_what_a_row_is_says_whether_it_is_its_authors_program() -> None:
    facts = {
        text: methods.resolve(text).identity({}) for text in ("fake", "fake+mended", "bicubic")
    }
    assert [facts[text]["faithful"] for text in facts] == [True, False, False]


def test_options_stand_before_the_argument() -> None:
    spec = methods.parse("spandrel+tile=256+dtype=fp16:models/4x+a@2.pth")
    assert (spec.name, spec.argument) == ("spandrel", "models/4x+a@2.pth")
    assert spec.options == {"tile": "256", "dtype": "fp16"}
