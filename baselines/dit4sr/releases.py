"""DiT4SR's releases as data: their files, which key the LR stream has in each, and SD 3.5's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.api.card import Upstream, WeightFolder

if TYPE_CHECKING:
    from baselines.dit4sr.network import KeyControl

DIT4SR = Upstream(
    repo="Adam-duan/DiT4SR",
    commit="7ec9e5e3848e3c7dd10f1edcbd6b9a2cb71dbf06",
    licence="LicenseRef-Pi-Lab-1.0",
)

_SD35_FILES = (  # the parts of the pipeline folder that are used: all but the transformer
    "model_index.json",
    "scheduler/scheduler_config.json",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    *(
        f"{part}/{file}"
        for part in ("tokenizer", "tokenizer_2")
        for file in ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")
    ),
    "tokenizer_3/special_tokens_map.json",
    "tokenizer_3/spiece.model",
    "tokenizer_3/tokenizer.json",
    "tokenizer_3/tokenizer_config.json",
    *(
        f"{part}/{file}"
        for part in ("text_encoder", "text_encoder_2")
        for file in ("config.json", "model.safetensors")
    ),
    "text_encoder_3/config.json",
    "text_encoder_3/model-00001-of-00002.safetensors",
    "text_encoder_3/model-00002-of-00002.safetensors",
    "text_encoder_3/model.safetensors.index.json",
)

SD35 = WeightFolder(
    name="stable-diffusion-3.5-medium",
    repo="stabilityai/stable-diffusion-3.5-medium",
    licence="LicenseRef-Stability-Community",
    files=_SD35_FILES,
    page="https://huggingface.co/stabilityai/stable-diffusion-3.5-medium",
    gated=True,
)

_FILE = "transformer/diffusion_pytorch_model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One of the published networks."""

    name: str  # as the option and upstream's folder are called: "q"
    key_control: KeyControl
    sha256: str = ""  # of its safetensors file, where a record of it was found
    bytes: int = 0

    @property
    def folder(self) -> str:
        """The folder in upstream's repository."""
        return f"dit4sr_{self.name}"

    @property
    def weights(self) -> WeightFolder:
        """The files of the release."""
        return WeightFolder(
            name=self.folder,
            repo="acceptee/DiT4SR",
            licence="LicenseRef-Pi-Lab-1.0",
            files=(f"{self.folder}/transformer/config.json", f"{self.folder}/{_FILE}"),
            only_with=f"variant={self.name}",
            bytes=self.bytes,
            sha256=((f"{self.folder}/{_FILE}", self.sha256),) if self.sha256 else (),
        )


# The size of q's and r1's files is that of 2,943,306,560 numbers: 350,877,696 of the LR stream in
# float32, the others (the buffer of positions among them) in float16, and 161,472 bytes of header.
RELEASES = (
    Release(
        name="q",
        key_control="noise",
        sha256="92bf59b6df9a227d51de60d9bf600a6236d1a9611e0a48359d099af45bc0487b",
        bytes=6_588_529_984,
    ),
    Release(name="f", key_control="noise"),
    Release(
        name="r1",
        key_control="lr",
        sha256="fb8732823361d9d9ca687fe30bf008d33dbcbd53f4f9f31451288fca090f8520",
        bytes=6_588_529_984,
    ),
)


def release(name: str) -> Release:
    """Return the release of that name."""
    return next(found for found in RELEASES if found.name == name)
