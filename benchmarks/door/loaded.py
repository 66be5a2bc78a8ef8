"""Methods and metrics as functions of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import requirements
from benchmarks.api.errors import ScoreError, UsageError
from benchmarks.api.restorer import LRBatch
from benchmarks.devices import devices
from benchmarks.door import images
from benchmarks.door.runs import score
from benchmarks.methods import Wishes
from benchmarks.metrics.protocol import find
from benchmarks.metrics.scoring import ScoreFailure, Scorer
from benchmarks.metrics.select import select
from benchmarks.missing import refuse
from benchmarks.request import DEFAULT_PROTOCOL
from benchmarks.results.cache import ScoreCache
from benchmarks.search import Search

if TYPE_CHECKING:
    from torch import Tensor

    from benchmarks.api.card import Dtype, MethodCard
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.prompts import PromptExtractor
    from benchmarks.api.weights import WeightStore
    from benchmarks.methods import Method

_SMALLEST_SET = 2  # images: fewer have no distribution


def load(
    method: str,
    *,
    device: str | None = None,
    dtype: Dtype | None = None,
    mended: bool = False,
    offload: bool = False,
) -> LoadedMethod:
    """Load a method, as a function from LR to SR images.

    Args:
        method: as on the command line: "mfsr-tiny", "mfsr@2", "dit4sr+variant=q".
        device: "cpu", "cuda", "cuda:1"; None for a GPU if there is one.
        dtype: "fp32", "bf16" or "fp16"; None for the method's own.
        mended: mend the quirks of the authors' program.
        offload: keep on the GPU only the part that computes.

    Raises:
        UsageError: no such method, option or device; or one that restores whole data sets.
        WeightsError: weights are missing; the message says how to get them.
    """
    (used,) = devices((device,) if device else None)
    cache = ScoreCache()
    search = Search(cache)
    wishes = Wishes(device=used, dtype=dtype, mended=mended, offload=offload)
    (found,) = search.methods([method], wishes)
    if not found.restorer.computes:
        raise UsageError(f"'{method}' restores whole data sets.", "Use: mb.run(methods=[...])")
    refuse(search.missing)
    return LoadedMethod(found, cache)


class LoadedMethod:
    """A method with its networks on a device: LR images in, SR images of the same kind out."""

    def __init__(self, method: Method, cache: ScoreCache) -> None:
        self._method, self._cache = method, cache
        self._restorer = method.restorer.load(method.runtime)
        self._extractor: PromptExtractor | None = None

    @property
    def card(self) -> MethodCard:
        """What is known of the method."""
        return self._method.card

    def __call__(self, lr: Any, *, seed: int = 0, prompt: str | Sequence[str] | None = None) -> Any:
        """Restore an image, or a batch of them.

        Args:
            lr: a path, PIL image, `uint8` array (h, w, 3) or float tensor (3, h, w) in [0, 1]; or
                several: a list of these, an array (B, h, w, 3) or a tensor (B, 3, h, w).
            seed: of the first image; the next ones count on. The seed of an image of a run is in
                the run's `images.csv`.
            prompt: what the image shows, or one text per image, for methods that ask for it; None:
                extracted, as in a run.

        Returns:
            SR images of the same kind; PIL images for paths.

        Raises:
            ConfigError: what was given is no image.
            MFSRBenchError: the method failed, or lacks the weights that prompts are extracted with.
        """
        lrs = [images.as_tensor(one) for one in images.each(lr)]
        prompts = self._prompts(lrs, prompt) if self._method.asks_for_prompts else ()
        batches = [
            LRBatch(
                images=image[None],
                ids=(f"image {i}",),
                seeds=(seed + i,),
                prompts=prompts[i : i + 1] or None,
            )
            for i, image in enumerate(lrs)
        ]
        steps = self._method.steps
        return images.like(lr, [self._restorer.restore(one, steps=steps)[0] for one in batches])

    def _prompts(self, lrs: Sequence[Tensor], given: str | Sequence[str] | None) -> tuple[str, ...]:
        if given is None:
            self._extractor = self._extractor or self._load_extractor()
            return self._extractor.extract(lrs)
        prompts = (given,) * len(lrs) if isinstance(given, str) else tuple(given)
        if len(prompts) != len(lrs):
            raise UsageError(f"{len(prompts)} prompts were given for {len(lrs)} images.")
        return prompts

    def _load_extractor(self) -> PromptExtractor:
        search = Search(self._cache)
        device = self._method.runtime.device
        (source,) = search.prompts([self._method], (), None, device=device)
        refuse(search.missing)
        assert source.extractor and source.runtime
        return source.extractor.load(source.runtime)

    def close(self) -> None:
        """Release what the method holds beyond memory."""
        self._restorer.close()
        if self._extractor:
            self._extractor.close()


def metric(name: str, *, device: str | None = None) -> LoadedMetric:
    """Load a metric, as a function from SR (and HR) images to numbers.

    Args:
        name: an id ("psnr@rgb"), or a name that the default protocol fixes ("psnr").
        device: "cpu", "cuda", "cuda:1"; None for a GPU if there is one.

    Raises:
        UsageError: no such metric or device.
        WeightsError: weights are missing; the message says how to get them.
    """
    (used,) = devices((device,) if device else None)
    (spec,) = select([name], find(DEFAULT_PROTOCOL))
    search = Search(ScoreCache())
    search.weights(requirements.of_metrics([spec]))
    refuse(search.missing)
    return LoadedMetric(spec, used, search.store)


class LoadedMetric:
    """A metric, its networks on a device: numbers for images, batches and folders."""

    def __init__(self, spec: MetricSpec, device: str, store: WeightStore) -> None:
        self.spec = spec
        self._device = device
        self._scorer = Scorer([spec], store=store, device=device)

    def __call__(self, sr: Any, hr: Any = None) -> Any:
        """Score SR images, against HR images where the metric compares.

        What a method wrote as a tensor is rounded to 8 bits first: what is scored is the image.

        Args:
            sr: an image of any kind, a batch of them, or a folder.
            hr: its reference, likewise; None for metrics without.

        Returns:
            One number for one image; an array (B,) for a batch; for folders a pandas Series by
            image. Of a metric of sets (FID), one number for a batch or a folder.

        Raises:
            UsageError: a reference is missing, or a metric of sets got one image.
            ConfigError: what was given is no image.
            ScoreError, ImageError: there is no value.
        """
        if isinstance(sr, str | Path) and Path(sr).expanduser().is_dir():
            return self._folder(Path(sr).expanduser(), hr)
        if self.spec.needs_reference and hr is None:
            raise UsageError(
                f"{self.spec.id} compares with a reference.", "Give it: metric(sr, hr)"
            )
        srs = [images.as_uint8(one) for one in images.each(sr)]
        hrs = (
            [images.as_uint8(one) for one in images.each(hr)]
            if hr is not None
            else [None] * len(srs)
        )
        if len(hrs) != len(srs):
            raise UsageError(f"{len(srs)} SR images came with {len(hrs)} HR images.")
        if self.spec.level == "set":
            return self._set(srs, hrs)
        values = [self._scorer.score(self.spec.id, *pair) for pair in zip(srs, hrs, strict=True)]
        if not images.is_batch(sr):
            return values[0]
        import numpy as np

        return np.array(values)

    def _set(self, srs: Sequence[Any], hrs: Sequence[Any]) -> float:
        """Return the value of a metric of sets for two batches."""
        import numpy as np

        if len(srs) < _SMALLEST_SET:
            raise UsageError(f"{self.spec.id} is a metric of sets.", "Give it batches or folders.")
        features = [
            np.stack([self._scorer.features_of(self.spec.id, image) for image in images])
            for images in (srs, hrs)
        ]
        outcome = self._scorer.distance(self.spec.id, *features)
        if isinstance(outcome, ScoreFailure):
            raise ScoreError(f"{self.spec.id}: {outcome.cause}")
        return outcome

    def _folder(self, sr: Path, hr: Any) -> Any:
        """Return one value per image, or that of the set."""
        frame = score(sr, hr, metrics=[self.spec.id], device=[self._device], quiet=True)
        if frame.attrs["failures"]:
            name, cause = next(iter(frame.attrs["failures"].items()))
            raise ScoreError(f"No {self.spec.id} of '{name}': {cause}")
        if self.spec.level == "set":
            return frame.attrs["sets"][self.spec.id]
        return frame[self.spec.id]
