"""`mfsr-bench run`: from LR photographs to a table."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.cli.execution import carry_out
from benchmarks.cli.machine import cores, devices
from benchmarks.cli.options import (
    DEFAULT_PROTOCOL,
    Datasets,
    Devices,
    Dtype,
    Limit,
    Metrics,
    Missing,
    Out,
    Plan,
    Policy,
    Prompts,
    ProtocolId,
    Seed,
    Workers,
)
from benchmarks.options import Json, Quiet, split_datasets, split_lists

# With no argument: on built-in photographs, with methods that need no download.
DEFAULT_METHODS = ("nearest", "bicubic", "lanczos", "mfsr-tiny")
DEFAULT_DATASETS = ("sample",)


def run(
    *,
    methods: Annotated[
        list[str] | None,
        typer.Option("--methods", "-m", help="name[@steps][+option=value], as a comma list."),
    ] = None,
    datasets: Datasets = None,
    metrics: Metrics = None,
    protocol: ProtocolId = DEFAULT_PROTOCOL,
    out: Out = None,
    plan: Plan = False,
    missing: Missing = None,
    seed: Seed = 0,
    batch_size: Annotated[int, typer.Option(help="LR images at a time, where sizes agree.")] = 1,
    device: Devices = None,
    dtype: Dtype = None,
    faithful: Annotated[
        bool, typer.Option("--faithful", help="Keep upstream's declared quirks instead of mending.")
    ] = False,
    offload: Annotated[
        bool, typer.Option("--offload", help="Keep on the GPU only the part that computes.")
    ] = False,
    prompts: Prompts = "",
    limit: Limit = None,
    images: Annotated[list[str] | None, typer.Option(help="Only these image ids.")] = None,
    workers: Workers = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Restore, score and tabulate; with no argument, the embedded job on built-in photographs.

    Whatever is interrupted, the same command finishes it: nothing that is done is done again.
    """
    from benchmarks.engine.preflight import Request

    embedded = not methods and not datasets
    policy = missing or (Policy.SKIP if embedded else Policy.ERROR)
    request = Request(
        methods=split_lists(methods) or DEFAULT_METHODS,
        datasets=split_datasets(datasets) or DEFAULT_DATASETS,
        metrics=split_lists(metrics),
        protocol=protocol,
        out=out,
        seed=seed,
        batch_size=batch_size,
        devices=devices(split_lists(device)),
        workers=cores() if workers is None else workers,
        dtype=dtype,
        faithful=faithful,
        offload=offload,
        prompts=prompts,
        missing="skip" if policy is Policy.SKIP else "error",
        limit=limit,
        images=split_lists(images),
    )
    carry_out(request, fetch=policy is Policy.FETCH, plan=plan, quiet=quiet, json=json)
