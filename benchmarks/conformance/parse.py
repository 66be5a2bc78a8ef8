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
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.conformance.columns import METRIC_OF_COLUMN, metric_of

Samples = dict[str, dict[str, float]]  # metric id -> image -> value

_LONG = ["dataset", "method", "image", "metric", "value"]
_IMAGE_LINE = re.compile(r" - INFO: (?P<image>\S[^|]*?) \| (?P<scores>[^|]*) \| Runtime: ")
_IMAGE_START = re.compile(r" - INFO: [^|]*\.\w+ *\|")
_MEANS_LINE = re.compile(r"(?P<scores>[^|]+: [^|]+)\| FID: (?P<fid>[^|]+)\| FID Runtime: ")
_PRINTED = 0.5e-4 + 1e-6  # the log prints means to four decimals, of scores printed to six


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScores:
    """What somebody published, by our metric ids."""

    title: str
    samples: Mapping[str, Mapping[str, float]]  # metric -> image -> value
    sets: Mapping[str, float]  # set metric -> value over all images

    @property
    def images(self) -> tuple[str, ...]:
        """The images, sorted; every sample metric has a value for each."""
        return tuple(sorted(next(iter(self.samples.values()), ())))


def read_published(path: Path, *, title: str = "") -> PublishedScores:
    """Return the scores in a log or CSV file.

    Raises:
        DataError: the file cannot be read, is neither of the three kinds, is cut short or
            contradicts itself, or holds a value that is not a finite number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {show(path)}: {error}") from None
    where = show(path)
    if path.suffix.casefold() == ".log":
        samples, sets = _read_log(text, where)
    else:
        samples, sets = _read_csv(text, where), {}
    _check_complete(samples, where)
    return PublishedScores(title=title or where, samples=samples, sets=sets)


def _read_log(text: str, where: str) -> tuple[Samples, dict[str, float]]:
    samples: Samples = {}
    means: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        here = f"{where}, line {number}"
        if row := _IMAGE_LINE.search(line):
            for column, value in _scores(row["scores"], here):
                _add(samples, _metric(column, here), _image(row["image"]), value, here)
        elif _IMAGE_START.search(line):
            raise DataError(f"{here}: not a line of scores: {line.strip()[:80]!r}")
        elif row := _MEANS_LINE.match(line):
            means = {_metric(name, here): value for name, value in _scores(row["scores"], here)}
            means[METRIC_OF_COLUMN["fid"]] = _number(row["fid"], here)
    if not samples:
        raise DataError(f"{where} holds no scores of images.", "It is not a log of OSEDiff's kind.")
    if not means:
        raise DataError(f"{where} has no set means: it is cut short.", "Get the file again.")
    _check_means(samples, means, where)
    return samples, {metric: value for metric, value in means.items() if metric not in samples}


def _scores(text: str, here: str) -> Iterator[tuple[str, float]]:
    for item in text.split(";"):
        column, colon, value = item.partition(":")
        if not colon:
            raise DataError(f"{here}: {item.strip()[:40]!r} is not 'NAME: value'.")
        yield column.strip(), _number(value, f"{here}, {column.strip()}")


def _check_means(samples: Samples, means: Mapping[str, float], where: str) -> None:
    for metric, values in samples.items():
        printed, computed = means.get(metric), math.fsum(values.values()) / len(values)
        if printed is None or abs(printed - computed) > _PRINTED:
            raise DataError(
                f"{where} contradicts itself: the mean of {metric} is {computed:.6f} over its "
                f"{len(values)} images, and printed as {printed}.",
                "Lines are missing or changed: get the file again.",
            )


def _read_csv(text: str, where: str) -> Samples:
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
        return _read_long(numbered, where)
    if not header or header[0].casefold() != "image":
        raise DataError(
            f"{where}: the first line is neither 'image,PSNR,...' nor '{','.join(_LONG)}'."
        )
    return _read_wide(header, numbered, where)


def _read_wide(header: list[str], rows: Iterable[tuple[str, list[str]]], where: str) -> Samples:
    metrics = [_metric(column, f"{where}, header") for column in header[1:]]
    samples: Samples = {}
    for here, (image, *values) in rows:
        for metric, value in zip(metrics, values, strict=True):
            number = _number(value, f"{here}, {metric}")
            _add(samples, metric, _image(image), number, here)
    return samples


def _read_long(rows: Iterable[tuple[str, list[str]]], where: str) -> Samples:
    samples: Samples = {}
    sources = set()
    for here, (dataset, method, image, metric, value) in rows:
        sources.add(f"{method} on {dataset}")
        if len(sources) > 1:
            raise DataError(
                f"{where} holds scores of several sets: {', '.join(sorted(sources))}.",
                "Keep the rows of one method on one data set.",
            )
        _add(samples, metric, image, _number(value, f"{here}, {metric}"), here)
    return samples


def _add(samples: Samples, metric: str, image: str, value: float, here: str) -> None:
    values = samples.setdefault(metric, {})
    if image in values:
        raise DataError(f"{here}: a second {metric} of '{image}'.")
    values[image] = value


def _metric(column: str, here: str) -> str:
    metric = metric_of(column)
    if metric is None:
        known = ", ".join(METRIC_OF_COLUMN)
        raise DataError(
            f"{here}: no metric is known as '{column}'.",
            f"Name it by a metric id (mfsr-bench list metrics) or one of: {known}",
        )
    return metric


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
