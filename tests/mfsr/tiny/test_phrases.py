from __future__ import annotations

import pytest
import torch

from benchmarks.api.errors import ConfigError
from mfsr.tiny.phrases import PhraseTable
from mfsr.tiny.prompts import NEGATIVE, POSITIVE, VOCABULARY


def table() -> PhraseTable:
    torch.manual_seed(0)
    return PhraseTable(VOCABULARY, pooled=4)


def test_a_prompt_becomes_the_mean_of_its_phrases_vectors() -> None:
    words = table()
    text, pooled = words.embed([POSITIVE, "", NEGATIVE])
    assert text.shape == (3, 1, 4) and torch.equal(text[:, 0], pooled)
    rows = words.pooled.weight
    torch.testing.assert_close(pooled, torch.stack([rows[1:4].mean(0), rows[0], rows[4:8].mean(0)]))
    assert torch.equal(words.embed(["Blur,  oversmooth."])[1], words.embed(["blur, oversmooth"])[1])


def test_an_unknown_phrase_is_refused() -> None:
    with pytest.raises(ConfigError, match="'a cat'"):
        table().embed(["sharp, a cat"])
