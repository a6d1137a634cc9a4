"""A folder given by the user: its files, also through links, and the files that cannot be read."""

import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pawprint.core.findings import shorten
from pawprint.storage import image_files, tar_members, unused_files

STORES = {  # where a link to nothing leads, and what brings its file
    ".git/annex": "run `git annex get .` in that folder",
    ".dvc/cache": "run `dvc pull` in that folder's project",
    "files/md5": "run `dvc pull` in that folder's project",
}
ONLY = "only"
BRING = (
    "restore them (mount the disk or fetch the files that the links point to, or give yourself "
    "permission to read them)"
)
Identity = tuple[int, int]  # device and inode of a folder


@dataclass(frozen=True)
class Tree:
    """The contents of a folder, by paths relative to it."""

    files: list[tuple[str, Path]] = field(default_factory=list)  # sorted by name
    lost: list[tuple[str, str]] = field(default_factory=list)  # what cannot be read, and why
    hidden: list[str] = field(default_factory=list)  # images alone
    waste: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)  # sockets, pipes, devices
    circles: list[str] = field(default_factory=list)  # links to a folder that they lie in
    empty: list[str] = field(default_factory=list)  # folders


def walk(folder: Path) -> Tree:
    """The tree of a folder; links are followed, but never in circles."""
    tree = Tree()
    _visit(folder, "", (), tree)
    # each file system lists a folder in another order, and the tar must have one hash
    tree.files.sort()
    return tree


def _visit(folder: Path, name: str, above: tuple[Identity, ...], tree: Tree) -> None:
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if not image_files.is_hidden(name):
            tree.lost.append((f"{name}/", _why(error)))
        return
    # not the path, which grows for ever in a circle; a folder that two links reach is taken twice
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        tree.circles.append(name)
        return
    waste = [entry.name for entry in entries if image_files.waste_part(entry.name)]
    tree.waste.extend(waste)
    if len(waste) == len(entries) and name and not image_files.is_hidden(name):
        tree.empty.append(name)
    names = {entry.name for entry in entries}
    for entry in entries:
        path = f"{name}/{entry.name}" if name else entry.name
        if (target := _link_target(entry.name)) and target not in names:
            why = f"{ONLY} {entry.name} is here: {_fetch(entry.name)}"
            tree.lost.append((f"{name}/{target}" if name else target, why))
        elif entry.name not in waste:
            _sort_in(entry, path, (*above, identity), tree)


def _sort_in(entry: "os.DirEntry[str]", name: str, above: tuple[Identity, ...], tree: Tree) -> None:
    try:
        if entry.is_dir():
            _visit(Path(entry.path), name, above, tree)
            return
        if not entry.is_file():
            entry.stat()  # raises where it is a link to nothing
            tree.special.append(name)
            return
    except OSError as error:
        if not image_files.is_hidden(name):
            tree.lost.append((name, _why(error, entry)))
        return
    if not image_files.is_hidden(name):
        tree.files.append((name, Path(entry.path)))
    elif image_files.has_image_suffix(name):
        tree.hidden.append(name)


def _link_target(name: str) -> str:
    """The name of the file that a placeholder stands for; empty if it is not a placeholder."""
    if name.startswith(".") and name.endswith(image_files.ICLOUD):
        return name.removeprefix(".").removesuffix(image_files.ICLOUD)
    target = name.removesuffix(".dvc")
    return target if target not in ("", name) and image_files.may_be_image(target) else ""


def _fetch(name: str) -> str:
    return "download it from iCloud" if name.endswith(image_files.ICLOUD) else f"`dvc pull {name}`"


def absence(path: Path) -> str:
    """Why there is nothing at a path, and how to get the file, if that is known."""
    if path.is_symlink():
        return f"a broken link to {path.readlink()}"
    pointer = path.with_name(f"{path.name}.dvc")
    if pointer.is_file():
        return f"no such file or folder, but {pointer.name} is next to it; run `dvc pull {pointer}`"
    return "no such file or folder"


def _why(error: OSError, entry: "os.DirEntry[str] | None" = None) -> str:
    if entry is None or not entry.is_symlink():
        return error.strerror or str(error)
    return f"a broken link to {Path(entry).readlink()}"


def check(folder: Path, tree: Tree, lost: Sequence[tuple[str, str]] = ()) -> None:
    """Raise an error if images of the folder may be missing.

    Args:
        folder: as the user typed it.
        tree: its contents.
        lost: further files that could not be read.

    Raises:
        ValueError: there is no file in it; or a possible image, or a folder of them, is a broken
            link or cannot be read.
    """
    images = [one for one in (*tree.lost, *lost) if image_files.may_be_image(one[0])]
    if images:
        shown = shorten([f"{name} ({why})" for name, why in images])
        ways = {
            next((way for store, way in STORES.items() if store in why), BRING)
            for _, why in images
            if not why.startswith(ONLY)
        }
        raise ValueError(
            f"{folder}: {len(images):,} of its files and folders cannot be read: {shown}; "
            f"{''.join(f'{way}, ' for way in sorted(ways))}or remove them"
        )
    if not tree.files:
        there = "".join(f"; {note}" for note in notes(tree, lost))
        raise ValueError(f"{folder}: no file in this folder{there}; check `url` in datasets.yaml")


def notes(tree: Tree, lost: Sequence[tuple[str, str]] = ()) -> list[str]:
    """What was left out of the folder, one line for each kind."""
    unread = [name for name, _ in (*tree.lost, *lost) if not image_files.may_be_image(name)]
    lines = [
        f"{unused_files.count(names, noun)} {what}: {shorten(names)}"
        for names, noun, what in (
            (tree.hidden, "hidden image", "left out"),
            (unread, "file", "left out (not readable)"),
            (tree.special, "file", "left out (socket, pipe or device)"),
            (tree.circles, "link", "not followed, because they lead in a circle"),
            (tree.empty, "folder", "empty"),
        )
        if names
    ]
    return [*lines, unused_files.waste_line(tree.waste)] if tree.waste else lines


def pack(folder: Path, target: Path) -> list[str]:
    """Pack a folder's files into a tar whose bytes depend only on names and contents.

    Returns:
        What was left out, one line for each kind.

    Raises:
        ValueError: there is no visible file in the folder, or as for `check`.
    """
    tree, lost = walk(folder), list[tuple[str, str]]()
    check(folder, tree)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in tree.files:
            try:
                data = path.read_bytes()
            except OSError as error:
                lost.append((name, _why(error)))
                continue
            tar_members.add_file(archive, name, data)
    # again: a file that is listed may still not be opened, since stat needs no right to read it
    check(folder, tree, lost)
    return notes(tree, lost)
