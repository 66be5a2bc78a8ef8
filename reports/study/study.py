"""A study as it is kept by who runs it: `key.json`, which never leaves with the packet.

<study>/key.json        this: what every blind name stands for, design, seed, exclusion rule
<study>/packet/         what raters get: index.html and stimuli/<name>.png
<study>/answers.sqlite  what `study serve` collected
<study>/votes.csv, raters.csv, refused.csv, ingest.json   from `study ingest`
<study>/analysis/       from `study analyse`
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.api.errors import ConfigError, ConflictError, DataError
from benchmarks.api.images import show, write_atomic
from reports.study.design import Image, StudyDesign, assignment, raters

SCHEMA = 1
KEY = "key.json"
PACKET = "packet"
LR = "lr"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionRule:
    """Which raters do not count: fixed when a study is built, before any answer is seen."""

    failed_obvious: int = 1  # obvious trials failed, or more
    fast_share: float = 0.2  # more than this share of trials answered in under `fast_seconds`
    fast_seconds: float = 2.0
    answered: float = 0.5  # less than this share of the rated trials answered
    repeats_agreed: float = 0.0  # less than this share of repeated trials answered alike

    def __post_init__(self) -> None:
        shares = {
            "fast": self.fast_share,
            "answered": self.answered,
            "agreed": self.repeats_agreed,
        }
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ConfigError(f"--exclude-{name} {share} is no share.", "Give 0 to 1.")
        if self.failed_obvious < 1 or self.fast_seconds < 0:
            raise ConfigError("--exclude-failed is at least 1 and --fast-seconds at least 0.")

    def __str__(self) -> str:
        times = "one obvious trial" if self.failed_obvious == 1 else "obvious trials"
        failed = times if self.failed_obvious == 1 else f"{self.failed_obvious} {times}"
        reasons = [
            f"failed {failed} or more",
            f"answered more than {self.fast_share:.0%} of the trials in under "
            f"{self.fast_seconds:g} s",
            f"answered less than {self.answered:.0%} of the rated trials",
        ]
        if self.repeats_agreed:
            reasons.append(f"answered less than {self.repeats_agreed:.0%} of repeated trials alike")
        return f"A rater is excluded who {', or who '.join(reasons)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What raters read."""

    title: str
    question: str
    consent: str  # paragraphs, parted by empty lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study."""

    design: StudyDesign
    wording: Wording
    rule: ExclusionRule
    min_seconds: float  # before which a trial cannot be answered
    titles: Mapping[str, str]  # method -> as printed
    sizes: Mapping[Image, tuple[int, int]]  # (width, height)
    secret: str  # hex; what blind names are made with
    provenance: tuple[str, ...]  # of the runs

    @property
    def id(self) -> str:
        """What tells this study from every other; it says nothing of what is in it."""
        return self.name("study")[:12]

    def name(self, *things: str) -> str:
        """Return the blind name of something: without the secret it tells nothing."""
        words = json.dumps([self.secret, *things])
        return hashlib.blake2b(words.encode(), digest_size=10).hexdigest()

    def code(self, rater: str) -> str:
        """Return the completion code of a rater."""
        return self.name("code", rater)[:10].upper()

    def stimuli(self) -> dict[str, tuple[Image, str]]:
        """Return blind name -> (image, source), where a source is a method, `lr` or blurred."""
        design = self.design
        found: dict[str, tuple[Image, str]] = {}
        for rater in raters(design):
            for trial in assignment(design, rater):
                for source in (LR, *trial.shown):
                    found[self.name(*trial.image, source)] = (trial.image, source)
        return dict(sorted(found.items()))

    def plan_sha256(self) -> str:
        """Return the hash of all trials of all raters: another version must make the same."""
        digest = hashlib.sha256()
        for rater in raters(self.design):
            for trial in assignment(self.design, rater):
                digest.update(json.dumps([rater, *asdict(trial).values()]).encode())
        return digest.hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data, readable without this program."""
        return {
            "schema": SCHEMA,
            "study": self.id,
            "secret": self.secret,
            "design": asdict(self.design),
            "wording": asdict(self.wording),
            "exclusion_rule": asdict(self.rule),
            "exclusion_rule_in_words": str(self.rule),
            "min_seconds": self.min_seconds,
            "titles": dict(self.titles),
            "sizes": [[*image, *size] for image, size in self.sizes.items()],
            "provenance": list(self.provenance),
            "plan_sha256": self.plan_sha256(),
            "stimuli": {
                name: {"dataset": image[0], "image": image[1], "source": source}
                for name, (image, source) in self.stimuli().items()
            },
        }


def write_study(study: Study, folder: Path) -> None:
    """Write the key."""
    write_atomic(folder / KEY, (json.dumps(study.as_json(), indent=1) + "\n").encode())


def read_study(folder: Path) -> Study:
    """Read a study from its folder.

    Raises:
        DataError: there is none, or its key is damaged.
        ConflictError: it was made by a version that asks raters other questions.
    """
    path = folder / KEY
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["schema"] != SCHEMA:
            raise ConflictError(
                f"{show(path)} has schema {content['schema']}; this program reads {SCHEMA}.",
                "Use the version of mfsr-bench that made it.",
            )
        study = _study(content)
        plan = content["plan_sha256"]
    except FileNotFoundError:
        raise DataError(
            f"There is no study in {show(folder)}.",
            "Make one: mfsr-bench study build RUN --out DIR",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{show(path)} cannot be read: {type(error).__name__}: {error}.") from None
    if study.plan_sha256() != plan:
        raise ConflictError(
            f"{show(path)} was made by a version of mfsr-bench that gives raters other trials.",
            "Use that version to ingest and analyse it.",
        )
    return study


def _study(content: Mapping[str, Any]) -> Study:
    design = content["design"]
    return Study(
        design=StudyDesign(
            **design
            | {
                "methods": tuple(design["methods"]),
                "images": tuple((dataset, image) for dataset, image in design["images"]),
                "obvious": tuple((dataset, image) for dataset, image in design["obvious"]),
            }
        ),
        wording=Wording(**content["wording"]),
        rule=ExclusionRule(**content["exclusion_rule"]),
        min_seconds=content["min_seconds"],
        titles=content["titles"],
        sizes={(one[0], one[1]): (one[2], one[3]) for one in content["sizes"]},
        secret=content["secret"],
        provenance=tuple(content["provenance"]),
    )
