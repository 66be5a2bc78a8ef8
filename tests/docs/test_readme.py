"""The README says what the cards say: its tables are written from them (`nox -s golden`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.api.card import MethodCard

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def methods_table() -> str:
    lines = ["| method | title | steps | base model | licence |", "|---|---|---|---|---|"]
    for name in registry.entries("restorers"):
        card = registry.restorer(name).card
        title = ", ".join(filter(None, (card.title, card.paper.venue if card.paper else "")))
        lines.append(
            f"| `{name}` | {title} | {steps(card)} | {card.base_model or '-'} | {card.licence} |"
        )
    return "\n".join(lines)


def steps(card: MethodCard) -> str:
    if card.default_steps is None:
        return "-"
    if card.legal_steps is None:
        least = f"{card.least_steps} and more" if card.least_steps > 1 else "any"
        return f"{card.default_steps}, or {least}"
    return ", ".join(map(str, card.legal_steps))


def datasets_table() -> str:
    lines = ["| data set | images | reference | licence |", "|---|---|---|---|"]
    for card in registry.dataset_cards().values():
        reference = "yes" if card.has_reference else "no"
        lines.append(f"| `{card.id}` | {card.n} | {reference} | {card.licence} |")
    return "\n".join(lines)


TABLES = {"methods": methods_table, "datasets": datasets_table}


@pytest.mark.golden
@pytest.mark.parametrize("name", list(TABLES))
def test_a_generated_table_is_up_to_date(name: str, write_golden: bool) -> None:
    text = README.read_text(encoding="utf-8")
    between = re.compile(f"(<!-- {name}: generated -->\n)(.*?)(<!-- end -->)", re.DOTALL)
    found = between.search(text)
    assert found, f"README.md has no place for the table of {name}"
    expected = TABLES[name]() + "\n"
    if write_golden:
        README.write_text(between.sub(rf"\g<1>{expected}\g<3>", text), encoding="utf-8")
        return
    assert found[2] == expected, "the cards have changed: run nox -s golden"


def test_the_tree_names_what_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = text.split("<!-- tree -->")[1].split("```")[1]
    named = set(re.findall(r"^(\w[\w./]*)\s", tree, re.MULTILINE))
    there = {
        str(path.relative_to(ROOT))
        for package in ("benchmarks", "mfsr", "baselines", "reports")
        for path in [ROOT / package, *(ROOT / package).iterdir()]
        if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("__")
    }
    assert there <= named, f"not in CONTRIBUTING's tree: {sorted(there - named)}"
    assert {name for name in named if "/" in name} <= there


def test_links_lead_somewhere() -> None:
    for document in [README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"
