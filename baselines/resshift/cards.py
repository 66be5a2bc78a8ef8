"""What is known of ResShift and SinSR, and of their weights. `UPSTREAM.md` tells where from."""

from __future__ import annotations

from dataclasses import replace

from baselines.swin_family.restorer import NOISE, chop_option, stream_deviation
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream, WeightFile

S_LAB = "LicenseRef-S-Lab-1.0"
CC_BY_NC_SA = "CC-BY-NC-SA-4.0"
_RESSHIFT_RELEASE = "https://github.com/zsyOAOA/ResShift/releases/download/v2.0"
_SINSR_RELEASE = "https://github.com/wyf0912/SinSR/releases/download/v1.0"
_S_LAB_CONSENT = (
    "Non-commercial use only: S-Lab License 1.0, "
    "https://github.com/zsyOAOA/ResShift/blob/journal/LICENSE"
)
_CC_CONSENT = (
    "Academic, non-commercial use only: CC BY-NC-SA 4.0, "
    "https://github.com/wyf0912/SinSR/blob/main/LICENSE"
)
_UNET_BYTES = 477_900_000

SEED = 12345  # of upstream's one stream of noise

# Size of an LR tile -> distance of tiles, in LR pixels; the official choices.
STRIDES = {512: 448, 256: 224, 64: 48}

AUTOENCODER = WeightFile(
    name="autoencoder_vq_f4.pth",
    licence=S_LAB,
    urls=(f"{_RESSHIFT_RELEASE}/autoencoder_vq_f4.pth",),
    consent=_S_LAB_CONSENT,
    folder="resshift",
    # No official hash: two independent public repositories give this one, one of them for this URL.
    sha256="e967eaa2c380152811c53e312990d6967a8a957c4f7590f19490ec72110b2889",
    bytes=221_364_711,
)


def _resshift_weights(version: str) -> WeightFile:
    name = f"resshift_realsrx4_{version}.pth"
    return WeightFile(
        name=name,
        licence=S_LAB,
        urls=(f"{_RESSHIFT_RELEASE}/{name}",),
        consent=_S_LAB_CONSENT,
        folder="resshift",
        about_bytes=_UNET_BYTES,
    )


def _sinsr_weights(version: str) -> WeightFile:
    name = f"SinSR_{version}.pth"
    return WeightFile(
        name=name,
        licence=CC_BY_NC_SA,
        urls=(f"{_SINSR_RELEASE}/{name}",),
        consent=_CC_CONSENT,
        folder="sinsr",
        about_bytes=_UNET_BYTES,
    )


_SAMPLER = MethodOption(
    name="sampler",
    default="ancestral",
    help="reverse chain; deterministic is the noise-free one that SinSR was distilled from",
    choices=("ancestral", "deterministic"),
)
_DEVIATIONS = (
    stream_deviation(SEED),
    "kept: the attention mask of upstream's calculate_mask, which masks only the last row of "
    "shifted windows, by columns (ResShift's issue 81); the weights were trained with it",
    "precision: fp32 by default, upstream half; half is autocast here, with the codebook search in "
    "fp32 (upstream's half precision search picks other codes)",
    "LR sides of 32 pixels or less: upstream's reflection fails; the last row and column are "
    "repeated instead",
    "16-bit images are refused (upstream divides them by 255), and so is transparency (upstream "
    "drops alpha)",
)

RESSHIFT = MethodCard(
    name="resshift",
    title="ResShift",
    paper=Paper(
        title="ResShift: Efficient Diffusion Model for Image Super-resolution by Residual Shifting",
        bibkey="yue2023resshift",
        venue="NeurIPS 2023",
        arxiv="2307.12348",
    ),
    base_model="Swin U-Net (118.6 M) in the latent space of VQ-f4 (55.3 M)",
    default_steps=15,
    legal_steps=(15,),
    tiling="LR tiles of 512 pixels every 448 (chop=256: 224, chop=64: 48), the last one moved "
    "back; each reflected to multiples of 64; plain average",
    dtypes=("fp32", "fp16", "bf16"),
    options=(chop_option(STRIDES), _SAMPLER, NOISE),
    weights=(_resshift_weights("s15_v1"), AUTOENCODER),
    upstream=Upstream(
        repo="zsyOAOA/ResShift",
        commit="3ce1d81e8402fd50083809ae288a3977f6921bdd",
        licence=S_LAB,
    ),
    licence=S_LAB,
    trained_on=("ImageNet",),
    stochastic=True,
    deviations=(
        *_DEVIATIONS,
        "prior noise: upstream's autocast draws it in half precision; here it is fp32",
    ),
    note="version 1, 300k iterations: upstream's default",
)
RESSHIFT_V2 = replace(
    RESSHIFT,
    name="resshift-v2",
    title="ResShift-v2",
    weights=(_resshift_weights("s15_v2"), AUTOENCODER),
    note="version 2, 500k iterations",
)
RESSHIFT_V3 = replace(
    RESSHIFT,
    name="resshift-v3",
    title="ResShift-v3",
    paper=Paper(
        title="Efficient Diffusion Model for Image Restoration by Residual Shifting",
        bibkey="yue2024efficient",
        venue="TPAMI 2024",
        arxiv="2403.07319",
    ),
    default_steps=4,
    legal_steps=(4,),
    weights=(_resshift_weights("s4_v3"), AUTOENCODER),
    note="version 3, the journal paper's",
)
SINSR = replace(
    RESSHIFT,
    name="sinsr",
    title="SinSR",
    paper=Paper(
        title="SinSR: Diffusion-Based Image Super-Resolution in a Single Step",
        bibkey="wang2024sinsr",
        venue="CVPR 2024",
        arxiv="2311.14760",
    ),
    default_steps=1,
    legal_steps=(1,),
    options=(chop_option(STRIDES), NOISE),
    weights=(_sinsr_weights("v1"), AUTOENCODER),
    upstream=Upstream(
        repo="wyf0912/SinSR",
        commit="f1735490e980162435391162ddd18c0642327c5b",
        licence=CC_BY_NC_SA,
    ),
    licence=CC_BY_NC_SA,
    trained_on=("ImageNet", "FFHQ"),
    deviations=(
        *_DEVIATIONS,
        "half precision: upstream converts the weights of convolutions and linear layers, and the "
        "whole autoencoder; here it is autocast",
        "chop=64 is not upstream's, whose tiles are of 512 or 256 pixels",
        "order of images: the file system's, unsorted, upstream; here by name. It "
        "decides what the one stream of noise gives to each image",
    ),
    note="version 1: upstream's default, and its choice for RealSet65 and ImageNet-Test",
)
SINSR_V2 = replace(
    SINSR,
    name="sinsr-v2",
    title="SinSR-v2",
    weights=(_sinsr_weights("v2"), AUTOENCODER),
    note="version 2, stopped early: upstream's choice for RealSR",
)
