"""What a stage prints: progress bars, the table of epochs, one line for an error.

Source of the exit codes: 128 + the signal's number, as in shells.
"""

import codecs
import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from pawprint.core import files
from pawprint.terminal import undo

Item = TypeVar("Item")
RUN = Path("reports/run")  # git-ignored: what may differ between two equal runs
WRITTEN = [("data",), ("models",), ("reports",)]  # by stages, in these folders
EXPECTED = (ValueError, OSError, MemoryError)
WANT = (  # of memory, in the words of torch, CUDA, oneDNN, Python and the system
    *("out of memory", "can't allocate memory", "Cannot allocate memory", "bad_alloc"),
    *("ALLOC_FAILED", "can't start new thread", "could not create a primitive"),
)
# which of several processes that train together this is: the first one tells what all would
NUMBER = int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else 0
GRACE = 5  # seconds in which whoever started the processes ends them, after one has failed


def read_names_as_utf8() -> None:
    """Restart this program in Python's UTF-8 mode if the locale has another encoding.

    Otherwise file names, and the labels in them, would depend on the locale. Output stays in the
    terminal's encoding.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ |= {"PYTHONUTF8": "1", "PYTHONIOENCODING": getattr(sys.stdout, "encoding", "utf-8")}
    # orig_argv has `-m` and Python's own options, which sys.argv lacks
    command = [sys.executable, *sys.orig_argv[1:]]
    if hasattr(os, "fork"):
        os.execv(sys.executable, command)
    # Windows: execv would end this process at once with 0; Ctrl-C reaches the child, which tells
    signal.signal(signal.SIGINT, lambda *_: None)
    sys.exit(subprocess.run(command, check=False).returncode)


def escape_letters() -> None:
    r"""Print letters that the terminal's encoding lacks as \u1234, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def encode_as_utf8() -> None:
    """Print UTF-8 whatever the terminal uses: output for programs must not have escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def is_utf8() -> bool:
    """Whether the output is encoded as UTF-8."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"


def run_stage(main: Callable[[], dict[str, Any] | None], stage: str) -> None:
    """Run a stage's main; on an error that a user can cause, print one line per error and exit 1.

    If interrupted (Ctrl-C, or SIGTERM), it exits with 130 or 143, so that DVC commits nothing. The
    result of `main` is stored in reports/run/STAGE.json with the time and the versions.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # stages/__init__.py had another
    signal.signal(signal.SIGTERM, exit_on_signal)
    read_names_as_utf8()
    escape_letters()
    started = time.perf_counter()
    try:
        details = main() or {}
        if NUMBER == 0:
            write_run_record(stage, time.perf_counter() - started, details)
    except KeyboardInterrupt:
        if NUMBER == 0:
            print(
                f"{stage}: interrupted; nothing was committed; run it again to continue",
                file=sys.stderr,
            )
        sys.exit(130)
    except (*EXPECTED, RuntimeError) as error:
        lost = is_connection_lost(error)
        if not (isinstance(error, EXPECTED) or lost or is_out_of_memory(error)):
            raise
        if NUMBER or lost:
            time.sleep(GRACE)
        for line in [*error_message(error).splitlines(), *undo.advice(error)]:
            print(f"{stage}: {line}", file=sys.stderr)
        sys.exit(1)
    finally:  # from here on Python only tidies up: a signal ends it without a traceback
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def is_connection_lost(error: Exception) -> bool:
    """Whether another process of the same training has gone."""
    return isinstance(error, RuntimeError) and (
        "gloo" in str(error) or type(error).__name__.startswith("Dist")
    )


def is_out_of_memory(error: Exception) -> bool:
    """Whether the CPU or GPU ran out of memory; torch reports it only as text."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in WANT)


def run_command(command: Callable[[], object], name: str) -> None:
    """Run a command that is not a stage; exit 1 with one line on an error that a user can cause."""
    try:
        command()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone
        # else Python fails once more as it flushes at its end; 141 = 128 + SIGPIPE, as from a shell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (*EXPECTED, RuntimeError) as error:
        if not (isinstance(error, EXPECTED) or is_out_of_memory(error)):
            raise
        sys.exit(f"{name}: {error_message(error)}")


def error_message(error: Exception) -> str:
    """What went wrong, where, and how to fix it, also for errors of the operating system."""
    if is_connection_lost(error):
        return (
            "lost the connection to the other processes; read their messages; a new run continues "
            "from the last complete epoch"
        )
    if is_out_of_memory(error):
        what = (str(error) or type(error).__name__).splitlines()[0]
        return (
            f"out of memory: {what[:200]}; close other programs, or lower batch_size or "
            "size (for training), presize.size, or runtime.memory in params.yaml"
        )
    if isinstance(error, UnicodeEncodeError):  # of a name: what is printed is escaped
        return f"{error.object[:200]!a}: this name is not UTF-8; rename it, and run again"
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    ours = error.filename and Path(str(error.filename)).parts[:1] in WRITTEN
    rerun = "; an earlier stage writes it; run `dvc repro` in the project's folder"
    remedy = {
        errno.ENOENT: rerun if ours else "",
        errno.ENOSPC: "; no data is lost; free some space on this disk and run again",
        errno.EDQUOT: "; no data is lost; free some space within your quota and run again",
        errno.EFBIG: "; no data is lost; raise `ulimit -f`, or use a disk for larger files",
        errno.EACCES: "; get permission for it and run again",
        errno.EROFS: "; copy the project to a writable disk",
    }
    return f"{where}{error.strerror}{remedy.get(error.errno or 0, '')}"


def exit_on_signal(number: int, _frame: object) -> NoReturn:
    """Exit as if the signal were unhandled, but remove temporary files."""
    sys.exit(128 + number)


def write_run_record(stage: str, seconds: float, details: dict[str, Any]) -> None:
    """Write the record of this run; it is neither an input nor an output of the graph."""
    packages = ("pawprint", "torch", "torchvision", "numpy", "pandas", "pillow", "dvc")
    facts = {
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in packages},
    }
    files.write_json(RUN / f"{stage}.json", facts | details)


def progress_bar(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Iterate over the items with a progress bar, if the output is a terminal."""
    yield from tqdm(items, what, total, disable=NUMBER > 0 or None, leave=False)


def byte_bar(what: str) -> "tqdm[NoReturn]":
    """A progress bar that counts bytes; silent if the output is not a terminal."""
    return tqdm(desc=what, unit="B", unit_scale=True, disable=None, leave=False)


def table_row(cells: Iterable[str | int | float], wide: int = 11) -> str:
    """One line of a table: words and integers unchanged, floats with six decimals.

    A float that is very small or needs more than ten letters gets four digits and an exponent.
    """
    texts = (
        f"{cell:{'.6f' if cell == 0 or 1e-3 <= abs(cell) < 999 else '.4g'}}"
        if isinstance(cell, float)
        else str(cell)
        for cell in cells
    )
    return "".join(f"{text:>{wide}}" for text in texts)


def format_seconds(seconds: float) -> str:
    """Minutes and seconds, such as 01:05; below ten seconds with tenths, such as 7.3 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60:02d}:{round(seconds) % 60:02d}"
