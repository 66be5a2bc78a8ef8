"""Fakes for every seam: restorers that behave and restorers that do not.

Importable by worker processes: tests put this folder on the path (`fakes_on_path`).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Self

import torch

from benchmarks.api.card import MethodCard, SizeRule, WeightFile
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tensors import read_torch


class Fake(Restorer):
    """Repeats each LR pixel and adds the image's own noise: fast, seeded, checkable."""

    card = MethodCard(name="fake", title="Fake", default_steps=1, stochastic=True)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        return cls(runtime)

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        scale = self.runtime.card.scale
        sr = batch.images.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
        return (sr + 0.05 * batch.randn(*sr.shape[1:])).clamp(0, 1)


class Slow(Fake):
    """Takes its time, SLOW_SECONDS an image, so that a test can interrupt it."""

    card = MethodCard(name="slow", title="Slow", default_steps=1)

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        time.sleep(float(os.environ.get("SLOW_SECONDS", "0.5")))
        return super()._restore(batch, steps)


class Naps(Fake):
    """Stands for a GPU: it takes 200 ms in which the processor is free."""

    card = MethodCard(name="naps", title="Naps", default_steps=1, stochastic=True)

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        time.sleep(0.2)
        if "NAPS_LOG" in os.environ:  # for who counts how often an image was restored
            with Path(os.environ["NAPS_LOG"]).open("a") as log:
                log.writelines(f"{image}\n" for image in batch.ids)
        return super()._restore(batch, steps)


class WrongSize(Fake):
    card = MethodCard(name="wrong-size", title="WrongSize")

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        return super()._restore(batch, steps)[..., 1:]


class NotFinite(Fake):
    card = MethodCard(name="not-finite", title="NotFinite")

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        sr = super()._restore(batch, steps)
        sr[0, 0, 0, 0] = float("nan")
        return sr


class Raises(Fake):
    """Fails on the images whose id ends with "bad"."""

    card = MethodCard(name="raises", title="Raises")

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        if any(image.endswith("bad") for image in batch.ids):
            raise RuntimeError("this image is too hard\nsecond line")
        return super()._restore(batch, steps)


class Kills(Fake):
    """Kills its process on the images whose id ends with "bad"."""

    card = MethodCard(name="kills", title="Kills")

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        if any(image.endswith("bad") for image in batch.ids):
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._restore(batch, steps)


class KillsOnLoad(Fake):
    card = MethodCard(name="kills-on-load", title="KillsOnLoad")

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        os._exit(3)


class Weighted(Fake):
    """Scales by what a file says, whose hash nobody knows."""

    card = MethodCard(
        name="weighted",
        title="Weighted",
        weights=(WeightFile(name="net.v2.pt", licence="MIT", page="https://x.example"),),
    )

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        return super()._restore(batch, steps) * self.gain

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        self = super().load(runtime)
        self.gain = read_torch(runtime.weight("net.v2.pt"))["gain"][0]
        return self


class Multiple(Fake):
    """Accepts only multiples of 8 from 16 on, and checks that this is what it gets."""

    card = MethodCard(name="multiple", title="Multiple", size=SizeRule(multiple_of=8, minimum=16))

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        height, width = batch.images.shape[-2:]
        assert height % 8 == 0 and width % 8 == 0 and min(height, width) >= 16
        return super()._restore(batch, steps)
