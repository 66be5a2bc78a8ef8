"""The tags of an image, as OSEDiff asks for them: by RAM, or by RAM with DAPE's updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from benchmarks.api.card import HubFile, Paper, Upstream, WeightFile
from benchmarks.api.prompts import PromptCard, PromptExtractor, PromptRuntime
from benchmarks.api.resizing import enlarge

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.tagger.checkpoint import Tags
    from baselines.tagger.ram import RAM

TAGS = 4585
_FOLDER = "tagger"  # SeeSR and AddSR look through the same networks

_RAM_COMMIT = "7cb804a8609e9f4b1a50b7f31436d2df40bb9481"
_LISTS = f"https://raw.githubusercontent.com/xinyu1205/recognize-anything/{_RAM_COMMIT}/ram/data"
CHECKPOINT = WeightFile(
    name="ram_swin_large_14m.pth",
    licence="Apache-2.0",
    folder=_FOLDER,
    hub=HubFile(repo="xinyu1205/recognize_anything_model", filename="ram_swin_large_14m.pth"),
    urls=(
        "https://huggingface.co/xinyu1205/recognize_anything_model/resolve/main/ram_swin_large_14m.pth",
        "https://huggingface.co/spaces/xinyu1205/recognize-anything/resolve/main/ram_swin_large_14m.pth",
    ),
    sha256="15c729c793af28b9d107c69f85836a1356d76ea830d4714699fb62e55fcc08ed",
    note="5.6 GB, of which a quarter is used; the hash is that of three independent records",
)
_NAMES = WeightFile(
    name="ram_tag_list.txt",
    licence="Apache-2.0",
    folder=_FOLDER,
    urls=(f"{_LISTS}/ram_tag_list.txt",),
    sha256="5d96d2f7225527480ad773aaac76b6e5c08a18adf6eae9ca7d2ab923d5e7bd8b",
    bytes=41_904,
)
_THRESHOLDS = WeightFile(
    name="ram_tag_list_threshold.txt",
    licence="Apache-2.0",
    folder=_FOLDER,
    urls=(f"{_LISTS}/ram_tag_list_threshold.txt",),
    sha256="b6f81d0de1bc7f9c251af512c413eae976c77dbfbadf700d4e3d90510f4c6447",
    bytes=22_016,
)
DAPE = WeightFile(
    name="DAPE.pth",
    licence="Apache-2.0",
    folder=_FOLDER,
    urls=("https://drive.google.com/uc?export=download&id=1KIV6VewwO2eDC9g4Gcvgm-a0LDI7Lmwm",),
    page="https://drive.google.com/file/d/1KIV6VewwO2eDC9g4Gcvgm-a0LDI7Lmwm/view",
    sha256="a7028be2edcbe9ab0bd1c4ab6f2a2a86f4b44d32261a4faa50ae10fdd9b2feba",
    note="7 MB; the hash is that of three independent records",
)
_ENLARGED = "the tagger sees the image as OSEDiff enlarges it (SeeSR's are the tags:dape-lr)"
_DEVIATIONS = (
    "tags are extracted in float32; upstream runs the tagger in float16",
    "images are tagged one by one, so that the tags of an image do not depend on its neighbours",
    "the image is resized to 384 pixels without antialiasing, as the torchvision that upstream "
    "pins does (today's default antialiases and gives other tags)",
)
_FOLDED = "DAPE's updates are folded into RAM's weights in float32"


class RAMTags(PromptExtractor):
    """Tags by the Recognize Anything Model."""

    card = PromptCard(
        kind="tags:ram",
        title="RAM",
        paper=Paper(
            title="Recognize Anything: A Strong Image Tagging Model",
            bibkey="zhang2024ram",
            venue="CVPR Workshops 2024",
            arxiv="2306.03514",
        ),
        upstream=Upstream(
            repo="xinyu1205/recognize-anything", commit=_RAM_COMMIT, licence="Apache-2.0"
        ),
        weights=(CHECKPOINT, _NAMES, _THRESHOLDS),
        dtypes=("fp32", "fp16", "bf16"),
        deviations=(_ENLARGED, *_DEVIATIONS),
    )

    def __init__(self, runtime: PromptRuntime, network: RAM, tags: Tags) -> None:
        import torch

        super().__init__(runtime)
        self._network = network.to(runtime.device, runtime.torch_dtype)
        self._size = network.visual_encoder.image_size
        self._names = tags.names
        self._thresholds = torch.tensor(tags.thresholds, device=runtime.device)

    @classmethod
    def load(cls, runtime: PromptRuntime) -> Self:
        """Build the network and read its weights; only what tagging needs is read."""
        from baselines.tagger.checkpoint import load_ram, read_tags
        from baselines.tagger.ram import RAM, RAMConfig

        tags = read_tags(runtime.weight(_NAMES.name), runtime.weight(_THRESHOLDS.name), TAGS)
        network = RAM(RAMConfig(tags=TAGS))
        load_ram(network, runtime.weight(CHECKPOINT.name))
        cls._finetune(network, runtime)
        return cls(runtime, network, tags)

    @classmethod
    def _finetune(cls, network: RAM, runtime: PromptRuntime) -> None:
        """RAM is used as it was released."""

    def _extract(self, images: Sequence[Tensor]) -> list[str]:
        return [self._tags(image) for image in images]

    def _tags(self, image: Tensor) -> str:
        logits = self._network(self.prepare(image)[None])[0].float()
        given = (logits.sigmoid() > self._thresholds).nonzero().flatten().tolist()
        return ", ".join(self._names[index] for index in given)

    def prepare(self, image: Tensor) -> Tensor:
        """Return what the network sees of an LR image (3, h, w) in [0, 1]: (3, 384, 384)."""
        from baselines.tagger.sight import seen

        # Normalised in float32 and cast after, as upstream does.
        x = seen(self._shown(image)[None], self._size)[0]
        return x.to(self.runtime.device, self.runtime.torch_dtype)

    def _shown(self, image: Tensor) -> Tensor:
        """Return the image that the tagger is shown."""
        return enlarge(image, scale=4, minimum=128, multiple=8)


class DAPETags(RAMTags):
    """Tags by DAPE: RAM fine-tuned to see in a degraded image what it sees in a clean one."""

    card = PromptCard(
        kind="tags:dape",
        title="DAPE",
        paper=Paper(
            title="SeeSR: Towards Semantics-Aware Real-World Image Super-Resolution",
            bibkey="wu2024seesr",
            venue="CVPR 2024",
            arxiv="2311.16518",
        ),
        upstream=Upstream(
            repo="cswry/SeeSR",
            commit="8edecc71c4f3efa01cd26078f2e8dffd1ce80a6a",
            licence="Apache-2.0",
        ),
        weights=(CHECKPOINT, DAPE, _NAMES, _THRESHOLDS),
        dtypes=RAMTags.card.dtypes,
        deviations=(_ENLARGED, *_DEVIATIONS, _FOLDED),
    )

    @classmethod
    def _finetune(cls, network: RAM, runtime: PromptRuntime) -> None:
        from baselines.tagger.checkpoint import fold_dape

        fold_dape(network, runtime.weight(DAPE.name))


class DAPETagsOfLR(DAPETags):
    """Tags by DAPE of the LR image as it is, as SeeSR and AddSR ask for them."""

    card = replace(
        DAPETags.card,
        kind="tags:dape-lr",
        title="DAPE on the LR image",
        deviations=(*_DEVIATIONS, _FOLDED),
    )

    def _shown(self, image: Tensor) -> Tensor:
        return image
