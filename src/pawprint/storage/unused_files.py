"""The notes on files that are not used: how many, which, why, and what to do."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Protocol, runtime_checkable

from pawprint.core.findings import Findings, shorten
from pawprint.storage import image_files
from pawprint.storage.file_type import CONVERT
from pawprint.storage.image_files import HIDDEN, Listing, Unused

SHOWN = 3  # names of each reason


@runtime_checkable
class Rule(Protocol):
    """Where labels come from: the part of a label rule that this module needs."""

    @property
    def source(self) -> str:
        """`folder` if a folder is a class, or another source."""

    @property
    def file(self) -> str | None:
        """The file of labels, which is used although it is not an image."""

    @property
    def pattern(self) -> str | None:
        """The pattern that finds the label in the folder's name."""


def check(listing: Listing, rule: Rule, findings: Findings) -> None:
    """Note what is not used; a class without any usable image is an error.

    Args:
        listing: the files of an archive.
        rule: where labels come from.
        findings: collects both.
    """
    is_pose = {name for name in listing.others if _is_pose(name)}
    findings.notes.extend(notes(listing, is_pose if rule.source == "biwi" else [rule.file or ""]))
    if rule.source == "folder":
        _check_folders(listing, rule.pattern or "(.+)", findings)


def notes(listing: Listing, read: Collection[str] = ()) -> list[str]:
    """A line for each kind of file that is left out."""
    lines = [*listing.notes]
    if listing.unused:
        lines.append(f"{count(listing.unused, 'file')} not used: {reasons(listing.unused)}")
    others = [
        name
        for name in listing.others
        if name not in read and not any("*" in one and fnmatch(name, one) for one in read)
    ]
    if others:
        what = "not an image" if len(others) == 1 else "not images"
        lines.append(f"{count(others, 'other file')} {what}: {suffixes(others)}")
    if listing.waste:
        lines.append(waste_line(listing.waste))
    return lines


def waste_line(parts: Sequence[str]) -> str:
    """The note on files and folders that systems create."""
    one, many = "1 system file or folder is", f"{len(parts):,} system files and folders are"
    return f"{one if len(parts) == 1 else many} ignored: {_counts_text(parts)}"


def count(names: Sequence[object], noun: str, verb: tuple[str, str] = ("is", "are")) -> str:
    """How many there are, as the subject of a sentence.

    >>> count(["a"], "file"), count(["a", "b"], "folder", ("gives", "give"))
    ('1 file is', '2 folders give')
    """
    return f"1 {noun} {verb[0]}" if len(names) == 1 else f"{len(names):,} {noun}s {verb[1]}"


def reasons(unused: Sequence[Unused]) -> str:
    """The files by what they are, and what to do.

    >>> reasons([Unused("a/1.heic", "HEIC", CONVERT), Unused("a/.2.jpg", HIDDEN)])
    'HEIC 1 (a/1.heic), hidden 1 (a/.2.jpg); convert HEIC to JPEG or PNG'
    """
    groups, advice = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for name, reason, remedy in unused:
        groups[reason].append(name)
        if remedy and reason not in advice[remedy]:
            advice[remedy].append(reason)
    parts = [
        f"{reason} {len(names):,} ({shorten(names, SHOWN)})" for reason, names in groups.items()
    ]
    remedies = [
        remedy.replace(" it ", f" {', '.join(which)} ", 1)
        if remedy == CONVERT
        else f"{', '.join(which)}: {remedy}"
        for remedy, which in advice.items()
    ]
    return "; ".join([", ".join(parts), *remedies])


def suffixes(names: Iterable[str]) -> str:
    """How many files have each suffix.

    >>> suffixes(["a.csv", "LICENCE", "b.CSV"])
    '.csv 2, without a suffix 1'
    """
    return _counts_text(image_files.suffix(name) or "without a suffix" for name in names)


def _check_folders(listing: Listing, pattern: str, findings: Findings) -> None:
    """Folders without usable images whose class has no others, and with no folder below."""
    classes = {_label(PurePosixPath(name).parent, pattern) for name in listing.images}
    above = {folder for name in listing.images for folder in PurePosixPath(name).parents}
    lost, plain = defaultdict[PurePosixPath, list[Unused]](list), set[str]()
    for file in listing.unused:
        folder = PurePosixPath(file.name).parent
        if folder not in above and _label(folder, pattern) not in classes and file.reason != HIDDEN:
            lost[folder].append(file)
    for name in listing.others:
        folder = PurePosixPath(name).parent
        if (
            folder not in above
            and _label(folder, pattern) not in classes | {""}
            and folder not in lost
        ):
            plain.add(str(folder))
    gives = ("gives", "give")
    if lost:
        folders = [f"{folder}: {_none_of(files)}" for folder, files in lost.items()]
        findings.errors.append(
            f"{count([*lost], 'folder', gives)} no image, so no class: "
            f"{shorten(folders, 3, ' | ')}; or remove {'it' if len(lost) == 1 else 'them'}"
        )
    if plain:
        what = count([*plain], "folder", gives)
        findings.notes.append(f"{what} no image, so no class: {shorten(sorted(plain))}")


def _label(folder: PurePosixPath, pattern: str) -> str:
    match = re.search(pattern, folder.name)
    return (match.group(1) or "") if match else ""


def _none_of(files: Sequence[Unused]) -> str:
    n = len(files)
    return f"{n:,} {'file' if n == 1 else 'files'}, none usable: {reasons(files)}"


def _is_pose(name: str) -> bool:
    return name.endswith(("_pose.txt", "rgb.cal"))


def _counts_text(words: Iterable[str]) -> str:
    counts = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    return shorten([f"{word.strip()} {n:,}" for word, n in counts])
