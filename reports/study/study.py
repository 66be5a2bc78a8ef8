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

from pydantic.dataclasses import dataclass as document

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import ConfigError, ConflictError, DataError
from benchmarks.api.images import show
from reports.study.design import Image, StudyDesign, assignment, raters
from reports.study.labels import Labels

SCHEMA = 1
KEY = "key.json"
PACKET = "packet"
LR = "lr"


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
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


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class Wording:
    """What raters read."""

    title: str
    question: str
    consent: str  # paragraphs, parted by empty lines
    labels: Labels = Labels()


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


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Stimulus:
    """What a blind name stands for."""

    dataset: str
    image: str
    source: str


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Key:
    """`key.json`: a study, and what follows from it, readable without this program."""

    schema: int
    study: str
    secret: str
    design: StudyDesign
    wording: Wording
    exclusion_rule: ExclusionRule
    exclusion_rule_in_words: str
    min_seconds: float
    titles: dict[str, str]
    sizes: tuple[tuple[str, str, int, int], ...]  # data set, image, width, height
    provenance: tuple[str, ...]
    plan_sha256: str
    stimuli: dict[str, _Stimulus]


def write_study(study: Study, folder: Path) -> None:
    """Write the key."""
    key = _Key(
        schema=SCHEMA,
        study=study.id,
        secret=study.secret,
        design=study.design,
        wording=study.wording,
        exclusion_rule=study.rule,
        exclusion_rule_in_words=str(study.rule),
        min_seconds=study.min_seconds,
        titles=dict(study.titles),
        sizes=tuple((*image, *size) for image, size in study.sizes.items()),
        provenance=study.provenance,
        plan_sha256=study.plan_sha256(),
        stimuli={
            name: _Stimulus(dataset=image[0], image=image[1], source=source)
            for name, (image, source) in study.stimuli().items()
        },
    )
    documents.write(key, folder / KEY)


def read_study(folder: Path) -> Study:
    """Read a study from its folder.

    Raises:
        DataError: there is none, or its key is damaged.
        ConflictError: it was made by a version that asks raters other questions.
    """
    path = folder / KEY
    if not path.is_file():
        raise DataError(
            f"There is no study in {show(folder)}.",
            "Make one: mfsr-bench study build RUN --out DIR",
        )
    remedy = "Use the version of mfsr-bench that made it."
    plain = documents.read_version(path, SCHEMA, remedy=remedy)
    try:
        key = documents.check(_Key, plain, where=show(path), error=DataError)
    except ConfigError as wrong:  # what would be one on the command line
        raise DataError(f"{show(path)}: {wrong.cause}", "It was damaged or edited.") from None
    study = Study(
        design=key.design,
        wording=key.wording,
        rule=key.exclusion_rule,
        min_seconds=key.min_seconds,
        titles=key.titles,
        sizes={(dataset, image): (width, height) for dataset, image, width, height in key.sizes},
        secret=key.secret,
        provenance=key.provenance,
    )
    if study.plan_sha256() != key.plan_sha256:
        raise ConflictError(
            f"{show(path)} was made by a version of mfsr-bench that gives raters other trials.",
            "Use that version to ingest and analyse it.",
        )
    return study
