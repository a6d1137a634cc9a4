"""Places of images (archives, folders, blocks): read file by file, never unpacked to disk."""

import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from pawprint.storage import (
    entries,
    file_type,
    image_files,
    manifest,
    not_archives,
    sanitize,
    zip_names,
)
from pawprint.storage.entries import Entry
from pawprint.storage.image_files import Listing

BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, lzma.LZMAError, EOFError),
    RuntimeError,  # a zip that is encrypted, or compressed in a way that Python does not know
)
MAX_BYTES = 256 << 20  # bytes of a file that is read whole


def read_files(path: Path, selected: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each selected file, in the archive's order; of equal names the first file.

    Raises:
        ValueError: the file is neither a tar (plain, gz, bz2, xz) nor a zip; it is damaged; or a
            selected file in it is a link or a device, or larger than MAX_BYTES.
    """
    left = set(selected)
    with _explain_errors(path):
        for entry in entries.walk(path):
            if entry.name in left:
                _check(path, entry)
                left.discard(entry.name)
                yield entry.name, entry.read(-1)


def listing(path: Path, shown: str = "") -> Listing:
    """The files in an archive: its images, sorted by code point, and all others.

    Args:
        path: the archive.
        shown: the name in messages instead of `path`, such as the URL of the archive.

    Raises:
        ValueError: it holds no image, a name occurs twice, a name cannot be put into a table, a
            file is a link or a device or larger than MAX_BYTES, or as for `read_files`.
    """
    images_listing, guesses, place = Listing(), list[str](), shown or str(path)
    with _explain_errors(path, place):
        for entry in entries.walk(path):
            if image_files.is_candidate(entry.name):
                _check(place, entry)
            images_listing.add(
                entry.name, entry.is_plain, partial(entry.read, file_type.HEAD_BYTES)
            )
            guesses += [entry.name] * entry.is_guess
    images_listing.notes.extend([zip_names.note(guesses)] if guesses else [])
    sound = images_listing.without_backups()
    if not sound.images:
        raise ValueError(f"{place}: {not_archives.no_image(entries.archive_in(path), sound)}")
    sanitize.check_names(place, sound.images)
    return sound


def file_hashes(path: Path, names: Collection[str]) -> dict[str, str]:
    """The sha256 of the bytes of these files, by name; those in blocks are not read.

    It is of the file, not of the pixels: to find copies that were saved again, all must be decoded.
    """
    if entries.is_blocks(path):
        known = manifest.read(path / manifest.FILE).hashes
        return {name: known[name] for name in names}
    return {name: hashlib.sha256(data).hexdigest() for name, data in read_files(path, names)}


def image_names(path: Path) -> list[str]:
    """The images in an archive, sorted by code point; raises as `listing` does."""
    return listing(path).images


def file_names(path: Path) -> list[str]:
    """All files in an archive, images or not, in its order.

    Raises:
        ValueError: as for `read_files`.
    """
    with _explain_errors(path):
        return [entry.name for entry in entries.walk(path)]


def match_names(names: Iterable[str]) -> dict[str, list[str]]:
    """The images that a text may mean: by path, else by file name, else by the name's stem.

    >>> match_names(["a/1.jpg", "b/1.jpg"])["1"]
    ['a/1.jpg', 'b/1.jpg']
    """
    files, stems = defaultdict(list), defaultdict(list)
    paths = {name: [name] for name in names}
    for path in map(PurePosixPath, paths):
        files[path.name].append(str(path))
        stems[path.stem].append(str(path))
    # the last one wins: a path before a file name before a stem
    return {**stems, **files, **paths}


def check_count(path: Path, count: int | None, shown: str = "") -> None:
    """Check the number of images against the `count` of datasets.yaml, where one is given.

    Raises:
        ValueError: they differ, or as for `listing`.
    """
    images = len(listing(path, shown).images)
    if count is not None and images != count:
        raise ValueError(
            f"{shown or path}: {images:,} images, but datasets.yaml has count: {count:,}; fix "
            "`count`, or check its `url` in datasets.yaml"
        )


def read_texts(path: Path, selected: Mapping[str, str]) -> dict[str, str]:
    """Text files of an archive.

    Args:
        path: the archive.
        selected: the name of a member for each key.

    Returns:
        The text for each key.

    Raises:
        ValueError: a member is missing or not UTF-8, or as for `read_files`.
    """
    members = dict(read_files(path, selected.values()))
    absent = [name for name in selected.values() if name not in members]
    if absent:
        raise ValueError(
            f"{path}: not in this archive: {', '.join(absent)}; fix `lists` in datasets.yaml"
        )
    return {key: decode_text(members[name], name) for key, name in selected.items()}


def decode_text(data: bytes, name: str) -> str:
    """A file's bytes as text: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: they are not UTF-8.
    """
    try:
        # Excel's `CSV UTF-8` has a byte order mark, which would go into the first column's name
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name}: byte {error.start + 1:,} is not UTF-8; save the file as UTF-8 (in a "
            "spreadsheet, choose `CSV UTF-8`)"
        ) from error


@contextmanager
def _explain_errors(path: Path, shown: str = "") -> Iterator[None]:
    """Raise an error about the archive if the block cannot read it, with what the file is."""
    try:
        yield
    except BROKEN as error:
        why = not_archives.why(entries.archive_in(path), error)
        raise ValueError(f"{shown or path}: {why}") from error


def _check(path: Path | str, entry: Entry) -> None:
    """Raise an error for an image that cannot be read here, or would fill the memory."""
    if not entry.is_plain:
        raise ValueError(
            f"{path}: {entry.name!r} is a link or a device, not a file; pack the archive again "
            "with the image itself (tar --dereference --hard-dereference)"
        )
    if entry.size > MAX_BYTES:
        raise ValueError(
            f"{path}: {entry.name!r} has {entry.size:,} bytes, more than the limit of "
            f"{MAX_BYTES:,}; remove it"
        )
