"""Looking for what requests name: methods, data sets, metrics, prompts, and the weights of all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import registry, requirements
from benchmarks.api.card import WeightFile
from benchmarks.api.errors import ConfigError, DataError, UsageError
from benchmarks.api.prompts import PromptRuntime
from benchmarks.api.weight_checks import check, check_folder
from benchmarks.api.weights import WeightStore
from benchmarks.datasets.opening import OpenDataset, open_dataset
from benchmarks.datasets.places import locate
from benchmarks.devices import cores
from benchmarks.engine.prompts import given
from benchmarks.methods import Method, Wishes, resolve_all
from benchmarks.metrics.version import metric_version
from benchmarks.missing import Missing
from benchmarks.plan import PromptSource, Scoring
from benchmarks.results.directory import slug

if TYPE_CHECKING:
    from benchmarks.api.card import PromptKind, Weights
    from benchmarks.api.metric import MetricSpec
    from benchmarks.metrics.protocol import Protocol
    from benchmarks.requirements import Requirement
    from benchmarks.results.cache import ScoreCache

NO_PROMPTS = "none"
_LONGEST_NAME = 255  # bytes of a file name, nearly everywhere


class Search:
    """Looks for what requests name, and keeps what it does not find."""

    def __init__(self, cache: ScoreCache) -> None:
        self.store = WeightStore()
        self.missing: list[Missing] = []
        self.skipped: list[Missing] = []  # what metrics that are left out would need
        self._cache = cache

    def methods(self, texts: Iterable[str], wishes: Wishes) -> tuple[Method, ...]:
        """Return the methods that `texts` name, and look for their weights.

        Raises:
            UsageError: a name, option, number of steps or dtype that does not exist.
        """
        found = resolve_all(texts, replace(wishes, weights=self.store))
        for method in found:
            check_length(slug(method.key), f"The row of '{method.key[:40]}...'")
        self.weights(dict.fromkeys(requirements.of_methods(method.card for method in found)))
        return found

    def datasets(self, specs: Iterable[str]) -> tuple[OpenDataset, ...]:
        """Return the data sets that are here.

        Raises:
            UsageError: a name that does not exist, or two of one name.
            DataError: a data set that is here is not what it should be.
        """
        found: dict[str, OpenDataset] = {}
        for spec in specs:
            check_length(locate(spec).card.id, "The name of a data set")
            try:
                dataset = open_dataset(spec, sha256=self._cache.sha256)
            except DataError as error:
                self.missing.append(
                    Missing(what="data set", name=spec, needed_by="the run", error=error)
                )
                continue
            name = dataset.card.id
            if name in found:
                raise ConfigError(
                    f"Two data sets would both be '{name}'.", "Name them: folder:NAME=LR[,HR]"
                )
            found[name] = dataset
        return tuple(found.values())

    def scoring(
        self,
        protocol: Protocol,
        metrics: Mapping[bool, tuple[MetricSpec, ...]],
        kinds: Iterable[bool],
        *,
        skip: bool,
        used: tuple[str, ...],
        workers: int | None,
    ) -> Scoring:
        """Return the metrics that can be computed, and look for their weights.

        Args:
            protocol: what tables name.
            metrics: for sets with (True) and without (False) reference.
            kinds: of the sets that there are.
            skip: leave out metrics whose weights are not here, rather than miss them.
            used: devices.
            workers: processes for light metrics; None: one per core.

        Raises:
            WeightsCorruptError: a weight file is not the one that its metric names.
            PluginError: a package is not installed.
        """
        specs = tuple(dict.fromkeys(spec for kind in kinds for spec in metrics[kind]))
        absent = self._absent(requirements.of_metrics(specs))
        without = {item.needed_by: item.status.state for item in absent if item.status}
        (self.skipped if skip else self.missing).extend(absent)
        skipped = {spec: f"weights {without[spec]}" for spec in sorted(without)} if skip else {}
        return Scoring(
            protocol=protocol,
            metrics={
                kind: tuple(spec for spec in chosen if spec.id not in skipped)
                for kind, chosen in metrics.items()
            },
            versions={
                spec.id: metric_version(spec, self.store, self._cache.sha256)
                for spec in specs
                if spec.id not in without
            },
            skipped=skipped,
            weights=self.store,
            devices=used,
            workers=cores() if workers is None else workers,
        )

    def prompts(
        self,
        methods: Sequence[Method],
        datasets: Sequence[OpenDataset],
        asked: str | None,
        *,
        device: str,
    ) -> tuple[PromptSource, ...]:
        """Return where the prompts of each kind that a method asks for come from.

        Args:
            methods: those that ask.
            datasets: the images that need one.
            asked: None: extracted; "none"; or a folder of texts.
            device: of the extractors.
        """
        kinds = dict.fromkeys(m.card.prompt for m in methods if m.asks_for_prompts)
        if asked == NO_PROMPTS:
            return tuple(PromptSource(kind=kind, version=NO_PROMPTS) for kind in kinds)
        if asked:
            folder = Path(asked).expanduser()
            version = self._given(folder, datasets) if kinds else ""
            return tuple(PromptSource(kind=kind, version=version, folder=folder) for kind in kinds)
        return tuple(self._extracted(kind, device) for kind in kinds)

    def _given(self, folder: Path, datasets: Sequence[OpenDataset]) -> str:
        digest = hashlib.sha256()
        for dataset in datasets:
            for sample in dataset.samples:
                name = dataset.card.id
                try:
                    digest.update(given(folder, name, sample.id).encode() + b"\n")
                except DataError as error:
                    self.missing.append(
                        Missing(what="prompts", name=sample.id, needed_by=name, error=error)
                    )
        return f"given:{digest.hexdigest()}"

    def _extracted(self, kind: PromptKind, device: str) -> PromptSource:
        extractor = registry.prompt_extractor(kind)
        card = extractor.card
        here = self.weights(requirements.of_prompts([card]))
        hashes = self.hashes(card.name, card.weights) if here else {}
        version = json.dumps([kind, card.dtypes[0], hashes], sort_keys=True)
        return PromptSource(
            kind=kind,
            version=hashlib.sha256(version.encode()).hexdigest()[:16],
            extractor=extractor,
            runtime=PromptRuntime(card=card, weights=self.store, device=device),
        )

    def weights(self, needs: Iterable[Requirement]) -> bool:
        """Look for weights; return whether all of them are here."""
        absent = self._absent(needs)
        self.missing += absent
        return not absent

    def _absent(self, needs: Iterable[Requirement]) -> list[Missing]:
        found = []
        for need in needs:
            status = need.status(self.store)
            if status.error:
                name, error = need.weight.name, status.error
                found += [
                    Missing(what="weights", name=name, needed_by=user, error=error, status=status)
                    for user in need.needed_by
                ]
        return found

    def hashes(self, owner: str, weights: Sequence[Weights]) -> dict[str, str]:
        """Return the sha256 of every weight file; files that did not change are not read again.

        Raises:
            WeightsCorruptError: a file is not the one that its card names.
        """
        found = {}
        for weight in weights:
            path = self.store.require(owner, weight)
            if isinstance(weight, WeightFile):
                found[weight.name] = check(weight, path, self._cache.sha256)
            else:
                check_folder(weight, path, self._cache.sha256)
                for file in weight.files:
                    found[f"{weight.name}/{file}"] = self._cache.sha256(path / file)
        return found


def check_length(name: str, what: str) -> None:
    """Raise if no file can have a name.

    Raises:
        UsageError: it is too long.
    """
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise UsageError(
            f"{what} is {len(name)} characters long; {_LONGEST_NAME} bytes are possible.",
            "Choose a shorter one.",
        )
