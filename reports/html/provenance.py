"""Where the numbers of a page come from, as sections of names and values."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.results.session import read_sessions

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.identity import Dataset, Method, Metric

Facts = list[tuple[str, str]]  # names and values, without what is empty
Section = dict[str, Any]


def provenance(comparison: Comparison, results: Sequence[RunResults]) -> dict[str, Any]:
    """Return sections of facts, the invocations of every run, and each run.json as text."""
    return {
        "sections": list(_sections(comparison)),
        "sessions": [session for one in results for session in _sessions(one)],
        "records": [
            {"title": f"{run.name}/run.json", "text": json.dumps(one.run, indent=1)}
            for run, one in zip(comparison.runs, results, strict=True)
        ],
    }


def _sections(comparison: Comparison) -> Iterator[Section]:
    protocol = comparison.protocol
    yield _section("Protocol", [(protocol.id, [("hash", protocol.hash), ("rule", protocol.rule)])])
    yield _section("Runs", [(run.name, [("made by", run.label)]) for run in comparison.runs])
    yield _section(
        "Data sets", [(one.title, _of_dataset(one)) for one in comparison.datasets.values()]
    )
    yield _section("Methods", [(one.title, _of_method(one)) for one in comparison.methods.values()])
    yield _section(
        "Metrics",
        [(one.title, _of_metric(one, comparison)) for one in comparison.metrics.values()],
    )


def _section(title: str, entries: Iterable[tuple[str, Iterable[tuple[str, Any]]]]) -> Section:
    return {
        "title": title,
        "entries": [
            {"title": name, "facts": [(key, str(value)) for key, value in facts if value]}
            for name, facts in entries
        ],
    }


def _of_dataset(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    yield "id", dataset.id
    yield "images", dataset.n
    yield "references", "yes" if dataset.has_reference else "none"
    yield "manifest", dataset.manifest


def _of_method(method: Method) -> Iterator[tuple[str, Any]]:
    facts, card = method.facts, method.facts["card"]
    yield "key", method.key
    yield "steps", method.steps
    yield "options", ", ".join(f"{name}={value}" for name, value in method.options.items())
    yield "base model", card.get("base_model")
    yield "prompt", _unless(card.get("prompt"), "none")
    yield "colour fix", _unless(card.get("colour_fix"), "none")
    yield "precision", facts.get("dtype")
    yield "paper", _paper(card.get("paper"))
    yield "upstream", _upstream(card.get("upstream"))
    for name, digest in (facts.get("weights") or {}).items():
        yield f"weights {name}", digest
    kept = "kept" if facts.get("faithful") else "mended"
    yield from (("deviation", text) for text in card.get("deviations") or ())
    yield from ((f"upstream quirk, {kept}", text) for text in card.get("quirks") or ())


def _unless(value: Any, nothing: str) -> Any:
    return None if value == nothing else value


def _paper(paper: Mapping[str, Any] | None) -> str:
    return (
        " ".join(str(paper[key]) for key in ("title", "arxiv") if paper.get(key)) if paper else ""
    )


def _upstream(upstream: Mapping[str, Any] | None) -> str:
    if not upstream:
        return ""
    return " ".join(str(upstream[key]) for key in ("repo", "commit") if upstream.get(key))


def _of_metric(metric: Metric, comparison: Comparison) -> Iterator[tuple[str, Any]]:
    yield "id", metric.id
    yield "definition", metric.facts.get("definition")
    yield "version", metric.facts.get("version")
    yield "left out", comparison.why_skipped(metric.id)


def _sessions(results: RunResults) -> Iterator[dict[str, str]]:
    for session in read_sessions(results.path):
        tool, machine = session.get("tool") or {}, session.get("machine") or {}
        gpus = ", ".join(machine.get("gpus") or ())
        commit = str(tool.get("commit") or "")[:12] + (" + changes" if tool.get("dirty") else "")
        yield {
            "started": str(session.get("started", "")),
            "finished": str(session.get("finished", "")),
            "exit": str(session.get("exit_code", "")),
            "command": shlex.join(["mfsr-bench", *map(str, session.get("argv") or ())]),
            "tool": f"{tool.get('version', '')} {commit}".strip(),
            "machine": ", ".join(
                filter(
                    None,
                    [
                        str(machine.get("cpu") or ""),
                        f"{machine['cores']} cores" if machine.get("cores") else "",
                        gpus,
                    ],
                )
            ),
            "packages": ", ".join(
                f"{name} {version}" for name, version in (session.get("packages") or {}).items()
            ),
        }
