"""Hugging Face repositories: what is cached here already, and getting the rest.

`HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` are honoured: the hub's
own library does the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from benchmarks.api.errors import WeightsGatedError, WeightsMissingError
from benchmarks.api.images import first_line


def cached_file(repo: str, filename: str, revision: str = "main") -> Path | None:
    """Return where a hub file lies in the local cache, or None."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, filename, revision=revision)
    return Path(found) if isinstance(found, str) else None


def cached_folder(repo: str, files: tuple[str, ...], revision: str = "main") -> Path | None:
    """Return the local snapshot of a hub repository if all of `files` are in it, or None."""
    root: Path | None = None
    for file in files:
        path = cached_file(repo, file, revision)
        if path is None:
            return None
        root = path.parents[len(Path(file).parts) - 1]
    return root


def origin(path: Path) -> str:
    """Return "<repository>/tree/<commit>" of what lies in the hub's cache, "" of anything else."""
    for folder in (path, *path.parents):
        cache = folder.parents[1].name if len(folder.parents) > 1 else ""
        if folder.parent.name == "snapshots" and cache.startswith("models--"):
            repo = cache.removeprefix("models--").replace("--", "/")
            return f"{repo}/tree/{folder.name}"
    return ""


def fetch_file(
    repo: str,
    filename: str,
    revision: str = "main",
    *,
    page: str = "",
    repo_type: Literal["model", "dataset"] = "model",
) -> Path:
    """Download one hub file into the hub's cache and return its path.

    Raises:
        WeightsGatedError: the licence has to be accepted, or a token is missing.
        WeightsMissingError: offline, or no such file.
    """
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repo, filename, revision=revision, repo_type=repo_type))
    except Exception as error:
        raise _explain(error, repo, filename, page) from None


def fetch_folder(
    repo: str, files: tuple[str, ...], revision: str = "main", *, page: str = ""
) -> Path:
    """Download the named files of a hub repository and return the snapshot's folder.

    Raises:
        WeightsGatedError: the licence has to be accepted, or a token is missing.
        WeightsMissingError: offline, or no such repository or file.
    """
    for file in files:
        fetch_file(repo, file, revision, page=page)
    folder = cached_folder(repo, files, revision)
    if folder is None:
        raise WeightsMissingError(f"{repo} was downloaded but is not complete in the cache.")
    return folder


def _explain(
    error: Exception, repo: str, filename: str, page: str
) -> WeightsGatedError | WeightsMissingError:
    """Turn the hub library's errors into ours. They are told apart by name: its modules move."""
    page = page or f"https://huggingface.co/{repo}"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return WeightsGatedError(
            f"{repo} is gated: its licence has to be accepted before {filename} can be downloaded.",
            f"Open {page}, accept the licence, then run: hf auth login",
        )
    if "RepositoryNotFoundError" in kinds:
        return WeightsGatedError(
            f"{repo} does not exist any more, or needs a token.",
            f"Open {page}; if you can see it, run: hf auth login",
        )
    return WeightsMissingError(
        f"Cannot download {filename} of {repo}: {first_line(error)}",
        "Check the connection (HF_ENDPOINT, HF_HUB_OFFLINE) and repeat the command.",
    )
