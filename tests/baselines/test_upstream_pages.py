"""The pages on where rivals come from say what the cards say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import registry

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("room", "names"),
    [
        ("resshift", ["resshift", "resshift-v2", "resshift-v3", "sinsr", "sinsr-v2"]),
        ("ctmsr", ["ctmsr"]),
    ],
)
def test_page_and_bibliography(room, names):
    page = (ROOT / "baselines" / room / "UPSTREAM.md").read_text()
    references = (ROOT / "docs" / "references.bib").read_text()
    for card in (registry.restorer(name).card for name in names):
        assert card.upstream.commit in page
        assert card.upstream.repo in page
        assert f"{{{card.paper.bibkey}," in references
        assert all(f"`{file.name}`" in page for file in card.weights)
