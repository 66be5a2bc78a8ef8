"""A stock layer that is followed by a second transformer, which looks at something else.

SeeSR and AddSR put one behind each text transformer, to look at the tagger's image embedding; PASD
puts one behind each layer of the decoder, to look at the ControlNet's residual of the same skip.
The first layer's result is the second one's input: nothing is gated, nothing is summed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from diffusers import Transformer2DModel
from torch import Tensor, nn

Context = Callable[[], Tensor]  # (B, n, C): what the next second transformer looks at


class Followed(nn.Module):
    """A resnet or transformer, then a transformer with another context."""

    def __init__(self, first: nn.Module, second: nn.Module, context: Context) -> None:
        super().__init__()
        self.first, self.second = first, second
        self._context = context

    def forward(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Tensor | tuple[Tensor]:
        """Return what the first layer would, as a tensor or in a tuple."""
        found = self.first(hidden, *args, **kwargs)
        hidden = found[0] if isinstance(found, tuple) else found
        context = self._context()
        hidden = self.second(hidden, encoder_hidden_states=context, return_dict=False)[0]
        return (hidden,) if isinstance(found, tuple) else hidden


def follow(layers: nn.ModuleList, index: int, second: nn.Module, context: Context) -> None:
    """Put `second` behind one of a block's layers, in place."""
    layers[index] = Followed(layers[index], second, context)


def like(text: Transformer2DModel, width: int) -> Transformer2DModel:
    """Return a transformer of the shape of `text`, for contexts of another width."""
    config = dict(text.config) | {"cross_attention_dim": width}
    return Transformer2DModel(**{k: v for k, v in config.items() if not k.startswith("_")})


def attention_layers(network: Any) -> Iterator[nn.ModuleList]:
    """Yield the lists of text transformers of a stock U-Net or ControlNet."""
    blocks = [*network.down_blocks, network.mid_block, *getattr(network, "up_blocks", ())]
    yield from (block.attentions for block in blocks if hasattr(block, "attentions"))
