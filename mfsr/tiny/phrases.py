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

    def __init__(self, vocabulary: Sequence[str], *, width: int, pooled: int, length: int) -> None:
        super().__init__()
        self.vocabulary = {phrase: index for index, phrase in enumerate(vocabulary, start=1)}
        self.length = length
        self.tokens = nn.Embedding(len(vocabulary) + 1, width)  # row 0: no phrase
        self.pooled = nn.Embedding(len(vocabulary) + 1, pooled)

    def embed(self, prompts: Sequence[str]) -> Text:
        """Return the vectors of the phrases, completed by row 0, and their mean."""
        rows = [self._rows(prompt) for prompt in prompts]
        index = torch.tensor(
            [row + [0] * (self.length - len(row)) for row in rows],
            device=self.tokens.weight.device,
        )
        means = [self.pooled.weight[row or [0]].mean(0) for row in rows]
        return self.tokens(index), torch.stack(means)

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
        if len(phrases) > self.length:
            raise ConfigError(f"A prompt has at most {self.length} phrases, not {len(phrases)}.")
        return [self.vocabulary[phrase] for phrase in phrases]
