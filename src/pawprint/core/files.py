"""Write whole files only: first under a temporary name, then renamed into place."""

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHUNK = 1 << 20  # bytes
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room: on the disk, of one's own, for a file
COPIES = (".dvc", "tmp", "exps")  # where DVC makes the copies that queued experiments run in


def project_root() -> Path:
    """The project's folder, which holds its stores: the one DVC names, else the working folder.

    If an experiment runs in a copy of the project (`dvc exp run --temp`, or the queue), this is the
    original project: a store outlives the copy.
    """
    here = Path(os.environ.get("DVC_ROOT", "."))
    for folder in here.absolute().parents:
        if folder.parts[-3:] == COPIES:
            return folder.parents[2]
    return here


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path next to `path`: renamed to it if the block succeeds, else removed."""
    # beside the target, since a rename is atomic only within a file system; the process's id in its
    # name keeps two runs at once from writing to one file
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with blame_when_full(path):
            yield temporary
            replace_file(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # the name that a person knows
        raise
    finally:
        with suppress(OSError):  # on a disk that is read-only, of no file too
            temporary.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder next to `path`: takes its place if the block succeeds, else removed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # in a container the next run often has the number of one that was killed
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with blame_when_full(path):
            temporary.mkdir(parents=True)
            yield temporary
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        temporary.rename(path)
    except OSError as error:
        if str(error.filename).startswith(str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_file(source: Path, target: Path) -> None:
    """Rename a file over another, which Windows refuses where DVC has made that read-only."""
    try:
        source.replace(target)
    except PermissionError:
        if not os.access(target.parent, os.W_OK) or target.stat().st_mode & stat.S_IWRITE:
            raise
        target.chmod(0o644)
        source.replace(target)


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link to a file; a copy, where the system or the disk has no such links."""
    try:
        os.link(source.resolve(), target)
    except (AttributeError, OSError):
        shutil.copyfile(source, target)


def with_slashes(path: str, separator: str = os.sep) -> str:
    r"""A path that was typed as it is written to a file: with forward slashes, also on Windows.

    >>> with_slashes(r"..\pics", "\\"), with_slashes(r"odd\name", "/")
    ('../pics', 'odd\\name')
    """
    return path.replace(separator, "/")


@contextmanager
def blame_when_full(path: Path) -> Iterator[None]:
    """Report a full disk for `path`: a failed write names no file, a copy names its source."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            error.filename, error.filename2 = str(path), None
        raise


def is_address(place: str) -> bool:
    r"""Whether a place begins as a URL does; one letter before the colon is a drive of Windows.

    >>> [is_address(place) for place in ("https://a.org/b.zip", "sklearn:digits", r"C:\pics", "a")]
    [True, True, False, False]
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", place) is not None


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8, with its line ends unchanged."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON in the order given.

    Raises:
        ValueError: a number is NaN or infinite, which is not JSON.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with one header line; floats in the shortest form that reads back equal."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        # csv's default is \r\n on every system
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error}); delete it, then `dvc repro`") from error
    return content


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """The hexadecimal hash of the file's bytes, read in chunks of 1 MiB."""
    # DVC and some data sets have md5 only, which a FIPS build of Python refuses for security
    hashed = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            hashed.update(piece)
    return hashed.hexdigest()


def state(path: Path) -> list[int]:
    """Size and time of a file, which change whenever it is written."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def text_hash(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
