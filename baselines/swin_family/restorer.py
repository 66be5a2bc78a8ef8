"""What the family's restorers have in common: one image after the other, tile after tile."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from baselines.swin_family.chopping import restore_in_tiles
from baselines.swin_family.noise import upstream_stream
from benchmarks.api.card import MethodOption
from benchmarks.api.restorer import LRBatch, LRFile, Restorer, Runtime

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def chop_option(strides: Mapping[int, int]) -> MethodOption:
    """Return the option `chop`, whose choices are the tile sizes; the first is the default."""
    choices = tuple(map(str, strides))
    return MethodOption(
        name="chop",
        default=choices[0],
        help="side of the LR tiles that larger images are cut into",
        choices=choices,
    )


NOISE = MethodOption(
    name="noise",
    default="per-image",
    help="each image draws from its own seed, on the CPU; upstream: one stream for all images of a "
    "data set, drawn on the device",
    choices=("per-image", "upstream"),
)


def stream_deviation(seed: int) -> str:
    """Return the deviation from upstream's one stream of noise, for a card."""
    return (
        f"noise from each image's own seed; upstream has one stream (seed {seed}) for all images "
        "of a data set, so that a result depends on the images before it and on the device: "
        "+noise=upstream, on one device and without resuming"
    )


class ChoppingRestorer(Restorer):
    """Restores single images in tiles; a subclass restores a tile.

    Not batches: arithmetic on a batch rounds otherwise than on one image, and a rounding can change
    the nearest code of a latent pixel. These networks fill a GPU with one image.
    """

    strides: ClassVar[Mapping[int, int]]  # size of a tile -> distance of tiles, in LR pixels
    upstream_seed: ClassVar[int]  # of the one stream that upstream draws from

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.chop = int(runtime.option("chop"))
        self._upstream_stream = upstream_stream(runtime, self.upstream_seed)

    def begin(self, dataset: str, images: Sequence[LRFile], *, seed: int) -> None:
        """Begin upstream's stream again, as each folder of images is a process of its own there."""
        self._upstream_stream = upstream_stream(self.runtime, self.upstream_seed)

    @abstractmethod
    def _restore_tile(self, lr: Tensor, noise: torch.Generator) -> Tensor:
        """Return SR (1, 3, 4h, 4w) of a tile (1, 3, h, w), both in [-1, 1]."""

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        streams = batch.generators()
        return torch.cat(
            [
                self._restore_image(image[None], self._upstream_stream or stream)
                for image, stream in zip(batch.images, streams, strict=True)
            ]
        )

    def _restore_image(self, image: Tensor, noise: torch.Generator) -> Tensor:
        sr = restore_in_tiles(
            2 * image.to(self.runtime.device) - 1,
            lambda tile: self._restore_tile(tile, noise),
            size=self.chop,
            stride=self.strides[self.chop],
            scale=self.card.scale,
        )
        return (sr + 1) / 2
