"""The network: DiT4SR's LR-conditioned MM-DiT, on diffusers' SD3 transformer.

One class serves the teacher (`dit4sr`: releases f, q and r1), the MFSR student and the small
models. Blocks, embeddings and head are diffusers' own; what DiT4SR adds is in this file:

* the LR latent goes through the same patch embedding, and its tokens ride behind the noise tokens;
* every attention gains `to_{q,k,v,out}_control` for the LR tokens (`_LRStreamProcessor`);
* every image feed-forward gains a depthwise convolution from the LR to the noise tokens
  (`_LRFeedForward`).

Parameter names are upstream's. Shapes: B batch, C latent channels, H x W latent size, P patch size,
N = H/P * W/P tokens per stream, D width, T text tokens.

Source: DiT4SR (ICCV 2025) and a reading of its official code, Adam-duan/DiT4SR at 7ec9e5e.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal, Self, cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from baselines.dit4sr.field import Network
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import ConfigError

KeyControl = Literal["noise", "lr"]

_LR_FACTOR = 1.2  # upstream's weight of the convolution's residual, in training and inference alike


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DiTConfig:
    """The shape of a network. The defaults are SD3.5-medium's, on which DiT4SR is built."""

    sample_size: int = 128  # latent size that the position grid is scaled to
    patch_size: int = 2
    in_channels: int = 16
    out_channels: int = 16
    num_layers: int = 24
    num_attention_heads: int = 24
    attention_head_dim: int = 64
    joint_attention_dim: int = 4096  # width of a text token
    caption_projection_dim: int = 1536  # must equal heads * head_dim
    pooled_projection_dim: int = 2048
    pos_embed_max_size: int = 384  # patches per side of the stored position grid
    dual_attention_layers: tuple[int, ...] = tuple(range(13))
    qk_norm: str | None = "rms_norm"
    key_control: KeyControl = "noise"

    def __post_init__(self) -> None:
        if self.caption_projection_dim != self.num_attention_heads * self.attention_head_dim:
            raise ValueError(
                f"caption_projection_dim {self.caption_projection_dim} is not heads * head_dim = "
                f"{self.num_attention_heads * self.attention_head_dim}"
            )


class _TokenGrid:
    """The (rows, columns) of the tokens in flight; set by the network, read by each feed-forward.

    diffusers' blocks hand a feed-forward its tokens alone, and a convolution needs their layout.
    """

    rows: int = 0
    columns: int = 0


class _LRFeedForward(FeedForward):  # type: ignore[misc]  # diffusers is untyped
    """A feed-forward whose hidden LR tokens reach the noise tokens by a depthwise convolution."""

    def __init__(self, width: int, grid: _TokenGrid) -> None:
        super().__init__(dim=width, dim_out=width, activation_fn="gelu-approximate")
        hidden = 4 * width
        self.control_conv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.grid = grid

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return the tokens (B, 2N, D), noise first, after the feed-forward."""
        hidden = self.net[1](self.net[0](hidden_states))  # (B, 2N, 4D)
        noise, lr = hidden.chunk(2, dim=1)
        image = lr.transpose(1, 2).reshape(len(lr), -1, self.grid.rows, self.grid.columns)
        noise = noise + _LR_FACTOR * self.control_conv(image).flatten(2).transpose(1, 2)
        return cast("Tensor", self.net[2](torch.cat([noise, lr], dim=1)))


class _LRStreamProcessor:
    """Joint attention over [noise tokens, LR tokens, text tokens], unmasked.

    The LR stream's projections are stacked on the shared ones: q_c = to_q_control(to_q(c)). Its key
    is where the releases differ, by one line upstream:

    * `key_control="lr"` (r1): k_c = norm_k(to_k_control(to_k(c)));
    * `key_control="noise"` (f, q): k_c = norm_k(norm_k(k_x)), the noise stream's key normalised
      twice; `to_k_control` has then no effect at all.
    """

    def __init__(self, key_control: KeyControl) -> None:
        self.key_control = key_control

    def __call__(
        self,
        attn: Any,  # diffusers' Attention, with the four layers of the LR stream
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return the attended image tokens (B, 2N, D), with the text tokens where there are any."""
        noise, lr = hidden_states.chunk(2, dim=1)
        tokens = noise.shape[1]
        q, k, v = self._noise_and_lr(attn, noise, lr)
        if encoder_hidden_states is not None:
            text_q, text_k, text_v = _text(attn, encoder_hidden_states)
            q, k, v = (torch.cat(pair, dim=2) for pair in ((q, text_q), (k, text_k), (v, text_v)))
        out = F.scaled_dot_product_attention(q, k, v)
        out = out.transpose(1, 2).flatten(2).to(q.dtype)  # (B, 2N [+ T], D)

        noise_out = attn.to_out[1](attn.to_out[0](out[:, :tokens]))
        # The residual is the modulated input of the attention, added before the projection.
        lr_out = attn.to_out_control(out[:, tokens : 2 * tokens] + lr)
        image = torch.cat([noise_out, lr_out], dim=1)
        if encoder_hidden_states is None:
            return image
        text = out[:, 2 * tokens :]
        return image, text if attn.context_pre_only else attn.to_add_out(text)

    def _noise_and_lr(self, attn: Any, noise: Tensor, lr: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q_x = _norm(attn.norm_q, _heads(attn, attn.to_q(noise)))
        k_x = _norm(attn.norm_k, _heads(attn, attn.to_k(noise)))
        v_x = _heads(attn, attn.to_v(noise))
        q_c = _norm(attn.norm_q, _heads(attn, attn.to_q_control(attn.to_q(lr))))
        v_c = _heads(attn, attn.to_v_control(attn.to_v(lr)))
        if self.key_control == "lr" or attn.norm_k is None:
            k_c = _norm(attn.norm_k, _heads(attn, attn.to_k_control(attn.to_k(lr))))
        else:
            k_c = attn.norm_k(k_x)
        return (
            torch.cat([q_x, q_c], dim=2),
            torch.cat([k_x, k_c], dim=2),
            torch.cat([v_x, v_c], dim=2),
        )


def _heads(attn: Any, tokens: Tensor) -> Tensor:
    batch, count, width = tokens.shape
    split = tokens.view(batch, count, attn.heads, width // attn.heads)
    return split.transpose(1, 2)  # (B, heads, N, head_dim)


def _norm(norm: nn.Module | None, heads: Tensor) -> Tensor:
    return heads if norm is None else cast("Tensor", norm(heads))


def _text(attn: Any, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q = _norm(attn.norm_added_q, _heads(attn, attn.add_q_proj(text)))
    k = _norm(attn.norm_added_k, _heads(attn, attn.add_k_proj(text)))
    return q, k, _heads(attn, attn.add_v_proj(text))


class DiT4SR(SD3Transformer2DModel, Network):  # type: ignore[misc]  # diffusers is untyped
    """SD3's transformer with an LR stream: velocity of z at a noise level, given LR and text."""

    # Made by diffusers' constructor.
    pos_embed: Any
    context_embedder: Any
    transformer_blocks: Any
    norm_out: Any
    proj_out: Any
    inner_dim: int

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(  # noqa: PLR0917  # diffusers registers a config by the constructor's own names
        self,
        sample_size: int = 128,
        patch_size: int = 2,
        in_channels: int = 16,
        num_layers: int = 24,
        attention_head_dim: int = 64,
        num_attention_heads: int = 24,
        joint_attention_dim: int = 4096,
        caption_projection_dim: int = 1536,
        pooled_projection_dim: int = 2048,
        out_channels: int = 16,
        pos_embed_max_size: int = 384,
        dual_attention_layers: tuple[int, ...] = (),
        qk_norm: str | None = None,
        key_control: KeyControl = "noise",
    ) -> None:
        self.shape = DiTConfig(
            sample_size=sample_size,
            patch_size=patch_size,
            in_channels=in_channels,
            out_channels=out_channels,
            num_layers=num_layers,
            num_attention_heads=num_attention_heads,
            attention_head_dim=attention_head_dim,
            joint_attention_dim=joint_attention_dim,
            caption_projection_dim=caption_projection_dim,
            pooled_projection_dim=pooled_projection_dim,
            pos_embed_max_size=pos_embed_max_size,
            dual_attention_layers=tuple(dual_attention_layers),
            qk_norm=qk_norm,
            key_control=key_control,
        )
        stock = asdict(self.shape)
        del stock["key_control"]
        super().__init__(**stock)
        if key_control == "noise" and qk_norm is None:
            raise ConfigError("key_control 'noise' reuses a normalised key: qk_norm must be set")
        self.grid = _TokenGrid()
        processor = _LRStreamProcessor(key_control)
        for block in self.transformer_blocks:
            block.ff = _LRFeedForward(self.inner_dim, self.grid)
            for attn in (block.attn, block.attn2):
                if attn is not None:
                    _add_lr_projections(attn)
                    attn.set_processor(processor)
        self.init_lr_stream()

    @classmethod
    def of(cls, config: DiTConfig) -> Self:
        """Return a network of the given shape, randomly initialised."""
        network: Self = cls(**asdict(config))
        return network

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype of the head, which is never adapted nor kept in float32 to be trained."""
        dtype: torch.dtype = self.proj_out.weight.dtype
        return dtype

    def is_condition(self, name: str) -> bool:
        """Return whether a parameter belongs to the LR stream, which DiT4SR and MFSR train."""
        return "control" in name

    def is_dead(self, name: str) -> bool:
        """Return whether it is `to_k_control` in releases f and q, which never has a gradient."""
        return self.shape.key_control == "noise" and "to_k_control" in name

    def init_lr_stream(self) -> None:
        """Initialise the LR stream: zeros, and `to_out_control` as a copy of the image's own.

        To be called again once pretrained SD3.5 weights are in place: upstream copies only before
        that, so that its training starts from a random `to_out_control`.
        """
        for name, module in self.named_modules():
            if name.endswith(("to_q_control", "to_k_control", "to_v_control", "control_conv")):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, Attention):
                attn: Any = module
                attn.to_out_control.load_state_dict(attn.to_out[0].state_dict())

    def init_from_nothing(self) -> None:
        """Initialise a network that no pretrained weights go into, LR stream included.

        DiT's adaLN-zero: gates, shifts, scales and the head start at zero, the rest at random.
        """
        for name, module in self.named_modules():
            if name.endswith(("to_q_control", "to_k_control", "to_v_control", "control_conv")):
                module.reset_parameters()
            elif name.endswith((".norm1.linear", ".norm1_context.linear", "norm_out.linear")):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(
        self,
        z: Tensor,
        z_lr: Tensor,
        text: Tensor,
        pooled: Tensor,
        timestep: Tensor,
    ) -> Tensor:
        """Return the network's output (B, C, H, W).

        Args:
            z: noisy latent (B, C, H, W); H and W are multiples of the patch size.
            z_lr: latent of the LR image, as `z`.
            text: text tokens (B, T, joint_attention_dim).
            pooled: pooled text (B, pooled_projection_dim).
            timestep: what the time embedding takes: (B,), 1000 sigma, for the teacher; (B, 2) for a
                student. Keep it in float32.
        """
        size = z.shape[-2] // self.shape.patch_size, z.shape[-1] // self.shape.patch_size
        self.grid.rows, self.grid.columns = size
        temb = self.time_text_embed(timestep, pooled)
        text_tokens = self.context_embedder(text)
        tokens = torch.cat([self.pos_embed(z), self.pos_embed(z_lr)], dim=1)  # (B, 2N, D)
        for block in self.transformer_blocks:
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                checkpointed: Any = self._gradient_checkpointing_func
                text_tokens, tokens = checkpointed(block, tokens, text_tokens, temb)
            else:
                text_tokens, tokens = block(tokens, text_tokens, temb)
        noise, _ = tokens.chunk(2, dim=1)
        patches = self.proj_out(self.norm_out(noise, temb))  # (B, N, P * P * C)
        return self._unpatchify(patches, size)

    def _unpatchify(self, patches: Tensor, size: tuple[int, int]) -> Tensor:
        (rows, columns), p = size, self.shape.patch_size
        image = patches.view(len(patches), rows, columns, p, p, -1).permute(0, 5, 1, 3, 2, 4)
        return image.reshape(len(patches), -1, rows * p, columns * p)


def _add_lr_projections(attn: Attention) -> None:
    width = attn.inner_dim
    for name in ("to_q_control", "to_k_control", "to_v_control", "to_out_control"):
        attn.add_module(name, nn.Linear(width, width))
