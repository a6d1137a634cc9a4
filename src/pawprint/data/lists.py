"""A dataset's own lists of images for train, valid and test."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pawprint.core.findings import Findings, shorten
from pawprint.data import matching, split_words
from pawprint.storage import archives


def read(folder: Path) -> dict[str, list[str]]:
    """The dataset's own lists: the first word of each line, without comments.

    Raises:
        ValueError: stage fetch wrote no list for train.
    """
    lists = {
        path.stem: entries(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.txt"))
    }
    if "train" not in lists:
        raise ValueError(
            "label.split: official, but this dataset has no lists of its own; add `lists` (or "
            "label.split, label.valid) to its block in datasets.yaml, or use label.split: random"
        )
    return lists


def entries(text: str) -> list[str]:
    """The first word of each line, without comments."""
    lines = text.splitlines()
    # a line of the pets' trainval.txt goes on with the numbers of class, species and breed
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def files(archive: Path, names: Sequence[str]) -> dict[str, str]:
    """The text files in an archive that seem to be such lists, by the split in their name.

    Most of their entries name an image, and one of the files is for train, another one is not.
    """
    known, members = matching.index_names(names), dict[str, str]()
    there = [name for name in archives.file_names(archive) if name.lower().endswith(".txt")]
    spoken = {name: split_words.parse(PurePosixPath(name).stem) for name in sorted(there)}
    targets = {name for name, split_word in spoken.items() if split_word and not split_word[1]}
    for name, data in archives.read_files(archive, targets):
        word = spoken[name]
        # any .txt is looked at, in whatever encoding; a wrong letter only fits no name
        hits, _ = matching.hits(entries(data.decode(errors="replace")), known, PurePosixPath())
        if word and 2 * sum(map(bool, hits)) > len(hits):
            members.setdefault(word[0], name)
    return members if "train" in members and len(members) > 1 else {}


def check(
    names: Sequence[str],
    splits: Sequence[str | None],
    absent: Sequence[str],
    twice: Sequence[str],
    findings: Findings,
) -> None:
    """Errors: images in two lists. Notes: images in no list, names without an image."""
    unlisted = [name for name, split in zip(names, splits, strict=True) if split is None]
    if twice:
        findings.errors.append(
            f"{len(twice)} images are in two of the dataset's own lists: {shorten(twice)}; fix "
            "`lists` in datasets.yaml, or use label.split: random"
        )
    # no error: of the pets' 7,390 images 41 are in no list
    if unlisted:
        findings.notes.append(
            f"{len(unlisted)} of {len(names)} images are in none of the dataset's own lists "
            f"and are left out: {shorten(unlisted)}"
        )
    if absent:
        findings.notes.append(f"{len(absent)} listed names have no image: {shorten(absent)}")
