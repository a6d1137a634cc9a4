"""Name each picture's class, and find everything that is wrong with the labels at once."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from pawprint import annotations, untrusted, yaml12
from pawprint.catalogue import Rule
from pawprint.findings import Findings, listed

LOST = "mend the rule in datasets.yaml, or take these files out of the archive or folder"


def by_rule(archive: Path, names: Sequence[str], rule: Rule, found: Findings) -> list[str | None]:
    """The label of each picture by a rule of the catalogue: as `named`, with the CSV's cells."""
    cells = annotations.cells(archive, names, rule.table, found)
    return named(names, rule.source, rule.pattern, found, cells)


def named(
    names: Sequence[str],
    source: str,
    pattern: str | None,
    found: Findings,
    cells: Mapping[str, str] | None = None,
) -> list[str | None]:
    """The label of each picture, in order; None, and an error found, where the rule gives none.

    Args:
        names: paths in the archive, such as images/Abyssinian_1.jpg.
        source: `name`, the pattern's first group in the file's name; `folder`, the name of the
            folder that holds it; or `csv`, its cell; of these two the pattern's first group,
            where there is a pattern.
        pattern: a regular expression, searched anywhere in the text.
        found: told all names without a label, as one error, and labels that no table can hold.
        cells: of a CSV, by name; what has none is said already.
    """
    texts = [_text(name, source, cells or {}) for name in names]
    labels = [None if text is None else _label(text, pattern) or None for text in texts]
    wrong = [
        name if source != "csv" else f"{name} ({yaml12.one_line(text, 80)})"
        for name, text, label in zip(names, texts, labels, strict=True)
        if text is not None and label is None
    ]
    if wrong:
        shown = f"label.pattern {yaml12.one_line(pattern, 200)}" if pattern else ""
        found.errors.append(
            f"{len(wrong)} of {len(names)} pictures get no label by "
            f"{shown or f'label.from: {source}'}: {listed(wrong)}; {LOST}"
        )
    odd = sorted({label for label in labels if label and untrusted.fault(label)})
    if odd:
        where = "these cells" if source == "csv" else "these pictures or folders"
        found.errors.append(
            f"{len(odd)} labels cannot be used: {odd[0]!r} {untrusted.fault(odd[0])}; "
            f"mend the rule in datasets.yaml, or rename {where}"
        )
    return labels


def _text(name: str, source: str, cells: Mapping[str, str]) -> str | None:
    path = PurePosixPath(name)
    return {"name": path.name, "folder": path.parent.name, "csv": cells.get(name)}[source]


def _label(text: str, pattern: str | None) -> str | None:
    if pattern is None:
        return text
    match = re.search(pattern, text)
    return match.group(1) if match else None


def table(
    names: Sequence[str], labels: Sequence[str | None], splits: Sequence[str | None]
) -> pd.DataFrame:
    """Columns name, label, split, in the order given; rows that lack one are left out."""
    rows = pd.DataFrame({"name": names, "label": labels, "split": splits}, dtype="str")
    return rows.dropna(ignore_index=True)


def counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Pictures of each class (sorted by code point) in train, valid and test."""
    counted = pd.crosstab(rows["label"], rows["split"])
    return counted.reindex(columns=["train", "valid", "test"], fill_value=0).sort_index()


def check_classes(counted: pd.DataFrame, found: Findings) -> None:
    """Errors: classes absent from train, fewer than two classes, an empty split.

    Notes: classes absent from valid.
    """
    if counted.empty:
        return  # no picture has a label, or a split: that is said already
    unseen = counted.index[counted["train"] == 0].tolist()
    if unseen:
        found.errors.append(
            f"{len(unseen)} of {len(counted)} classes have no picture in train, so they cannot be "
            f"learned: {listed(unseen)}; add pictures of them, or where there are two or more, use "
            "label.split: stratified"
        )
    if len(counted) < 2:
        found.errors.append(
            f"all pictures are of one class, {counted.index[0]}: two are needed to tell anything "
            "apart; mend label.pattern in datasets.yaml"
        )
    for split in ("train", "valid"):
        if not counted[split].any():
            found.errors.append(
                f"no picture in {split}; change label.valid_fraction or label.split"
            )
    absent = counted.index[(counted["train"] > 0) & (counted["valid"] == 0)].tolist()
    if absent:
        found.notes.append(
            f"{len(absent)} of {len(counted)} classes have no picture in valid, so their error "
            f"stays unknown: {listed(absent)}"
        )


def fingerprints(contents: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """SHA-256 of each picture's bytes, by name."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in contents}


def across_splits(rows: pd.DataFrame, hashes: Mapping[str, str]) -> list[list[str]]:
    """Groups of pictures with equal bytes that stand on more than one side of the split."""
    groups = defaultdict(list)
    for name, split in zip(rows["name"], rows["split"], strict=True):
        groups[hashes[name]].append((name, split))
    return [
        [name for name, _ in group]
        for group in groups.values()
        if len({split for _, split in group}) > 1
    ]


def check_duplicates(groups: Sequence[Sequence[str]], on_duplicates: str, found: Findings) -> None:
    """Pictures of equal bytes across the split: a note, or an error if `on_duplicates` says so."""
    if not groups:
        return
    first = [listed(group, 3, " = ") for group in groups]
    said = (
        f"{len(groups)} groups of pictures with equal bytes stand on both sides of the split, "
        f"which flatters the error rate: {listed(first, 3)}; take the copies out of the "
        "archive or folder"
    )
    (found.errors if on_duplicates == "error" else found.notes).append(said)


def summary(counted: pd.DataFrame, pictures: int, groups: int) -> dict[str, int]:
    """The scalars of reports/labels.json."""
    sums = {split: int(counted[split].sum()) for split in ("train", "valid", "test")}
    return {
        "pictures": pictures,
        "classes": len(counted),
        **sums,
        "in_no_split": pictures - sum(sums.values()),
        "duplicates_across_splits": groups,
    }
