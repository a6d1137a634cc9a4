"""Rules for labels that a set of pictures offers by itself: its CSV files, its folders, its names.

A rule fits where it gives every picture a label, and two classes or more.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pawprint import annotations, archives, cells, columns, csvs, layouts, reading, sides
from pawprint.catalogue import Rule, Source
from pawprint.findings import Findings

STEMS = (  # of a file's name, the likeliest first
    *(r"^(.+)_\d+", r"^(.+)-\d+", r"^(.+)\.\d+", r"^(.+) \(\d+\)", r"^(.+) \d+", r"^(\D+)\d+"),
    *(r"^\d+[_-](.+)", r"^([^_]+)_.+", r"^([^-]+)-.+"),
)
MOST = 30  # CSV files, and columns of one, that are looked at
Keys = dict[str, Any]  # of a rule
Offer = tuple[Keys, Counter[str]]  # and how many pictures each class then has


def offers(archive: Path, names: Sequence[str], source: Source) -> Iterator[Offer]:
    """The rules that fit, the likeliest first: one a CSV at most, some by folders, one by names."""
    splits = layouts.split_folders(names)
    by_folder = layouts.class_rules(names, splits) or [{"from": "folder"}]
    own = splits.keys if splits and len({*map(splits.side, names)}) > 1 else {}
    for keys in (*_by_csv(archive, names, source), *by_folder):
        whole = keys if "split" in keys else {**keys, **own}
        if classes := fitting(archive, names, whole):
            yield whole, classes
    suffixes = {PurePosixPath(name).suffix for name in names}
    ending = re.escape(suffixes.pop()) if len(suffixes) == 1 else r"\.\w+"
    for stem in STEMS:
        keys = {"from": "name", "pattern": f"{stem}{ending}$", **own}
        if classes := fitting(archive, names, keys):
            yield keys, classes
            return


def fitting(
    archive: Path, names: Sequence[str], keys: Mapping[str, Any], csv: Path | None = None
) -> Counter[str] | None:
    """How many pictures each class has by this rule; None where it does not fit.

    A class has two pictures or more on average, and what says a split is no class.
    """
    found, target = Findings(), "labels" if "separator" in keys else "label"
    made = reading.told(archive, names, Rule.model_validate(keys), found, target, csv).targets
    classes = Counter(label for cell in made for label in cells.classes(cell or "", target))
    is_split = all(sides.parsed(label) for label in classes)
    if found.errors or is_split or not 2 <= len(classes) <= len(names) / 2:
        return None
    return classes


def _by_csv(archive: Path, names: Sequence[str], source: Source) -> Iterator[Keys]:
    """A rule for each CSV that has a row for every picture: the first column with few labels."""
    known = archives.meant(names)
    there = sorted(
        name for name in archives.file_names(archive) if name.lower().endswith(annotations.ENDINGS)
    )
    for file in there[:MOST]:
        try:
            lines = csvs.parsed(annotations.text(archive, file), file)
        except ValueError:
            continue  # it is no CSV, so it offers nothing
        header = lines[0][1][:MOST] if lines else []
        padded = [row + [""] * MOST for _, row in lines[1:]]
        values = {key: [row[i] for row in padded] for i, key in enumerate(header)}
        folder = PurePosixPath(file).parent
        hits = {
            key: sum(len(annotations.pictures(cell, known, folder)) == 1 for cell in some)
            for key, some in values.items()
        }
        name = max(hits, key=lambda key: hits[key], default="")
        split = columns.split_column(header, padded, [name])
        for label in values:
            keys = {"from": "csv", "file": file, "name": name, "label": label}
            keys |= {"split": split} if split else {}
            if seen := columns.combined(values[label]):
                keys["separator"] = seen.separator
            if label not in (name, split) and hits[name] and fitting(archive, names, keys):
                yield keys
                break
