"""Hugging Face repositories: what is cached here already, and getting the rest.

`HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` are honoured: the hub's
own library does the work.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from benchmarks.api import reach
from benchmarks.api.answers import SWITCHED_OFF, UNREACHED, Refusal, no_answer, refusal
from benchmarks.api.errors import (
    MFSRBenchError,
    ResourceError,
    WeightsGatedError,
    WeightsMissingError,
)

_TOKENS = "https://huggingface.co/settings/tokens and run: hf auth login"
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


def endpoint() -> str:
    """Return the address of the hub or of its mirror; empty where HF_HUB_OFFLINE is set."""
    from huggingface_hub import constants

    return "" if constants.HF_HUB_OFFLINE else str(constants.ENDPOINT)


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
        WeightsGatedError: the licence has to be accepted, or a token is missing or has expired.
        WeightsMissingError: offline, no such file, or the hub does not answer.
        ResourceError: the disk is full or refuses the write.
    """
    from huggingface_hub import hf_hub_download

    reach.ask(filter(None, [endpoint()]))
    if reach.is_silent(endpoint()):
        raise WeightsMissingError(
            f"Cannot download {filename} of {repo}: {UNREACHED.what}.", UNREACHED.remedy
        )
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


def _explain(error: Exception, repo: str, filename: str, page: str) -> MFSRBenchError:
    """Turn the hub library's errors into ours, by what lies behind them."""
    what = f"Cannot download {filename} of {repo}"
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in _DISK:
            return ResourceError(
                f"{what}: {cause.strerror}.", "Free space, or let HF_HOME name another folder."
            )
    refused = _refusal(causes, page or f"https://huggingface.co/{repo}")
    kind = WeightsGatedError if refused.closed else WeightsMissingError
    return kind(f"{what}: {refused.what}.", refused.remedy)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _refusal(causes: list[BaseException], page: str) -> Refusal:
    from huggingface_hub import get_token

    answers = (getattr(cause, "response", None) for cause in causes)
    response: Any = next((answer for answer in answers if answer is not None), None)
    if response is None:
        if any(type(cause).__name__ == "OfflineModeIsEnabled" for cause in causes):
            return SWITCHED_OFF
        return no_answer(causes[-1])
    signed_in = get_token() is not None
    if response.status_code == 401 and signed_in:
        return Refusal(
            "401: the token is wrong or has expired", f"Get one at {_TOKENS}", closed=True
        )
    if response.headers.get("X-Error-Code") == "GatedRepo":
        then = "with the account of your token." if signed_in else "then run: hf auth login"
        return Refusal(
            f"{response.status_code}: its licence has to be accepted first",
            f"Open {page}, accept the licence, {then}",
            closed=True,
        )
    if response.status_code == 403 and signed_in:
        return Refusal("403: the token may not read it", f"Allow it to at {_TOKENS}", closed=True)
    if response.status_code == 401:
        return Refusal(
            "401: the repository is private or does not exist any more",
            f"Open {page}; if you can see it, run: hf auth login",
            closed=True,
        )
    return refusal(response, page=page)
