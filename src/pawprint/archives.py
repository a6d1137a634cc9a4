"""Archives of pictures: what is in one, read member by member, never unpacked to disk."""

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath

from pawprint import untrusted

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, lzma.LZMAError, EOFError),
    RuntimeError,  # a zip that is encrypted, or compressed in a way that Python does not know
)
MOST = 256 << 20  # bytes of a file that is read whole
Entry = tuple[str, bool, int, Callable[[], bytes]]  # name, is it a plain file, size, its bytes
HEADERS = (  # a tar's own, which tarfile reads whole
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


def is_image_name(name: str) -> bool:
    """Whether a member's name is a picture's: a known suffix, and nothing hidden on the way."""
    path = PurePosixPath(name)
    hidden = any(part != ".." and part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def normal(name: str) -> str:
    """The member's name with forward slashes and without a leading `./`."""
    return PurePosixPath(name.replace("\\", "/")).as_posix()


def contents(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each wanted file, in the archive's order; a name twice: the first.

    Raises:
        ValueError: the file is neither a tar (plain, gz, bz2, xz) nor a zip; it is damaged; or a
            picture in it is a link or a device, or larger than MOST.
    """
    left = set(wanted)
    for name, data in _walk(path, left):
        if data is not None and name in left:
            left.discard(name)
            yield name, data


def image_names(path: Path) -> list[str]:
    """The pictures in an archive, sorted by code point.

    Raises:
        ValueError: it holds none, one name stands twice, one cannot be put into a table, or as for
            `contents`.
    """
    names = sorted(name for name, _ in _walk(path, ()) if is_image_name(name))
    if not names:
        raise ValueError(
            f"{path}: no picture in this archive or folder (names that end in "
            f"{', '.join(SUFFIXES)}); check `pictures.url` in datasets.yaml"
        )
    faults = [(name, why) for name in names if (why := untrusted.fault(name))]
    if faults:
        name, why = faults[0]
        raise ValueError(
            f"{path}: {len(faults)} names cannot be used: {name!r} {why}; "
            "rename these pictures, and pack an archive again"
        )
    twice = sorted({a for a, b in pairwise(names) if a == b})
    if twice:
        raise ValueError(
            f"{path}: {len(twice)} names stand twice, such as {twice[0]!r}; "
            "pack the archive again with each picture once"
        )
    return names


def file_names(path: Path) -> list[str]:
    """All files in an archive, pictures or not, in its order.

    Raises:
        ValueError: as for `contents`.
    """
    return [name for name, _ in _walk(path, ())]


def meant(names: Iterable[str]) -> dict[str, list[str]]:
    """The pictures that a word may mean: by its path, else its file name, else that name's stem.

    >>> meant(["a/1.jpg", "b/1.jpg"])["1"]
    ['a/1.jpg', 'b/1.jpg']
    """
    files, stems = defaultdict(list), defaultdict(list)
    paths = {name: [name] for name in names}
    for path in map(PurePosixPath, paths):
        files[path.name].append(str(path))
        stems[path.stem].append(str(path))
    return {**stems, **files, **paths}


def check_count(path: Path, count: int | None) -> None:
    """Check the number of pictures against the catalogue's `count`, where one is given.

    Raises:
        ValueError: they differ, or as for `image_names`.
    """
    found = len(image_names(path))
    if count is not None and found != count:
        raise ValueError(
            f"{path}: {found:,} pictures, but datasets.yaml says count: {count:,}; "
            "mend `count`, or check `pictures.url`"
        )


def texts(path: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Text files of an archive.

    Args:
        path: the archive.
        wanted: a member's name for each key.

    Returns:
        The text for each key.

    Raises:
        ValueError: a member is not there, or is not UTF-8, or as for `contents`.
    """
    found = dict(contents(path, wanted.values()))
    absent = [name for name in wanted.values() if name not in found]
    if absent:
        raise ValueError(
            f"{path}: not in this archive: {', '.join(absent)}; mend `lists` in datasets.yaml"
        )
    return {key: text(found[name], name) for key, name in wanted.items()}


def text(data: bytes, name: str) -> str:
    """A file's bytes as text: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: they are something else.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name}: byte {error.start + 1:,} is no UTF-8; save the file as UTF-8 (a spreadsheet "
            "offers `CSV UTF-8`)"
        ) from error


def _walk(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes | None]]:
    try:
        walk = _zipped if zipfile.is_zipfile(path) and not _is_tar(path) else _tarred
        for name, is_plain, size, read in walk(path):
            if is_image_name(name) or name in wanted:
                _check(path, name, is_plain, size)
            yield name, read() if name in wanted else None
    except BROKEN as error:
        why = str(error).splitlines()[0].rstrip(" :") if str(error) else "it ends too early"
        raise ValueError(
            f"{path}: not an archive that can be read (tar, tar.gz, tar.bz2, tar.xz, zip): {why}; "
            "fetch it again, or check `pictures.url` in datasets.yaml"
        ) from error


def _is_tar(path: Path) -> bool:
    # a tar of zips also ends like a zip: the head of the file decides
    with path.open("rb") as file:
        return file.read(262)[257:] == b"ustar"


class _Member(tarfile.TarInfo):
    """A tar's entry; a header that would fill the memory is an error."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in HEADERS and self.size > MOST:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        made: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return made


def _check(path: Path, name: str, is_plain: bool, size: int) -> None:
    """Refuse a picture that cannot be read where it stands, or that would fill the memory."""
    if not is_plain:
        raise ValueError(
            f"{path}: {name!r} is a link or a device, no file; pack the archive again with the "
            "picture itself (tar --dereference --hard-dereference)"
        )
    if size > MOST:
        raise ValueError(
            f"{path}: {name!r} has {size:,} bytes, and at most {MOST:,} are read; take it out"
        )


def _tarred(path: Path) -> Iterator[Entry]:
    with tarfile.open(path, "r:*", tarinfo=_Member) as archive:
        for member in archive:
            if not member.isdir():
                read = partial(_content, archive, member)
                yield normal(member.name), member.isfile(), member.size, read


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def _zipped(path: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                is_plain = not stat.S_ISLNK(member.external_attr >> 16)
                read = partial(archive.read, member)
                yield normal(member.filename), is_plain, member.file_size, read


def pack(folder: Path, target: Path) -> None:
    """A folder's files as a tar whose bytes depend on names and contents alone.

    Raises:
        ValueError: there is no visible file in the folder.
    """
    found = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )
    if not found:
        raise ValueError(f"{folder}: no file in this folder; check `pictures.url`")
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in found:
            add(archive, name, path.read_bytes())


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add one file with fixed time, owner and mode."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(data), 0o644
    archive.addfile(header, io.BytesIO(data))
