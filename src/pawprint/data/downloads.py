"""Get one archive from a URL, a file or a folder: check its hash, then put it in place.

A checked archive stays in the store, `.downloads/HASH`, so that a stage whose output DVC has
deleted finds it again without a network. An interrupted download stays there as `HASH.part` and is
resumed. The final name never holds anything but a checked archive.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import requests

from pawprint.core import files
from pawprint.data import fetch_errors
from pawprint.data.source import Source
from pawprint.storage import folders, web_pages

MAX_RETRIES = 5  # connections in a row that bring no new byte
WAIT = 0.5  # seconds before the second try; doubled each time
CHUNK_BYTES = 1 << 16  # bytes; a broken connection loses less than one piece
TIMEOUT = (10, 60)  # seconds: to connect, between two pieces
STORE = files.project_root() / ".downloads"
AGAIN = "try again, or put the new hash there if you trust it"
Generators = Mapping[str, Callable[[Path], None]]  # by the `url` of a data set that is made here
UPDATE = "`pawprint new NAME --update` shows what has changed, and writes the new hash"


def fetch_to(
    source: Source,
    target: Path,
    on_progress: Callable[[int], object],
    store: Path = STORE,
    generators: Generators | None = None,
) -> str:
    """Put the source's bytes at `target`; return a line on where they came from, then the notes.

    Args:
        source: the source; a folder is packed into a tar first.
        target: the path; replaced as a whole, or left as it was.
        on_progress: called with the size in bytes of each piece from the network.
        store: the folder of checked archives.
        generators: functions that write the datasets that need no network, by `url`.

    Raises:
        FileNotFoundError: there is no such local file or folder.
        ConnectionError: the URL could not be reached, or the server returned an error.
        ValueError: the bytes do not have the expected hash, or a URL has no hash.
    """
    path, origin = fetch_verified(source, on_progress, store, generators)
    with files.atomic_write(target) as temporary:
        files.link_or_copy(path, temporary)
    return origin


def fetch_verified(
    source: Source,
    on_progress: Callable[[int], object],
    store: Path = STORE,
    generators: Generators | None = None,
) -> tuple[Path, str]:
    """The checked archive in the store, and where it came from; raises the errors of `fetch_to`."""
    path, origin = fetch(source, on_progress, store, generators)
    if source.is_remote and not source.expected:
        raise ValueError(
            f"{source.url}: datasets.yaml gives no hash for this file ({_size(path):,} "
            f"bytes{web_pages.kind(path)}), so a change of it would go unnoticed; the download is "
            f"kept: add `sha256: {path.name}` next to its url and run again"
        )
    return path, origin


def fetch(
    source: Source,
    on_progress: Callable[[int], object],
    store: Path = STORE,
    generators: Generators | None = None,
) -> tuple[Path, str]:
    """Like `fetch_verified`, but a URL needs no hash: its file is stored under its own sha256."""
    store.mkdir(parents=True, exist_ok=True)
    if source.expected:
        algorithm, expected = source.expected
        path = store / expected
        if path.is_file() and files.file_hash(path, algorithm) == expected:  # it may be damaged
            return path, f"{source.url}: kept from an earlier run"
    return _fetch_to_store(source, store, on_progress, generators or {})


def fetch_once(url: str, path: Path, on_progress: Callable[[int], object]) -> Path:
    """Download `path` from the URL unless it is there; the caller checks its hash.

    Raises:
        ConnectionError: the URL could not be reached, or the server returned an error.
        ValueError: the server returned a web page.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        folder = os.environ.get("PAWPRINT_DATA")
        if folder and (Path(folder) / path.name).is_file():
            shutil.copyfile(Path(folder) / path.name, part)
        else:
            _download(url, part, on_progress)
            _refuse_page(url, part)
        files.replace_file(part, path)
    return path


def _fetch_to_store(
    source: Source, store: Path, on_progress: Callable[[int], object], generators: Generators
) -> tuple[Path, str]:
    local = None if source.url in generators else local_place(source)
    part = store / f"{_key(source)}.part"
    if local is None and source.is_remote:
        _download(source.url, part, on_progress)
        path = _verify(source, part, store, AGAIN)
        return path, f"{source.url}: downloaded, {_size(path):,} bytes"
    # a part for each process, since it is begun from nothing; a download's part is to be resumed
    part, notes = part.with_suffix(f".{os.getpid()}.part"), list[str]()
    with files.atomic_write(part) as temporary:
        if local is None:
            generators[source.url](temporary)
        elif local.is_dir():
            notes = folders.pack(local, temporary)
        else:
            shutil.copyfile(local, temporary)  # never a link: DVC makes its files read-only
    path = _verify(source, part, store, UPDATE)
    origin = f"{local or source.url}: copied, {_size(path):,} bytes, sha256 {files.file_hash(path)}"
    return path, "\n".join([origin, *(f"note: {note}" for note in notes)])


def local_place(source: Source) -> Path | None:
    """The local file or folder of the source; None for a URL."""
    path = Path(source.url).expanduser()
    if not source.is_remote and path.exists():
        return path  # what is written there wins
    folder, name = os.environ.get("PAWPRINT_DATA"), source.file_name
    if folder and name and (Path(folder) / name).exists():
        return Path(folder) / name
    if source.is_remote:
        return None
    raise FileNotFoundError(
        f"{source.url}: {folders.absence(path)}; fix `url` in datasets.yaml (an http(s) URL, a "
        "path or a folder), or set PAWPRINT_DATA to the folder that contains it"
    )


def _key(source: Source) -> str:
    """The source's name in the store: its hash, or one made from its URL."""
    if source.expected:
        return source.expected[1]
    return "url-" + hashlib.sha256(source.url.encode()).hexdigest()[:16]  # a URL has slashes


def _verify(source: Source, part: Path, store: Path, remedy: str) -> Path:
    """Rename a complete file to its hash; remove a wrong one, so that the next run starts again."""
    algorithm, expected = source.expected or ("sha256", "")
    actual = files.file_hash(part, algorithm)
    # only with another hash, or none given: a web page may be the file that was wanted
    if actual != expected and remedy == AGAIN:
        _refuse_page(source.url, part)
    if expected and actual != expected:
        size, known = part.stat().st_size, web_pages.kind(part)
        part.unlink()
        raise ValueError(
            f"{source.url}: {algorithm} {actual} ({size:,} bytes{known}) is not the {expected} of "
            f"datasets.yaml; it has changed or was damaged in transfer: {remedy}"
        )
    kept = store / actual
    files.replace_file(part, kept)
    return kept


def _refuse_page(url: str, part: Path) -> None:
    """Remove a web page that came instead of a file, and raise an error with what it is."""
    if page := web_pages.read(part):
        part.unlink()
        raise ValueError(fetch_errors.page(url, page))


def _download(url: str, part: Path, on_progress: Callable[[int], object]) -> None:
    """Append what is missing to `part`, over several connections if necessary."""
    failures, size = 0, _size(part)
    while True:
        try:
            for piece in _pieces(url, part):
                on_progress(piece)
            return
        except (requests.RequestException, OSError) as error:
            if fetch_errors.is_about_this_machine(error):
                raise
            failures = failures + 1 if _size(part) == size else 1
            if failures >= MAX_RETRIES or fetch_errors.is_final(error):
                raise ConnectionError(fetch_errors.message(url, error, _size(part))) from error
            size = _size(part)
            time.sleep(WAIT * 2 ** (failures - 1))  # 0.5, 1, 2, 4 s: given up after 7.5 s


def _pieces(url: str, part: Path) -> Iterator[int]:
    """Yield the sizes of the pieces that one connection appends to `part`.

    The server's validator is stored next to the part, so that a file that has changed since is
    downloaded again (`If-Range`), never joined to the old half.
    """
    tag = part.with_suffix(".tag")
    headers = {"Accept-Encoding": "identity"}  # the bytes as published: a Range counts these
    if _size(part) and tag.is_file():
        headers |= {"Range": f"bytes={_size(part)}-", "If-Range": tag.read_text("utf-8")}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416 and _is_whole(answer, part):  # an earlier run got all
            return
        if answer.status_code == 416:  # the part is longer than the file: the next try begins it
            part.unlink()
        fetch_errors.check_status(answer)
        resumed = answer.status_code == 206
        if resumed and not answer.headers.get("Content-Range", "").startswith(
            f"bytes {_size(part)}-"
        ):
            part.unlink()
            raise requests.ConnectionError("the server sent a different part than requested")
        validator = answer.headers.get("ETag") or answer.headers.get("Last-Modified", "")
        # a weak ETag (W/) may be equal for other bytes, and If-Range takes none (RFC 9110)
        if validator and not validator.startswith("W/"):
            files.write_text(tag, validator)
        else:
            tag.unlink(missing_ok=True)
        with files.blame_when_full(part), part.open("ab" if resumed else "wb") as file:
            for piece in answer.iter_content(CHUNK_BYTES):
                file.write(piece)
                yield len(piece)
        # urllib3 before 2.0 takes a connection that ends early for the end of the file
        expected = answer.headers.get("Content-Length")
        if expected is not None and answer.raw.tell() < int(expected):
            raise requests.ConnectionError(f"the connection ended early, at {_size(part):,} bytes")
    tag.unlink(missing_ok=True)


def _is_whole(answer: requests.Response, part: Path) -> bool:
    """Whether the server refused the range because nothing is left to send."""
    return answer.headers.get("Content-Range", "") == f"bytes */{_size(part)}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
