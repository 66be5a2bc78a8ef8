from __future__ import annotations

import pytest
import torch

from benchmarks.api.errors import ConfigError
from mfsr.tiny.phrases import PhraseTable
from mfsr.tiny.prompts import MFSR_NEGATIVE, POSITIVE, VOCABULARY


def table() -> PhraseTable:
    torch.manual_seed(0)
    return PhraseTable(VOCABULARY, width=6, pooled=4, length=12)


def test_phrases_become_their_vectors() -> None:
    words = table()
    text, pooled = words.embed([POSITIVE, "", MFSR_NEGATIVE])
    assert text.shape == (3, 12, 6) and pooled.shape == (3, 4)
    assert torch.equal(text[0, 0], words.tokens.weight[words.vocabulary["sharp"]])
    assert torch.equal(text[1], words.tokens.weight[:1].expand(12, 6))
    torch.testing.assert_close(pooled[2], words.pooled.weight[4:13].mean(0))
    assert torch.equal(words.embed(["Blur,  dirty."])[0], words.embed(["blur, dirty"])[0])


def test_an_unknown_phrase_is_refused() -> None:
    with pytest.raises(ConfigError, match="'a cat'"):
        table().embed(["sharp, a cat"])
