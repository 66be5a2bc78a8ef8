"""Training data: pairs degraded on the fly from photographs, or latents computed beforehand.

Everything that is drawn for a sample comes from a stream named after the sample's number, so that
the n-th sample of a run is the same after a resume, in another worker and on another rank.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass as document
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch.utils.data import Dataset

from benchmarks.api.documents import STRICT
from benchmarks.api.errors import ConfigError, DataError, ImageError
from benchmarks.api.folders import look
from benchmarks.api.images import read_rgb, read_size, show, write_atomic
from benchmarks.api.resizing import resize_pixels
from benchmarks.api.seeds import seed_for
from benchmarks.degradation.parameters import CAMERA_X4, REAL_ESRGAN_X4
from benchmarks.degradation.pipeline import degrade_pair
from mfsr.tiny.prompts import POSITIVE
from mfsr.tiny.words import degrade_target, draw_words
from mfsr.training.order import Sample, order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

SCALE = 4
_DEGRADATIONS = {"real-esrgan": REAL_ESRGAN_X4, "camera": CAMERA_X4}
_Share = Annotated[float, Field(ge=0, le=1)]


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class DataConfig:
    """What a sample is made of."""

    kind: Literal["photos", "latents"] = "photos"
    crop: int = 512  # HR pixels, of a training sample
    prompts: Literal["none", "files", "words"] = "files"
    # "files": <photograph's stem>.txt in the folder of captions; "words": the small models' phrases
    added_prompt: str = ""  # appended to each caption
    null_share: _Share = 0.0  # of the samples with the empty prompt
    negative_share: _Share = 0.0  # of the samples with negative words and a target to match
    degradation: Literal["real-esrgan", "camera"] = "real-esrgan"
    sharpen_target: bool = True  # the target is the USM-sharpened HR, as in DiT4SR's pairs
    # Pairs that are degraded once and kept on disk; 0: always new ones.
    pool: Annotated[int, Field(ge=0)] = 0
    pool_crop: int = 256  # HR pixels, of a pair of the pool; samples are cut from it
    unreadable_limit: _Share = 0.05  # share of unusable photographs above which training is refused

    def __post_init__(self) -> None:
        for side in (self.crop, self.pool_crop):
            if side < SCALE or side % SCALE:
                raise ValueError(f"crops are multiples of {SCALE} pixels, not {side}")
        if self.pool and self.pool_crop < self.crop:
            raise ValueError(f"crops of {self.crop} cannot be cut from {self.pool_crop}")
        if self.negative_share and self.prompts != "words":
            raise ValueError("negative_share needs prompts='words'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """The usable photographs of some folders."""

    paths: tuple[Path, ...]
    skipped: Mapping[Path, str] = field(default_factory=dict)  # why each one was left out

    @classmethod
    def find(cls, folders: Sequence[Path], *, least: int, limit: float) -> Photos:
        """Return the photographs that can be read and are at least `least` pixels a side.

        Raises:
            DataError: there are none, or more than the share `limit` cannot be used.
        """
        usable, skipped = [], {}
        for path in (path for folder in folders for path in look(folder).files):
            try:
                height, width = read_size(path)
            except ImageError as error:
                skipped[path] = error.cause
                continue
            if min(height, width) < least:
                skipped[path] = f"{width}x{height} is smaller than a crop of {least}"
            else:
                usable.append(path)
        where = ", ".join(show(folder) for folder in folders)
        total = len(usable) + len(skipped)
        if not total:
            raise DataError(f"No photographs in {where}.", "Give --data folders that hold images.")
        if len(skipped) > limit * total:
            path, cause = next(iter(skipped.items()))
            raise DataError(
                f"{len(skipped)} of {total} photographs in {where} cannot be used; "
                f"{show(path)}: {cause}",
                f"Remove them, or allow a larger share than {limit:g} in the recipe.",
            )
        for path, cause in skipped.items():
            logger.warning("skipped %s: %s", show(path), cause)
        return cls(paths=tuple(usable), skipped=skipped)


class PhotoPairs(Dataset[Sample]):
    """HR crops of photographs, degraded; sample n by number.

    A sample has "hr" and "lr_up" (3, crop, crop) in [0, 1], "prompt", and "number".
    """

    def __init__(
        self,
        photos: Photos,
        config: DataConfig,
        *,
        seed: int,
        captions: Path | None = None,
        pool: Path | None = None,
    ) -> None:
        if config.pool and pool is None:
            raise ConfigError("a pool of pairs needs a folder")
        self.photos, self.config, self.seed = photos, config, seed
        self.captions, self.pool = captions, pool
        self.unreadable: set[Path] = set()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The photographs, in the order that their numbers follow."""
        return self.photos.paths

    def caption_paths(self) -> list[Path]:
        """Return the file of each photograph's caption."""
        folder = self.captions
        return [_caption_path(folder, photo) for photo in self.paths] if folder else []

    def __len__(self) -> int:
        return self.config.pool or len(self.photos.paths)

    def __getitem__(self, number: int) -> Sample:
        config = self.config
        item = order(self.seed, len(self), number // len(self))[number % len(self)]
        rng = np.random.default_rng(seed_for(self.seed, "sample", str(number)))
        if config.pool:
            target, lr_up, path = self._pooled(item)
            target, lr_up = _cut(target, lr_up, config.crop, rng)
        else:
            path = self.photos.paths[item]
            target, lr_up, path = self._degraded(path, config.crop, rng)
        if rng.random() < 0.5:
            target, lr_up = target[:, ::-1], lr_up[:, ::-1]
        prompt, hr = self._prompted(path, _unit(target), rng)
        return {
            "hr": _tensor(hr),
            "lr_up": _tensor(_unit(lr_up)),
            "prompt": prompt,
            "number": number,
        }

    def _prompted(
        self, path: Path, hr: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[str, NDArray[np.float32]]:
        config, draw = self.config, rng.random()
        if draw < config.null_share:
            return "", hr
        if draw < config.null_share + config.negative_share:
            words = draw_words(rng)
            return ", ".join(words), degrade_target(hr, words, rng)
        if config.prompts == "words":
            return POSITIVE, hr
        if config.prompts == "none" or self.captions is None:
            return config.added_prompt, hr
        return f"{_caption(self.captions, path)} {config.added_prompt}", hr

    def _degraded(
        self, path: Path, crop: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Path]:
        """Return target and enlarged LR of a random crop, and the photograph that it is from."""
        photo, path = self._read(path, rng)
        height, width = photo.shape[:2]
        y, x = rng.integers(height - crop + 1), rng.integers(width - crop + 1)
        hr = np.ascontiguousarray(photo[y : y + crop, x : x + crop])
        parameters = _DEGRADATIONS[self.config.degradation]
        pair = degrade_pair(hr, rng, parameters, sharpen_target=self.config.sharpen_target)
        # As DiT4SR does it.
        return pair.target, resize_pixels(pair.lr, (crop, crop)), path

    def _read(self, path: Path, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Path]:
        """Read a photograph, or another one where it turns out to be damaged."""
        while True:
            try:
                return read_rgb(path), path
            except ImageError as error:
                self.unreadable.add(path)
                logger.warning("skipped %s: %s", show(path), error.cause)
                if len(self.unreadable) > self.config.unreadable_limit * len(self.photos.paths):
                    raise DataError(
                        f"{len(self.unreadable)} photographs cannot be read; {error.cause}",
                        "Remove the damaged files and repeat the command.",
                    ) from None
                path = self.photos.paths[rng.integers(len(self.photos.paths))]

    def _pooled(self, item: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Path]:
        """Return pair `item` of the pool, making it if it is not on disk yet."""
        assert self.pool is not None
        place = self.pool / f"pair-{item:06d}.safetensors"
        path = self.photos.paths[item % len(self.photos.paths)]
        if not place.is_file():
            rng = np.random.default_rng(seed_for(self.seed, "pair", str(item)))
            target, lr_up, path = self._degraded(path, self.config.pool_crop, rng)
            tensors = {"hr": torch.tensor(target), "lr_up": torch.tensor(lr_up)}
            write_atomic(place, to_safetensors(tensors))
            return target, lr_up, path
        found = load_file(place)
        return found["hr"].numpy(), found["lr_up"].numpy(), path


class LatentPairs(Dataset[Sample]):
    """Samples computed beforehand: one safetensors file each, with x, z_lr, text and pooled.

    x and z_lr are (C, H, W), text (T, width), pooled (width,). The empty prompt's embeddings are
    the task's own, so `null_share` is its business.
    """

    KEYS = ("x", "z_lr", "text", "pooled")

    def __init__(self, folders: Sequence[Path], *, seed: int) -> None:
        self.paths = sorted(p for folder in folders for p in folder.glob("*.safetensors"))
        self.seed = seed
        if not self.paths:
            where = ", ".join(show(folder) for folder in folders)
            raise DataError(f"No safetensors files in {where}.", "Give folders of latents.")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Sample:
        item = order(self.seed, len(self), number // len(self))[number % len(self)]
        found = load_file(self.paths[item])
        missing = [key for key in self.KEYS if key not in found]
        if missing:
            raise DataError(f"{show(self.paths[item])} has no tensor '{missing[0]}'.")
        return {**{key: found[key].float() for key in self.KEYS}, "prompt": "", "number": number}


def _cut(
    target: NDArray[np.uint8], lr_up: NDArray[np.uint8], crop: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut the same random square, aligned to LR pixels, out of both."""
    most = (np.array(target.shape[:2]) - crop) // SCALE
    y, x = SCALE * rng.integers(most + 1)
    return target[y : y + crop, x : x + crop], lr_up[y : y + crop, x : x + crop]


def _caption_path(folder: Path, photo: Path) -> Path:
    return folder / f"{photo.stem}.txt"


def _caption(folder: Path, photo: Path) -> str:
    path = _caption_path(folder, photo)
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        raise DataError(
            f"{show(photo)} has no caption {show(path)}.", "Captions pair with photos by stem."
        ) from None


def _unit(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return image.astype(np.float32) / np.float32(255)


def _tensor(image: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
