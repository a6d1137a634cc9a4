"""What a stage shows: progress bars, the table of epochs, one line for an error.

Source of the exit codes: 128 + the signal's number, as shells have it.
"""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from pawprint import files

Item = TypeVar("Item")
RUN = Path("reports/run")  # git-ignored: what may differ between two equal runs
WRITTEN = [("data",), ("models",), ("reports",)]  # by stages, in these folders
EXPECTED = (ValueError, OSError, MemoryError)


def run(main: Callable[[], dict[str, Any] | None], stage: str) -> None:
    """Run a stage's main; on an error that a user can cause, one line a fault and exit 1.

    Interrupted (Ctrl-C, or SIGTERM), it exits with 130 or 143, so that DVC commits nothing.
    What `main` returns is kept in reports/run/STAGE.json with the time and the versions.
    """
    signal.signal(signal.SIGTERM, stop)
    started = time.perf_counter()
    try:
        details = main() or {}
        record(stage, time.perf_counter() - started, details)
    except KeyboardInterrupt:
        print(f"{stage}: interrupted; nothing was committed", file=sys.stderr)
        sys.exit(130)
    except EXPECTED as error:
        for line in said(error).splitlines():
            print(f"{stage}: {line}", file=sys.stderr)
        sys.exit(1)


def told(command: Callable[[], object], name: str) -> None:
    """Run a command that is no stage; exit 1 with one line on an error that a user can cause."""
    try:
        command()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except EXPECTED as error:
        sys.exit(f"{name}: {said(error)}")


def said(error: Exception) -> str:
    """What went wrong, where, and how to mend it, also where the system raised it."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    ours = error.filename and Path(str(error.filename)).parts[:1] in WRITTEN
    remedy = {
        errno.ENOENT: "; an earlier stage writes it: run `dvc repro`" if ours else "",
        errno.ENOSPC: "; nothing is lost: make room on this disk and run again",
        errno.EACCES: "; give yourself the right to it and run again",
        errno.EROFS: "; copy the project to a disk that can be written to",
    }
    return f"{where}{error.strerror}{remedy.get(error.errno or 0, '')}"


def stop(number: int, _frame: object) -> NoReturn:
    """End as if unhandled, but with the temporary files removed on the way."""
    sys.exit(128 + number)


def record(stage: str, seconds: float, details: dict[str, Any]) -> None:
    """What this run was: never an input or output of the graph."""
    packages = ("pawprint", "torch", "torchvision", "numpy", "pandas", "pillow", "dvc")
    facts = {
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in packages},
    }
    files.write_json(RUN / f"{stage}.json", facts | details)


def bar(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """The items, under a progress bar where the output is a terminal."""
    yield from tqdm(items, what, total, disable=None, leave=False)


def byte_bar(what: str) -> "tqdm[NoReturn]":
    """A progress bar that counts bytes; silent where the output is no terminal."""
    return tqdm(desc=what, unit="B", unit_scale=True, disable=None, leave=False)


def row(cells: Iterable[str | int | float], wide: int = 11) -> str:
    """One line of a table: words and integers as they are, floats with six decimals."""
    texts = (f"{cell:.6f}" if isinstance(cell, float) else str(cell) for cell in cells)
    return "".join(f"{text:>{wide}}" for text in texts)


def clock(seconds: float) -> str:
    """Minutes and seconds, as 01:05; tenths while below ten seconds, as 7.3 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60:02d}:{round(seconds) % 60:02d}"
