"""Published scores -> values per image. Three kinds of file are read.

- OSEDiff's log: `<time> - INFO: <folder>/<image>.png | PSNR: 20.03; SSIM: 0.71 | Runtime: ...`,
  one line per image, then the set means;
- a wide CSV: `image,PSNR,SSIM,...`, one row per image;
- our own `scores.csv`: `dataset,method,image,metric,value`.

Images are named by their file name without folder and suffix, metrics by our ids.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path, PurePosixPath

from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.conformance.columns import METRIC_OF_COLUMN, metric_of, other_arithmetic

Samples = dict[str, dict[str, float]]  # metric id -> image -> value

_LONG = ["dataset", "method", "image", "metric", "value"]
_IMAGE_LINE = re.compile(r" - INFO: (?P<image>\S[^|]*?) \| (?P<scores>[^|]*) \| Runtime: ")
_IMAGE_START = re.compile(r" - INFO: [^|]*\.\w+ *\|")
_MEANS_LINE = re.compile(r"(?P<scores>[^|]+: [^|]+)\| FID: (?P<fid>[^|]+)\| FID Runtime: ")
_SLACK = 1e-9  # of sums of printed numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScores:
    """What somebody published, by our metric ids."""

    title: str
    samples: Mapping[str, Mapping[str, float]]  # metric -> image -> value
    sets: Mapping[str, float]  # set metric -> value over all images
    rounding: Mapping[str, float] = field(default_factory=dict)  # metric -> half its last place

    def read_as(self, metrics: Iterable[str]) -> PublishedScores:
        """Return the same scores, with columns again under the other arithmetic that is named.

        Args:
            metrics: metric ids; `lpips@alex` adds to a column `lpips@alex-tf32` the same values to
                be compared with float32, and the other way round.
        """
        again = {
            metric: other
            for metric in metrics
            if (other := other_arithmetic(metric)) and other in self.samples
        }
        return replace(
            self,
            samples={**self.samples, **{new: self.samples[old] for new, old in again.items()}},
            rounding={**self.rounding, **{new: self.rounding[old] for new, old in again.items()}},
        )

    @property
    def images(self) -> tuple[str, ...]:
        """The images, sorted; every sample metric has a value for each."""
        return tuple(sorted(next(iter(self.samples.values()), ())))


@dataclass(slots=True)
class _Reading:
    """What has been read of a file so far."""

    where: str
    arithmetic: str
    samples: Samples = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)  # metric -> decimals, the most of a column

    def metric(self, column: str, here: str) -> str:
        metric = metric_of(column, self.arithmetic)
        if metric is None:
            known = ", ".join(METRIC_OF_COLUMN)
            raise DataError(
                f"{here}: no metric is known as '{column}'.",
                f"Name it by a metric id (mfsr-bench list metrics) or one of: {known}",
            )
        return metric

    def add(self, metric: str, image: str, text: str, here: str) -> None:
        values = self.samples.setdefault(metric, {})
        if image in values:
            raise DataError(f"{here}: a second {metric} of '{image}'.")
        values[image] = _number(text, f"{here}, {metric}")
        self.places[metric] = max(self.places.get(metric, 0), _places(text))

    def published(self, title: str) -> PublishedScores:
        sets = {metric: mean for metric, mean in self.means.items() if metric not in self.samples}
        return PublishedScores(
            title=title or self.where,
            samples=self.samples,
            sets=sets,
            rounding={metric: _half_unit(places) for metric, places in self.places.items()},
        )


def read_published(path: Path, *, title: str = "", arithmetic: str = "") -> PublishedScores:
    """Return the scores in a log or CSV file.

    Args:
        path: the file.
        title: what it is called; empty for its path.
        arithmetic: "tf32" where its network metrics were computed so; a column that names a metric
            id means that id.

    Raises:
        DataError: the file cannot be read, is neither of the three kinds, is cut short or
            contradicts itself, or holds a value that is not a finite number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {show(path)}: {error}") from None
    reading = _Reading(show(path), arithmetic)
    if path.suffix.casefold() == ".log":
        _read_log(text, reading)
    else:
        _read_csv(text, reading)
    _check_complete(reading.samples, reading.where)
    return reading.published(title)


def _read_log(text: str, reading: _Reading) -> None:
    printed: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        here = f"{reading.where}, line {number}"
        if row := _IMAGE_LINE.search(line):
            for column, value in _scores(row["scores"], here):
                reading.add(reading.metric(column, here), _image(row["image"]), value, here)
        elif _IMAGE_START.search(line):
            raise DataError(f"{here}: not a line of scores: {line.strip()[:80]!r}")
        elif row := _MEANS_LINE.match(line):
            for column, value in (*_scores(row["scores"], here), ("fid", row["fid"])):
                metric = reading.metric(column, here)
                reading.means[metric] = _number(value, f"{here}, {column}")
                printed[metric] = _places(value)
    if not reading.samples:
        raise DataError(
            f"{reading.where} holds no scores of images.", "It is not a log of OSEDiff's kind."
        )
    if not reading.means:
        raise DataError(
            f"{reading.where} has no set means: it is cut short.", "Get the file again."
        )
    _check_means(reading, printed)
    reading.places = printed | reading.places


def _scores(text: str, here: str) -> Iterator[tuple[str, str]]:
    for item in text.split(";"):
        column, colon, value = item.partition(":")
        if not colon:
            raise DataError(f"{here}: {item.strip()[:40]!r} is not 'NAME: value'.")
        yield column.strip(), value


def _check_means(reading: _Reading, printed: Mapping[str, int]) -> None:
    for metric, values in reading.samples.items():
        mean, computed = reading.means.get(metric), math.fsum(values.values()) / len(values)
        allowed = _half_unit(printed.get(metric, 0)) + _half_unit(reading.places[metric]) + _SLACK
        if mean is None or abs(mean - computed) > allowed:
            raise DataError(
                f"{reading.where} contradicts itself: the mean of {metric} is {computed:.6f} over "
                f"its {len(values)} images, and printed as {mean}.",
                "Lines are missing or changed: get the file again.",
            )


def _read_csv(text: str, reading: _Reading) -> None:
    where = reading.where
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"{where} is not CSV: {error}") from None
    header = [title.strip() for title in rows[0]] if rows else []
    numbered = [(f"{where}, row {i}", row) for i, row in enumerate(rows[1:], start=2) if row]
    for here, row in numbered:
        if len(row) != len(header):
            raise DataError(f"{here} has {len(row)} cells where the header has {len(header)}.")
    if header == _LONG:
        _read_long(numbered, reading)
    elif not header or header[0].casefold() != "image":
        raise DataError(
            f"{where}: the first line is neither 'image,PSNR,...' nor '{','.join(_LONG)}'."
        )
    else:
        _read_wide(header, numbered, reading)


def _read_wide(header: list[str], rows: Iterable[tuple[str, list[str]]], reading: _Reading) -> None:
    metrics = [reading.metric(column, f"{reading.where}, header") for column in header[1:]]
    for here, (image, *values) in rows:
        for metric, value in zip(metrics, values, strict=True):
            reading.add(metric, _image(image), value, here)


def _read_long(rows: Iterable[tuple[str, list[str]]], reading: _Reading) -> None:
    sources = set()
    for here, (dataset, method, image, metric, value) in rows:
        sources.add(f"{method} on {dataset}")
        if len(sources) > 1:
            raise DataError(
                f"{reading.where} holds scores of several sets: {', '.join(sorted(sources))}.",
                "Keep the rows of one method on one data set.",
            )
        reading.add(metric, image, value, here)


def _image(text: str) -> str:
    return PurePosixPath(text.strip()).stem


def _number(text: str, here: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{here}: {text.strip()[:40]!r} is not a number.") from None
    if not math.isfinite(value):
        raise DataError(f"{here}: the value is {text.strip()}.")
    return value


def _places(text: str) -> int:
    """Return how many decimals a number is printed with.

    >>> _places("25.10"), _places("3"), _places("2.5e-3")
    (2, 0, 4)
    """
    exponent = Decimal(text.strip()).as_tuple().exponent
    assert isinstance(exponent, int)  # of a finite number
    return max(0, -exponent)


def _half_unit(places: int) -> float:
    return 0.5 * 10.0**-places


def _check_complete(samples: Samples, where: str) -> None:
    """Every metric has a value for every image: means over different images mean nothing."""
    if not samples:
        raise DataError(f"{where} holds no scores.")
    every = set().union(*samples.values())
    for metric, values in samples.items():
        lacking = sorted(every.difference(values))
        if lacking:
            raise DataError(
                f"{where} has no {metric} for {len(lacking)} of {len(every)} images: "
                f"{', '.join(lacking[:3])}."
            )
