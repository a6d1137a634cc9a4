"""The version of a dataset's files: an archive's hash, or the manifest of a folder."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from pawprint.core import files
from pawprint.core.cpus import available_cpus
from pawprint.core.findings import shorten
from pawprint.data import digits, downloads
from pawprint.data.catalog import LabelRule
from pawprint.data.label_csv import ENDINGS
from pawprint.data.source import Source
from pawprint.storage import entries, folders, manifest
from pawprint.storage.manifest import Manifest
from pawprint.terminal import console

TABLES = (*ENDINGS, ".txt", ".cal")  # of files besides images that a label rule may read


@dataclass(frozen=True)
class Version:
    """What datasets.yaml names: `sha256` of an archive, or `manifest`, the hash of that file."""

    key: str
    sha256: str
    content: Manifest | None = None

    def write(self, name: str) -> None:
        """Write the manifest, if there is one."""
        if self.content:
            files.write_text(manifest.path_of(name), self.content.text())

    def is_written(self, name: str) -> bool:
        """Whether the manifest, if there is one, stands in its file."""
        path = manifest.path_of(name)
        return not self.content or (path.is_file() and files.file_hash(path) == self.sha256)

    def describe(self, name: str) -> str:
        """The version, for the line that says what was written."""
        if not self.content:
            return f"sha256 {self.sha256}"
        return f"{manifest.path_of(name)} ({self.content.describe()})"


def open_place(name: str, source: Source) -> tuple[Path, str]:
    """A folder as it is, or the archive in the store, named by its sha256; and its origin.

    Raises:
        FileNotFoundError, ConnectionError: it is not there.
        ValueError: it cannot be read, or the hash of an archive was given for a folder.
    """
    place = None if source.url in digits.GENERATORS else _local_folder(source)
    if place is None:
        with console.byte_bar(f"fetch {name}") as bar:
            # not fetch_verified: the hash is what is to be found out here
            return downloads.fetch(source, bar.update, generators=digits.GENERATORS)
    if source.expected:
        raise ValueError(f"{source.url}: a folder has a manifest and no sha256; leave out --sha256")
    tree = folders.walk(place)
    folders.check(place, tree)
    origin = f"{place}: a folder of {len(tree.files):,} files"
    return place, "\n".join([origin, *(f"note: {note}" for note in folders.notes(tree))])


def _local_folder(source: Source) -> Path | None:
    """The folder of a source; None if it is an archive or a URL."""
    place = downloads.local_place(source)
    return place if place is not None and place.is_dir() else None


def version_of(
    place: Path,
    images: Sequence[str],
    rule: LabelRule,
    before: Manifest | None = None,
    is_compact: bool = False,
) -> Version:
    """The version of an archive in the store, or of a folder.

    Args:
        place: the archive or folder.
        images: the names of its images.
        rule: of the labels, whose file belongs to the version too.
        before: the manifest of the folder's version before.
        is_compact: whether to merge small blocks.
    """
    if not place.is_dir():
        return Version("sha256", place.name)
    known = {*images}
    tables = [
        entry.name
        for entry in entries.walk(place)
        if entry.name not in known
        and (entry.name.lower().endswith(TABLES) or fnmatch(entry.name, rule.file or ""))
    ]
    content = manifest.arrange(
        hash_files(place, images), hash_files(place, tables), before, is_compact
    )
    return Version("manifest", files.text_hash(content.text()), content)


def hash_files(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The sha256 of each file, with as many threads as CPUs."""
    with ThreadPoolExecutor(available_cpus()) as pool:
        hashes = pool.map(lambda name: hashlib.sha256((folder / name).read_bytes()), names)
        return {name: x.hexdigest() for name, x in zip(names, hashes, strict=True)}


def read_before(name: str) -> Manifest | None:
    """The manifest of the version before, without what a merge has damaged; None without one."""
    path = manifest.path_of(name)
    return manifest.salvage(manifest.read_text(path)) if path.is_file() else None


def known_files(before: Manifest | None, version: Version) -> dict[str, str]:
    """The sha256, by name, of the files whose bytes were in the version before."""
    former = {*before.hashes.values()} if before else set()
    now = version.content.hashes if version.content else {}
    return {name: x for name, x in now.items() if x in former}


def block_lines(place: Path, before: Manifest, now: Manifest) -> Iterator[str]:
    """What the new version costs: its new blocks, and those that lost images."""
    new = [block for block in now.members if block not in before.members]
    size = sum(
        (place / names[0]).stat().st_size for block in new for names in now.members[block].values()
    )
    kept = len(now.members) - len(new)
    yield f"{len(new):,} new ({size / 1e6:,.1f} MB), {kept:,} as before"
    changed = [{*x} for b, x in before.members.items() if b not in now.members]
    kept_files = [sum(x in now.blocks for x in members) for members in changed]
    if rewritten := [count for count in kept_files if count]:
        yield (
            f"{len(rewritten):,} packed again for their other {sum(rewritten):,} files, because "
            "some of their files are gone, or because they were small and are merged"
        )
    small = [block for block in now.members if len(now.members[block]) < manifest.MIN_FILES]
    if len(small) > 2:
        yield f"{len(small):,} have fewer than {manifest.MIN_FILES} files; --compact merges them"


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """How many files were added, removed, changed or renamed, with names; empty if none.

    Args:
        before: sha256 of each image, by name.
        now: the same of the new version.

    >>> difference({"a": "1", "b": "2", "c": "3"}, {"a": "1", "d": "2", "e": "4"})
    '1 new (e), 1 gone (c), 1 renamed (b -> d)'
    """
    added, gone = sorted(now.keys() - before.keys()), sorted(before.keys() - now.keys())
    former = {before[name]: name for name in gone}
    renamed = {name: former[now[name]] for name in added if now[name] in former}
    parts = {
        "new": [name for name in added if name not in renamed],
        "gone": [name for name in gone if name not in renamed.values()],
        "other bytes": sorted(x for x in now if x in before and now[x] != before[x]),
        "renamed": [f"{old} -> {name}" for name, old in renamed.items()],
    }
    return ", ".join(
        f"{len(some):,} {word} ({shorten(some, 3)})" for word, some in parts.items() if some
    )
