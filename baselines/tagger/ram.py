"""RAM (Zhang et al., CVPR 2024 Workshops), the part that tags: image in, logits of all tags out.

Each tag is a query, its frozen text embedding; two layers let the queries look at the image's
tokens; one linear layer scores each query.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.tagger.swin import Swin, SwinConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RAMConfig:
    """Size of the tagger; the default is `ram_swin_large_14m`."""

    vision: SwinConfig = field(default_factory=SwinConfig)
    tags: int = 4585
    text_width: int = 512  # of the tags' embeddings and of the projected image tokens
    width: int = 768
    heads: int = 4
    layers: int = 2
    hidden: int = 3072


class RAM(nn.Module):
    """Images (B, 3, S, S), normalised -> logits (B, tags)."""

    def __init__(self, config: RAMConfig) -> None:
        super().__init__()
        self.visual_encoder = Swin(config.vision)
        self.image_proj = nn.Linear(config.vision.width, config.text_width)
        self.label_embed = nn.Parameter(torch.zeros(config.tags, config.text_width))
        self.wordvec_proj = nn.Linear(config.text_width, config.width)
        self.tagging_head = _Head(config)
        self.fc = nn.Linear(config.width, 1)

    def encode(self, image: Tensor) -> Tensor:
        """Return the image's tokens (B, 1 + n, text_width)."""
        tokens: Tensor = self.image_proj(self.visual_encoder(image))
        return tokens

    def forward(self, image: Tensor) -> Tensor:
        """Score all tags."""
        tokens = self.encode(image)
        queries = F.relu(self.wordvec_proj(self.label_embed)).expand(len(tokens), -1, -1)
        logits: Tensor = self.fc(self.tagging_head(queries, tokens)).squeeze(-1)
        return logits


# The nesting below is that of the checkpoint's keys: it was a BERT once.


class _Head(nn.Module):
    def __init__(self, config: RAMConfig) -> None:
        super().__init__()
        layers = (_Layer(config) for _ in range(config.layers))
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        for layer in self.encoder["layer"].children():
            queries = layer(queries, tokens)
        return queries


class _Layer(nn.Module):
    """Cross-attention and feed-forward, each added to its input and normalised after."""

    def __init__(self, config: RAMConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.hidden
        attention = _CrossAttention(width, config.text_width, config.heads)
        self.crossattention = nn.ModuleDict({"self": attention, "output": _AddNorm(width, width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, hidden)})
        self.output = _AddNorm(hidden, width)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        attended = self.crossattention["self"](queries, tokens)
        queries = self.crossattention["output"](attended, queries)
        mixed: Tensor = self.output(F.gelu(self.intermediate["dense"](queries)), queries)
        return mixed


class _CrossAttention(nn.Module):
    def __init__(self, width: int, source_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(source_width, width)
        self.value = nn.Linear(source_width, width)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        q, k, v = (
            projected.reshape(*projected.shape[:2], self.heads, -1).transpose(1, 2)
            for projected in (self.query(queries), self.key(tokens), self.value(tokens))
        )
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class _AddNorm(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        normalised: Tensor = self.LayerNorm(self.dense(x) + residual)
        return normalised
