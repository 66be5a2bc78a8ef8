"""The small models' text conditioning: a table of phrases in the place of text encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from baselines.sd3.text import Text, TextEmbedder
from benchmarks.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


class PhraseTable(nn.Module, TextEmbedder):
    """A learned vector per phrase: the small models' text encoders.

    A prompt is phrases separated by commas; the empty prompt is the null prompt.
    """

    def __init__(self, vocabulary: Sequence[str], *, pooled: int) -> None:
        super().__init__()
        self.vocabulary = {phrase: index for index, phrase in enumerate(vocabulary, start=1)}
        self.pooled = nn.Embedding(len(vocabulary) + 1, pooled)  # row 0: no phrase

    def embed(self, prompts: Sequence[str]) -> Text:
        """Return the mean of each prompt's vectors, as its one token and as its pooled text."""
        rows = [self._rows(prompt) for prompt in prompts]
        means = torch.stack([self.pooled.weight[row or [0]].mean(0) for row in rows])
        return means[:, None], means

    def forward(self, prompts: Sequence[str]) -> Text:
        """Return what `embed` returns."""
        return self.embed(prompts)

    def _rows(self, prompt: str) -> list[int]:
        phrases = [part.strip(" .") for part in prompt.lower().split(",")]
        phrases = [phrase for phrase in phrases if phrase]
        unknown = [phrase for phrase in phrases if phrase not in self.vocabulary]
        if unknown:
            raise ConfigError(
                f"The small models do not know the phrase {unknown[0]!r}.",
                f"Known: {', '.join(self.vocabulary)}",
            )
        return [self.vocabulary[phrase] for phrase in phrases]
