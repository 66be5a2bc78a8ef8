"""DiT4SR's filter of captions: sentences about focus, blur and places in the image are dropped."""

from __future__ import annotations

import re

# DiT4SR's: a sentence of a caption that holds one of these, anywhere and in any case, is dropped.
_UNWANTED = (
    *("focus", "focal", "prominent", "close-up", "black and white"),
    *("blur", "depth", "dense", "locate", "position"),
)


def drop_focus_sentences(caption: str) -> str:
    """Return a caption without its sentences about focus, blur and places in the image.

    >>> drop_focus_sentences("A cat. The background is blurred. Is it asleep?")
    'A cat. Is it asleep?'
    """
    sentences = re.findall(r"[^.?!]*[.?!]|[^.?!]+$", caption)
    return "".join(s for s in sentences if not any(w in s.lower() for w in _UNWANTED)).strip()
