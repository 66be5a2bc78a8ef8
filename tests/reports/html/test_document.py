"""Pages as one file: what comes from users stays data, and nothing comes from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from reports.html.document import document

HOSTILE = "</script><script>alert(1)</script><!-- & {{title}} \u2028 😀"


def page(data: object, title: str = "A page", **options: bool) -> str:
    return document(
        "reports.html:page.html",
        title=title,
        styles=["reports.html:base.css"],
        scripts=["reports.html:dom.js"],
        data=data,
        **options,
    )


class Elements(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", {}, []))

    def handle_data(self, data: str) -> None:
        if self.found:
            self.found[-1][2].append(data)

    def texts(self, tag: str) -> list[str]:
        return ["".join(text) for name, _, text in self.found if name == tag]

    def policy(self) -> dict[str, str]:
        (content,) = (a["content"] for _, a, _ in self.found if "http-equiv" in a)
        assert content is not None
        return dict(part.partition(" ")[::2] for part in content.split("; "))


def test_data_of_any_kind_comes_back_as_it_was_and_adds_no_element() -> None:
    given = {HOSTILE: [HOSTILE, None, 1.5, "{{script}}"]}
    seen = Elements(page(given))
    data, script = seen.texts("script")
    assert json.loads(data) == given
    assert "alert" not in script
    assert [tag for tag, _, _ in seen.found].count("script") == 2


def test_a_title_is_text() -> None:
    (title,) = Elements(page({}, title="</title><b>{{data}}")).texts("title")
    assert title == "</title><b>{{data}}"


def test_the_policy_allows_the_page_itself_and_nothing_else() -> None:
    seen = Elements(page({}))
    policy = seen.policy()
    assert policy["default-src"] == policy["connect-src"] == policy["base-uri"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        digest = hashlib.sha256(seen.texts(tag)[-1].encode()).digest()
        assert policy[rule] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert Elements(page({}, connect=True)).policy()["connect-src"] == "'self'"


def test_nothing_is_fetched_from_outside() -> None:
    text = page({})
    assert not re.findall(
        r"https?:|//[a-z]|@import|url\(|<link|<iframe", text.partition("<script>")[0]
    )
    assert not re.findall(r"""["'`]\s*(?:https?:)?//""", text)


def test_numbers_that_json_has_no_name_for_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        page({"value": float("nan")})
