"""Damages files of others, and has commands read them: each is read or refused, in plain words.

    python tests/reliability/fuzz.py                    # 200 damaged copies of each kind of file
    python tests/reliability/fuzz.py papers weights:new.pth --count 5000 --seed 1

It prints what happened, and keeps the files that ended in anything else.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

from subjects import MAKERS, Subject, begin, damaged

_SLOW_S = 10.0


class Restored:
    """Folders as they were, in the face of commands that write into them."""

    def __init__(self, folders: tuple[Path, ...], keep: Path) -> None:
        """Keep copies of the folders."""
        self._copies = {folder: keep / str(i) for i, folder in enumerate(folders)}
        for folder, copy in self._copies.items():
            if folder.exists():
                shutil.copytree(folder, copy)

    def restore(self) -> None:
        """Put the copies back."""
        for folder, copy in self._copies.items():
            shutil.rmtree(folder, ignore_errors=True)
            if copy.exists():
                shutil.copytree(copy, folder)


def fuzz(subject: Subject, count: int, seed: int, kept: Path) -> Counter[str]:
    """Have damaged copies of a file read; return how that ended, and how often."""
    whole = subject.path.read_bytes()
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folders = Restored(subject.spoilt, Path(place))
        for number in range(seed * 1_000_000, seed * 1_000_000 + count):
            content = damaged(whole, number, documents=subject.documents)
            subject.path.write_bytes(content)
            read = subject.reads[number % len(subject.reads)]
            began = time.monotonic()
            try:
                read()
                outcome = "answered"
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                outcome = f"{type(error).__name__}"
                file = kept / f"{subject.name}-{number}"
                file.write_bytes(content)
                if outcomes[outcome] < 4:
                    print(f"{file}, reader {number % len(subject.reads)}")
                    print("".join(traceback.format_exception(error, limit=-6))[-3000:], flush=True)
            if time.monotonic() - began > _SLOW_S:
                print(f"slow: {subject.name} {number}", flush=True)
                (kept / f"slow-{subject.name}-{number}").write_bytes(content)
                outcomes["slow"] += 1
            outcomes[outcome] += 1
            folders.restore()
            subject.path.write_bytes(whole)
    return outcomes


def main() -> int:
    """Return the number of kinds of files that ended in a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"{', '.join(MAKERS)}; or one file of these")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    failed = 0
    kept = Path(tempfile.mkdtemp(prefix="fuzz-"))
    with tempfile.TemporaryDirectory(prefix="fuzz-home-") as home:
        spec = begin(Path(home))
        for name in given.names or MAKERS:
            group, _, wanted = name.partition(":")
            for subject in MAKERS[group](Path(home), spec):
                if wanted in ("", subject.name):
                    outcomes = fuzz(subject, given.count, given.seed, kept)
                    failed += set(outcomes) != {"answered"}
                    print(f"{subject.name}: {dict(outcomes)}", flush=True)
    print(f"Files are kept in {kept}.")
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
