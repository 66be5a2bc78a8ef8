from __future__ import annotations

import re
from pathlib import Path

import pytest

from baselines.osediff.restorer import OSEDiff
from baselines.s3diff.restorer import S3Diff
from baselines.tagger.extractor import DAPETags, RAMTags
from benchmarks.api.card import MethodCard
from benchmarks.api.prompts import PromptCard

ROOT = Path(__file__).parents[2]
CARDS = {
    "osediff": OSEDiff.card,
    "s3diff": S3Diff.card,
    "tagger/ram": RAMTags.card,
    "tagger/dape": DAPETags.card,
}


@pytest.mark.parametrize("room", CARDS)
def test_the_page_of_a_room_says_what_its_card_says(room: str) -> None:
    card: MethodCard | PromptCard = CARDS[room]
    page = (ROOT / "baselines" / room.partition("/")[0] / "UPSTREAM.md").read_text()
    assert card.upstream
    assert card.upstream.commit in page
    assert card.upstream.repo in page
    for weight in card.weights:
        if weight.name.endswith((".pkl", ".pth")):
            assert weight.name in page


@pytest.mark.parametrize("room", CARDS)
def test_the_paper_is_in_the_bibliography(room: str) -> None:
    paper = CARDS[room].paper
    assert paper
    entries = (ROOT / "docs/references.bib").read_text()
    (entry,) = re.findall(rf"@\w+{{{paper.bibkey},.*?\n}}", entries, re.DOTALL)
    title = re.search(r"title\s*= {(.*)},", entry)
    assert title
    assert re.sub("[{}]", "", title.group(1)) == paper.title
