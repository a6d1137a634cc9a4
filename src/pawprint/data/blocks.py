"""Stage fetch's folder of images: the archive as it came, or the blocks that a manifest names.

A block stays in the store, `.downloads/blocks`, so that a new version of a data set is packed of
its new files alone.
"""

import hashlib
import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from pawprint.core import files
from pawprint.core.findings import shorten
from pawprint.data import downloads
from pawprint.data.downloads import STORE, UPDATE, Generators
from pawprint.data.source import Source
from pawprint.storage import archives, entries, manifest, tar_members
from pawprint.storage.manifest import Manifest


def fetch_images(
    name: str,
    source: Source,
    target: Path,
    on_progress: Callable[[int], object],
    store: Path = STORE,
    generators: Generators | None = None,
) -> str:
    """Put the images of a dataset into a folder; return a line on where they came from.

    Args:
        name: of the dataset.
        source: its `pictures`.
        target: the folder; replaced as a whole, or left as it was.
        on_progress: called with the size in bytes of each piece that is read.
        store: the folder of checked archives and blocks.
        generators: as for `downloads.fetch_to`, which raises the same errors.
    """
    if source.manifest is None:
        path, origin = downloads.fetch_verified(source, on_progress, store, generators)
        with files.atomic_folder(target) as folder:
            files.link_or_copy(path, folder / entries.ARCHIVE)
        return origin
    content = manifest.read_checked(manifest.path_of(name), source.manifest)
    blocks = {block: store / "blocks" / f"{block}.tar" for block in content.members}
    missing = {
        block: path for block, path in blocks.items() if not _is_sound(path, content.members[block])
    }
    _pack(source, content, missing, on_progress)
    with files.atomic_folder(target) as folder:
        for path in blocks.values():
            files.link_or_copy(path, folder / path.name)
        files.write_text(folder / manifest.FILE, content.text())
    return f"{source.url}: {content.describe()}, {len(missing):,} packed now"


def _pack(
    source: Source,
    content: Manifest,
    blocks: Mapping[str, Path],
    on_progress: Callable[[int], object],
) -> None:
    """Pack files of a folder into blocks.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: some of the files are not as the manifest says.
    """
    if not blocks:
        return
    place = downloads.local_place(source)
    if place is None or not place.is_dir():
        raise ValueError(f"{source.url}: not a folder, but it has a manifest; {UPDATE}")
    for block, path in blocks.items():
        with (
            files.atomic_write(path) as temporary,
            tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for sha256, names in content.members[block].items():
                data = _read_first(place, names, sha256)
                if data is None:
                    raise ValueError(_changes(place, content))
                tar_members.add_file(archive, sha256, data)
                on_progress(len(data))
        _remember(path)


def _read_first(place: Path, names: Sequence[str], sha256: str) -> bytes | None:
    """The bytes of the first of these files that has that hash."""
    return next((x for name in names if (x := _read(place, name, sha256)) is not None), None)


def _read(place: Path, name: str, sha256: str) -> bytes | None:
    """A file's bytes, if they have that hash."""
    path = place / name
    data = path.read_bytes() if path.is_file() else b""
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def _changes(place: Path, content: Manifest) -> str:
    """Which files of a folder are not as the manifest says."""
    changed = [name for name, x in content.hashes.items() if _read(place, name, x) is None]
    return (
        f"{place}: {len(changed):,} of {len(content.hashes):,} files have changed or are gone "
        f"since their manifest was written: {shorten(changed)}; {UPDATE}"
    )


def _is_sound(path: Path, members: Collection[str]) -> bool:
    """Whether a block is there as it was when it was packed, or has these members, if touched."""
    mark = path.with_suffix(".checked")
    if not path.is_file():
        return False
    if mark.is_file() and mark.read_bytes() == _state(path).encode():
        return True
    try:
        data = {entry.name: entry.read(-1) for entry in entries.walk(path)}
    except (*archives.BROKEN, OSError):
        return False
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in data.items()}
    if any(name != actual for name, actual in hashes.items()) or hashes.keys() != {*members}:
        return False
    _remember(path)
    return True


def _remember(path: Path) -> None:
    files.write_text(path.with_suffix(".checked"), _state(path))


def _state(path: Path) -> str:
    return " ".join(map(str, files.state(path)))
