"""One HTML file out of a template, styles, scripts and data: nothing in it is fetched from outside.

Styles and scripts are written into the file and allowed by their hashes, so that the page works
from disk, where browsers give a file no origin of its own. Whatever text came from a user is data:
scripts put it into the page as text, never as markup, which the page's policy enforces.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from types import MappingProxyType
from typing import Any

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def asset(name: str) -> str:
    """Return the text of an asset, named `package:file`."""
    package, _, file = name.partition(":")
    return resources.files(package).joinpath("assets", file).read_text("utf-8")


def document(
    template: str,
    *,
    title: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    data: Any,
    connect: bool = False,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return a page.

    Args:
        template: asset with the places `{{title}}`, `{{policy}}`, `{{style}}`, `{{data}}` and
            `{{script}}`.
        title: of the page, as plain text.
        styles: assets, in order.
        scripts: assets, in order; they share one scope of their own.
        data: what the scripts find in the element `data`; plain JSON, without NaN.
        connect: whether the page may talk to the server that it came from.
        texts: plain text for further places of the template.
    """
    style = "\n".join(map(asset, styles))
    script = _scope("\n".join(map(asset, scripts)))
    places = {
        **{name: escape(text) for name, text in texts.items()},
        "title": escape(title),
        "policy": _policy(style, script, connect=connect),
        "style": style,
        "script": script,
        "data": _embedded(data),
    }
    return _PLACE.sub(lambda place: places[place[1]], asset(template))


def _scope(script: str) -> str:
    return f'(() => {{\n"use strict";\n{script}\n}})();'


def _policy(style: str, script: str, *, connect: bool) -> str:
    talk = "'self'" if connect else "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            "img-src 'self' file:",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            f"connect-src {talk}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _embedded(data: Any) -> str:
    """Return JSON that cannot end the element it is in: ASCII, and no character of markup."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
