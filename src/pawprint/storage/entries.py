"""The files in a place of images: a tar, a zip, a folder, or the blocks that stage fetch writes."""

import hashlib
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pawprint.storage import folders, manifest, tar_members, zip_names

ARCHIVE = "archive"  # the only file in stage fetch's folder, where the data set is an archive


class Entry(NamedTuple):
    """A file in an archive."""

    name: str
    is_plain: bool  # no link, no device
    size: int  # bytes, as the archive says
    read: Callable[[int], bytes]  # so many of its bytes at most; -1 for all
    is_guess: bool = False  # the name, whose encoding nothing tells


def normalize_name(name: str) -> str:
    """The member's name with forward slashes and without a leading `./`."""
    # some programs on Windows write backslashes, which the zip format does not allow
    return PurePosixPath(name.replace("\\", "/")).as_posix()


def walk(place: Path) -> Iterator[Entry]:
    """Each file in it; those of a folder sorted by name, of blocks by block."""
    place = archive_in(place)
    if not place.is_dir():
        return (_walk_zip if zipfile.is_zipfile(place) and not _is_tar(place) else _walk_tar)(place)
    table = place / manifest.FILE
    return _walk_blocks(place, manifest.read(table)) if is_blocks(place) else _walk_folder(place)


def is_blocks(place: Path) -> bool:
    """Whether it is a folder of blocks, with their manifest."""
    table = place / manifest.FILE
    if not table.is_file():
        return False
    with table.open(encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n").split(",") == manifest.HEADER


def archive_in(place: Path) -> Path:
    """The archive in stage fetch's folder; the place itself, where it is something else.

    A user's folder may have a file of that name too, so it must be the only one.
    """
    inside = place / ARCHIVE
    return inside if place.is_dir() and [*place.iterdir()] == [inside] else place


def _walk_folder(folder: Path) -> Iterator[Entry]:
    for name, path in folders.walk(folder).files:
        yield Entry(name, True, path.stat().st_size, partial(_read_path, path))


def _read_path(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _walk_blocks(folder: Path, content: manifest.Manifest) -> Iterator[Entry]:
    for block, members in content.members.items():
        tar = _Block(folder / f"{block}.tar")
        for sha256, names in members.items():
            for name in names:
                yield Entry(name, True, 0, partial(tar.read, name, sha256))


class _Block:
    """A block's files, opened when the first is read: to list them takes the manifest alone."""

    def __init__(self, path: Path) -> None:
        self.path, self.members = path, dict[str, tarfile.TarInfo]()

    def read(self, name: str, sha256: str, size: int) -> bytes:
        """So many of a file's bytes; if all, they have its hash, or it is an error."""
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: missing; `dvc repro fetch` or `dvc pull`")
        data = b""
        with suppress(tarfile.TarError, KeyError), tarfile.open(self.path, "r:") as archive:
            if not self.members:
                self.members = {member.name: member for member in archive}
            data = _read_member(archive, self.members[sha256], size)
        if size < 0 and hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(
                f"{self.path}: {name} is damaged or missing in it; delete this file and its copy "
                "in .downloads, then `dvc repro`"
            )
        return data


def _is_tar(path: Path) -> bool:
    # a tar of zips also ends like a zip: the head of the file decides
    with path.open("rb") as file:
        return file.read(262)[257:] == b"ustar"


def _walk_tar(path: Path) -> Iterator[Entry]:
    for archive, member in tar_members.members(path):
        read = partial(_read_member, archive, member)
        yield Entry(normalize_name(member.name), member.isfile(), member.size, read)


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, size: int) -> bytes:
    file = archive.extractfile(member)
    return file.read(size) if file else b""


def _walk_zip(path: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if not zip_names.is_folder(one)]
        names = zip_names.member_names(members)
        for member, (name, is_guess) in zip(members, names, strict=True):
            # the upper half holds the mode of Unix; a zip made on Windows has 0 there
            is_plain = not stat.S_ISLNK(member.external_attr >> 16)
            read = partial(_read_zip_member, archive, member)
            yield Entry(normalize_name(name), is_plain, member.file_size, read, is_guess)


def _read_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int) -> bytes:
    if size < 0:
        return archive.read(member)
    with archive.open(member) as file:
        return file.read(size)
