"""The manifest of a folder of files: which belong to this version, and in which block each lies.

A block is a tar of some files, named after their hashes, and a file in it is named by its own hash:
so a block is a function of its name, a renamed file changes no block, and a new file makes a new
block and leaves all others as they are. The manifest is a table in git, `manifests/NAME.csv`.
"""

import csv
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pawprint.core import files

FOLDER, FILE = Path("manifests"), "manifest.csv"  # in git; beside the blocks that it names
HEADER = ["name", "sha256", "block"]
BLOCK_FILES, MAX_FILES, MIN_FILES = 128, 256, 64  # usual, at most; below the last it is small
MAX_SMALL = 12  # small blocks; with more, an update merges them
DAMAGED = "`pawprint new NAME --update` writes it again from the folder"


@dataclass(frozen=True)
class Manifest:
    """The files of one version of a data set, sorted by name."""

    hashes: Mapping[str, str]  # sha256 of each file, by its name
    blocks: Mapping[str, str]  # the block that holds each sha256

    @cached_property
    def members(self) -> dict[str, dict[str, list[str]]]:
        """For each block, its hashes in order, each with the names of its files."""
        names = defaultdict[str, list[str]](list)
        for name, sha256 in self.hashes.items():
            names[sha256].append(name)
        result = defaultdict[str, dict[str, list[str]]](dict)
        for sha256 in sorted(names):
            result[self.blocks[sha256]][sha256] = names[sha256]
        return dict(sorted(result.items()))

    def describe(self) -> str:
        """How many files it has, in how many blocks."""
        blocks = len(self.members)
        noun = "block" if blocks == 1 else "blocks"
        return f"{len(self.hashes):,} files in {blocks:,} {noun}"

    def text(self) -> str:
        """The table as it stands in its file."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((name, x, self.blocks[x]) for name, x in self.hashes.items())
        return table.getvalue()


def path_of(name: str) -> Path:
    """Where the manifest of a dataset stands, from the project's root."""
    return FOLDER / f"{name}.csv"


def parse(text: str, where: Path | str) -> Manifest:
    """The manifest in a text.

    Raises:
        ValueError: it is not a manifest, or a block is not named after its files.
    """
    rows, manifest = _rows(text), salvage(text)
    odd = [block for block, members in manifest.members.items() if block != block_name(members)]
    if rows[:1] != [HEADER] or odd or len(manifest.hashes) != len(rows) - 1:
        raise ValueError(f"{where}: changed by hand or by a merge; {DAMAGED}")
    return manifest


def salvage(text: str) -> Manifest:
    """The sound rows of a manifest, which a merge may have damaged."""
    rows = [row for row in _rows(text) if len(row) == len(HEADER)]
    sound = sorted((name, x, block) for name, x, block in rows if re.fullmatch("[0-9a-f]{64}", x))
    return Manifest({name: x for name, x, _ in sound}, {x: block for _, x, block in sound})


def _rows(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text)))
    except csv.Error:  # a cell of more than 128 KiB, as in a file that is something else
        return []


def read(path: Path) -> Manifest:
    """The manifest in a file; raises the errors of `parse`."""
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a manifest's file; bytes that are not UTF-8 make names that no file has."""
    return path.read_text(encoding="utf-8", errors="replace")


def read_checked(path: Path, sha256: str) -> Manifest:
    """The manifest of a dataset, if it is the version that datasets.yaml names.

    Raises:
        FileNotFoundError, ValueError: it is missing, another version, or as for `parse`.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: missing; `git checkout -- {path}` restores it, or {DAMAGED}"
        )
    if files.file_hash(path) != sha256:
        raise ValueError(
            f"{path}: not the version that datasets.yaml names (pictures.manifest {sha256}); "
            f"`git checkout` both files of one commit, or {DAMAGED}"
        )
    return read(path)


def block_name(hashes: Iterable[str]) -> str:
    """The name of the block that holds the files with these hashes."""
    return hashlib.sha256("\n".join(sorted({*hashes})).encode()).hexdigest()[:16]


def arrange(
    images: Mapping[str, str],
    tables: Mapping[str, str],
    before: Manifest | None = None,
    is_compact: bool = False,
) -> Manifest:
    """The manifest of the files as they are now; blocks of the version before are kept.

    Args:
        images: sha256 of each image, by name; new ones form new blocks.
        tables: the same of all other files, which form one block.
        before: the version before.
        is_compact: whether to merge the small blocks in any case.
    """
    wanted, kept = {*images.values()}, list[set[str]]()
    for members in before.members.values() if before else ():
        kept.append({*members} & wanted)
    new = _unplaced(images, kept)
    small = [block for block in kept if len(block) < MIN_FILES]
    if is_compact or len(small) > MAX_SMALL:
        kept = [block for block in kept if len(block) >= MIN_FILES]
        new += sorted(set[str]().union(*small))
    kept += [{*part} for part in _chunks(new)]
    kept.append({*tables.values()} - wanted)
    blocks = {x: block_name(block) for block in kept if block for x in sorted(block)}
    return Manifest(dict(sorted({**tables, **images}.items())), blocks)


def _unplaced(images: Mapping[str, str], kept: Iterable[set[str]]) -> list[str]:
    """The hashes that are in no block, in the order of the images' names."""
    placed = set[str]().union(*kept)
    return [x for x in dict.fromkeys(images.values()) if x not in placed]


def _chunks(hashes: list[str]) -> Iterator[list[str]]:
    """Parts of about BLOCK_FILES, of equal size."""
    count = 1 if len(hashes) <= MAX_FILES else -(-len(hashes) // BLOCK_FILES)
    for i in range(count):
        yield hashes[len(hashes) * i // count : len(hashes) * (i + 1) // count]
