"""Rules for labels that a set of pictures offers by itself: its CSV files, its folders, its names.

A rule fits where it gives every picture a label, and two classes or more.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from pawprint import annotations, archives, labels
from pawprint.catalogue import Rule
from pawprint.findings import Findings

STEMS = (  # of a file's name, the likeliest first
    *(r"^(.+)_\d+", r"^(.+)-\d+", r"^(.+)\.\d+", r"^(.+) \(\d+\)", r"^(.+) \d+", r"^(\D+)\d+"),
    *(r"^\d+[_-](.+)", r"^([^_]+)_.+", r"^([^-]+)-.+"),
)
SPLITS = {"train", "training", "valid", "val", "validation", "test", "images"}  # no classes
MOST = 30  # CSV files, and columns of one, that are looked at
Keys = dict[str, str]  # of a rule
Offer = tuple[Keys, Counter[str]]  # and how many pictures each class then has


def offers(archive: Path, names: Sequence[str]) -> Iterator[Offer]:
    """The rules that fit, the likeliest first: one a CSV at most, one by folders, one by names."""
    for keys in (*_by_csv(archive, names), {"from": "folder"}):
        if classes := fitting(archive, names, keys):
            yield keys, classes
    suffixes = {PurePosixPath(name).suffix for name in names}
    ending = re.escape(suffixes.pop()) if len(suffixes) == 1 else r"\.\w+"
    for stem in STEMS:
        keys = {"from": "name", "pattern": f"{stem}{ending}$"}
        if classes := fitting(archive, names, keys):
            yield keys, classes
            return


def fitting(archive: Path, names: Sequence[str], keys: Mapping[str, str]) -> Counter[str] | None:
    """How many pictures each class has by this rule; None where it does not fit.

    A class has two pictures or more on average, and a folder of a split is no class.
    """
    found = Findings()
    made = labels.told(archive, names, Rule.model_validate(keys), found).targets
    classes = Counter(label for label in made if label)
    is_split = {label.lower() for label in classes} <= SPLITS
    if found.errors or is_split or not 2 <= len(classes) <= len(names) / 2:
        return None
    return classes


def _by_csv(archive: Path, names: Sequence[str]) -> Iterator[Keys]:
    """A rule for each CSV that has a row for every picture: the first column with few labels."""
    known = archives.meant(names)
    there = sorted(name for name in archives.file_names(archive) if name.lower().endswith(".csv"))
    for file in there[:MOST]:
        try:
            lines = annotations.parsed(annotations.text(archive, file), file)
        except ValueError:
            continue  # it is no CSV, so it offers nothing
        header = lines[0][1][:MOST] if lines else []
        padded = [row + [""] * MOST for _, row in lines[1:]]
        columns = {key: [row[i] for row in padded] for i, key in enumerate(header)}
        folder = PurePosixPath(file).parent
        hits = {
            key: sum(len(annotations.pictures(cell, known, folder)) == 1 for cell in cells)
            for key, cells in columns.items()
        }
        name = max(hits, key=lambda key: hits[key], default="")
        for label in columns:
            keys = {"from": "csv", "file": file, "name": name, "label": label}
            if label != name and hits[name] and fitting(archive, names, keys):
                yield keys
                break
