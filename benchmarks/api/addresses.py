"""Where files are asked for: at their own addresses, or at a mirror that a site keeps.

`MFSR_BENCH_MIRROR` names a server that has `https://<host>/<path>` at `<mirror>/<host>/<path>`. The
hub's own variable is `HF_ENDPOINT`, the package index's `PIP_INDEX_URL`.
"""

from __future__ import annotations

import os
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

_DRIVE = "drive.google.com"


def address(url: str) -> str:
    """Return where to ask for what is published at `url`."""
    mirror = os.environ.get("MFSR_BENCH_MIRROR", "").rstrip("/")
    return f"{mirror}/{url.partition('://')[2]}" if mirror else url


def is_drive(url: str) -> bool:
    """Return whether a page may come from `url` that asks to confirm a large download."""
    return urlsplit(url).hostname == _DRIVE


def confirmed(page: str) -> str | None:
    """Return the address behind a drive's page "too large to scan for viruses", or None."""
    form = _Form()
    form.feed(page)
    if not form.action.startswith("http") or "id" not in form.fields:
        return None
    return f"{form.action}?{urlencode(form.fields)}"


class _Form(HTMLParser):
    """Reads the page's one form: where it leads, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == "download-form":
            self.action = given.get("action", "")
        elif tag == "input" and self.action and given.get("type") == "hidden":
            self.fields[given.get("name", "")] = given.get("value", "")
