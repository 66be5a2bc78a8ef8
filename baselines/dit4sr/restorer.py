"""DiT4SR behind the harness's interface."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self, cast

from baselines.dit4sr.prompts import DIT4SR_ADDED, DIT4SR_NEGATIVE
from baselines.dit4sr.releases import DIT4SR, RELEASES, SD35, release
from baselines.guidance import guidance_of, guidance_option
from baselines.llava.sentences import drop_focus_sentences
from benchmarks.api.card import MethodCard, MethodOption, Paper
from benchmarks.api.colour import colour_option, fix_colours, quantise
from benchmarks.api.resizing import enlarge, enlarged_size, resize
from benchmarks.api.restorer import LRBatch, LRFile, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Generator, Tensor

    from baselines.dit4sr.autoencoder import SD3Autoencoder
    from baselines.dit4sr.field import Condition
    from baselines.dit4sr.network import DiT4SR
    from baselines.sd3.text import SD3TextEncoders
    from benchmarks.api.colour import ColourFix, Rounding

_MINIMUM = 128  # LR pixels per side
_MULTIPLE = 8  # image pixels per latent pixel
SHIFT = 3.0  # of the noise levels
TILING = Tiling(tile=64, overlap=24)


class DiT4SRReleased(Restorer):
    """40 Euler steps under guidance, from noise, beside the LR image's latent."""

    card = MethodCard(
        name="dit4sr",
        title="DiT4SR",
        paper=Paper(
            title="DiT4SR: Taming Diffusion Transformer for Real-World Image Super-Resolution",
            bibkey="duan2025dit4sr",
            venue="ICCV 2025",
            arxiv="2503.23580",
        ),
        base_model="Stable Diffusion 3.5 medium",
        default_steps=40,
        nfe_per_step=2,
        prompt="caption:llava",
        colour_fix="adain",
        tiling=str(TILING),
        dtypes=("fp16", "bf16", "fp32"),
        options=(
            MethodOption(
                name="variant",
                default="q",
                help="which release: q (quality; the paper's numbers), f (fidelity), r1 (revised)",
                choices=tuple(found.name for found in RELEASES),
            ),
            guidance_option("8.0"),
            colour_option("adain"),
        ),
        weights=(SD35, *(found.weights for found in RELEASES)),
        upstream=DIT4SR,
        licence="LicenseRef-Pi-Lab-1.0",
        trained_on=("DIV2K", "DIV8K", "Flickr2K", "Flickr8K", "NKUSR8K"),
        stochastic=True,
        deviations=(
            "noise and the posterior's samples come from the image's own seed; upstream does not "
            "seed by default, and never the posterior",
            "the VAE and the loop over the steps are in float32, the network in one dtype; "
            "upstream has float16 throughout, under torch.autocast",
            "prompts belong to images by name; upstream pairs two sorted lists by position",
            "embeddings of prompts are kept on disk, and the text encoders freed before the "
            "network is moved to the device",
            "kept: in releases f and q the LR stream's key is the noise stream's, normalised "
            "twice (attention.py:420), as they were trained; r1 has its own. Nothing in a file "
            "says which it is: a file whose to_k_control weights are all zero is f or q",
            "kept: the depthwise convolution's residual counts 1.2 times",
            "kept: the row midpoint of the tile weights is half a pixel low; every tile has the "
            "positions of the centre",
            "kept: the added prompt ends in a space; sentences of a caption that speak of focus, "
            "blur, depth or positions are dropped, substrings included ('dense')",
            "kept: sides are floored to multiples of 8 and the result resized to 4x by Pillow",
            "LR images whose shorter side is 49, 98, 103 or 107 pixels are brought to 128 as all "
            "others; upstream arrives at 127 and stops",
        ),
        quirks=(
            "the two branches of the guidance see two samples of the LR image's posterior; "
            "mended: both see one, and the starting noise is another",
            "8 bits, rounded before the colour fix and truncated after it; mended: no step to "
            "8 bits before the file, which is rounded, about half a grey level higher on average",
        ),
    )

    def __init__(
        self,
        runtime: Runtime,
        network: DiT4SR,
        text: SD3TextEncoders,
        autoencoder: SD3Autoencoder,
    ) -> None:
        super().__init__(runtime)
        self._network, self._text, self._autoencoder = network, text, autoencoder
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        self._guidance = self._guidance_of(runtime)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read network and VAE to the CPU; the text encoders come first on the device."""
        from baselines.dit4sr.weights import load_release

        cls._guidance_of(runtime)
        chosen = release(runtime.option("variant"))
        around = cls._around(runtime)
        folder = runtime.weight(chosen.weights.name) / chosen.folder
        network = load_release(folder, chosen, runtime.torch_dtype)
        return cls(runtime, network.requires_grad_(requires_grad=False), *around)

    @classmethod
    def _around(cls, runtime: Runtime) -> tuple[SD3TextEncoders, SD3Autoencoder]:
        """Return what stands around the network: text encoders, and the VAE on the CPU."""
        import torch

        from baselines.dit4sr.autoencoder import SD3Autoencoder
        from baselines.sd3.text import SD3TextEncoders

        base = runtime.weight(SD35.name)
        return (
            SD3TextEncoders(base, device=runtime.device, dtype=runtime.torch_dtype),
            SD3Autoencoder.load(base, device="cpu", dtype=torch.float32),
        )

    @classmethod
    def _guidance_of(cls, runtime: Runtime) -> float:
        return guidance_of(runtime)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        import torch

        from baselines.dit4sr.memory import of_network
        from baselines.sd3.memory import MetaVAE, peak_memory

        size = enlarged_size(
            *lr_size, scale=cls.card.scale, minimum=_MINIMUM, multiple=_MULTIPLE, exact=True
        )
        branches = 1 if cls._guidance_of(runtime) == 1 else 2
        parts = (
            of_network(size, branches * batch, runtime.torch_dtype, TILING),
            MetaVAE(torch.float32).needs(size, batch),
        )
        return peak_memory(parts, offload=runtime.offload, text=True)

    def begin(self, dataset: str, images: Sequence[LRFile], *, seed: int) -> None:
        """Encode all prompts, so that the encoders are loaded once and gone while it restores."""
        self._encode_prompts(prompt_of(image.prompt or "") for image in images)

    def _encode_prompts(self, prompts: Iterable[str]) -> None:
        others = () if self._guidance == 1 else (DIT4SR_NEGATIVE,)
        missing = self._text.missing({*prompts, *others})
        if missing:
            for network in (self._network, self._autoencoder.vae):
                network.to("cpu")
            self._text.embed(missing)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        assert steps is not None
        scale, mended = self.card.scale, self.runtime.mended
        lr_up = torch.stack(
            [
                enlarge(
                    x,
                    scale=scale,
                    minimum=_MINIMUM,
                    multiple=_MULTIPLE,
                    last="BICUBIC",
                    exact=True,
                )
                for x in batch.images
            ]
        )
        z = self._sample(lr_up, batch, steps)
        with self.stage("vae"), self.on_device(self._autoencoder.vae):
            image = self._autoencoder.decode(z, lr_up).cpu()
        before: Rounding = "none" if mended else "round"
        after: Rounding = "none" if mended else "truncate"
        if self._colour_fix != "none":
            image = fix_colours(image, lr_up, self._colour_fix, before=before, after=after)
        height, width = (scale * side for side in batch.images.shape[-2:])
        if image.shape[-2:] == (height, width):
            return quantise(image, before)
        return torch.stack([resize(x, (height, width)) for x in image])

    def _sample(self, lr_up: Tensor, batch: LRBatch, steps: int) -> Tensor:
        """Return restored latents of LR images enlarged to the working size."""
        from baselines.dit4sr import inference
        from baselines.dit4sr.field import Condition

        device, generators = self.runtime.device, batch.generators()
        prompts = [prompt_of(caption) for caption in batch.prompts or ()]
        with self.stage("text"):
            self._encode_prompts(prompts)
            text, pooled = (part.to(device) for part in self._text.embed(prompts))
        with self.stage("vae"), self.on_device(self._autoencoder.vae):
            other_lr = self._other_lr(lr_up, generators)
            z_lr = self._autoencoder.encode_lr(lr_up, generators)
        eps = inference.starting_noise(z_lr, generators)
        c = Condition(z_lr, text, pooled)
        with self.stage("network"), self.on_device(self._network):
            return self._run(eps, c, other_lr, steps)

    def _run(self, eps: Tensor, c: Condition, other_lr: Tensor | None, steps: int) -> Tensor:
        """Return the latents that the method's steps lead to from noise."""
        from baselines.dit4sr import inference
        from baselines.dit4sr.field import NetworkVelocity

        return inference.restore_latent(
            NetworkVelocity(self._network),
            eps,
            c,
            TILING,
            steps=steps,
            shift=SHIFT,
            guidance=self._guidance,
            other=self._other(c, other_lr),
        )

    def _other(self, c: Condition, other_lr: Tensor | None) -> Condition | None:
        """Return the condition under the negative prompt, where there is guidance."""
        if self._guidance == 1:
            return None
        text, pooled = (
            part.to(self.runtime.device) for part in self._text.embed([DIT4SR_NEGATIVE])
        )
        return replace(c, z_lr=c.z_lr if other_lr is None else other_lr).with_text(text, pooled)

    def _other_lr(self, lr_up: Tensor, generators: Sequence[Generator]) -> Tensor | None:
        """Return upstream's second sample, drawn first, where it is wanted."""
        if self.runtime.mended or self._guidance == 1:
            return None
        return self._autoencoder.encode_lr(lr_up, generators)


def prompt_of(caption: str) -> str:
    """Return the prompt for an image's caption, as upstream builds it."""
    return f"{drop_focus_sentences(caption)} {DIT4SR_ADDED}"
