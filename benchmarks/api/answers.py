"""What a server's refusal means, and what a person can do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

NO_CONNECTION = "no connection"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a server gave no file.

    Attributes:
        what: in a few words, to follow a colon.
        remedy: one line.
        passes: whether the same request may succeed later.
        closed: whether a sign-in or a licence stands before the file.
    """

    what: str
    remedy: str
    passes: bool = False
    closed: bool = False


UNREACHED = Refusal(NO_CONNECTION, "Check the connection and repeat the command.", passes=True)
SWITCHED_OFF = Refusal(
    "HF_HUB_OFFLINE is set, and the file is not in the cache",
    "Unset HF_HUB_OFFLINE and repeat the command.",
)


def refusal(response: Any, *, page: str) -> Refusal:
    """Return what an HTTP status of 400 or more means.

    Args:
        response: of `requests` or `httpx`.
        page: where a person looks at what was asked for.
    """
    status: int = response.status_code
    if status in (401, 403):
        what = f"{status}: the server wants a sign-in, or a licence to be accepted"
        return Refusal(what, f"Open {page} and see what it asks for.", closed=True)
    if status in (404, 410):
        remedy = f"Look for it from {page}; a newer mfsr-bench may know where it is now."
        return Refusal(f"{status}: the file is not there, or no longer", remedy)
    if status == 429:
        remedy = f"Wait {_pause(response)} and repeat the command."
        return Refusal("429: too many requests from here", remedy, passes=True)
    if status >= 500:
        remedy = "Nothing is wrong on this machine: repeat the command later."
        return Refusal(f"{status}: the server is out of order", remedy, passes=True)
    return Refusal(f"{status}: the server does not understand", f"Open {page} in a browser.")


def _pause(response: Any) -> str:
    """Return how long a server that is asked too often wants to be left alone."""
    after = response.headers.get("Retry-After", "")
    reset = re.search(r"\bt=(\d+)", response.headers.get("RateLimit", ""))  # the hub's own way
    seconds = after if after.isdigit() else reset[1] if reset else ""
    return f"{seconds} seconds" if seconds else f"until {after}" if after else "some minutes"


def no_answer(error: BaseException) -> Refusal:
    """Return what a request that got no status means; the error is one of `requests` or `httpx`."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "SSLError" in kinds or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Refusal(
            "the server's certificate is not accepted",
            "A proxy or a login page answers in its place: open a browser and sign in to the "
            "network, or set REQUESTS_CA_BUNDLE and SSL_CERT_FILE.",
            passes=True,
        )
    if "ProxyError" in kinds:
        return Refusal("the proxy refuses", "See HTTPS_PROXY and NO_PROXY.", passes=True)
    if kinds & {"Timeout", "TimeoutException", "TimeoutError"}:
        return Refusal("no answer in time", _AGAIN, passes=True)
    if "ChunkedEncodingError" in kinds:
        return Refusal("the connection broke", _AGAIN, passes=True)
    if kinds & {"ConnectionError", "TransportError"}:
        return UNREACHED
    return Refusal(" ".join(str(error).split())[:200] or type(error).__name__, _AGAIN)


_AGAIN = "Repeat the command: the download continues where it stopped."
