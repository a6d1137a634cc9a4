"""The table of labels, and everything that is wrong with it, all at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pandas as pd

from pawprint.core import label_cells
from pawprint.core.findings import Findings, shorten
from pawprint.data.labels import REMEDY


def labels_table(
    names: Sequence[str],
    targets: Sequence[str | None],
    splits: Sequence[str | None],
    target: str = "label",
) -> pd.DataFrame:
    """Columns name, `target`, split, in the order given; rows that lack one are left out."""
    table = pd.DataFrame({"name": names, target: targets, "split": splits}, dtype="str")
    return table.dropna(ignore_index=True)


def class_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Images per class (sorted by code point) in train, valid and test; empty for points."""
    target = table.columns[1]
    pairs = [
        (label, split)
        for cell, split in zip(table[target], table["split"], strict=True)
        for label in label_cells.classes(cell, target)
    ]
    long = pd.DataFrame(pairs, columns=["label", "split"], dtype="str")
    counted = pd.crosstab(long["label"], long["split"])
    # crosstab has no column for a split without images
    return counted.reindex(columns=["train", "valid", "test"], fill_value=0).sort_index()


def check_classes(counted: pd.DataFrame, table: pd.DataFrame, findings: Findings) -> None:
    """Errors: classes missing from train, too few classes, equal numbers or points, an empty split.

    Notes: classes missing from valid.
    """
    target = table.columns[1]
    if table.empty:
        # else one of these says already why the table is empty
        if not findings.errors:
            findings.errors.append(f"no image has both {target} and a split; {REMEDY}")
        return
    unseen = counted.index[counted["train"] == 0].tolist()
    if unseen:
        findings.errors.append(
            f"{len(unseen)} of {len(counted)} classes have no image in train, so they cannot be "
            f"learned: {shorten(unseen)}; add images of them, or if they have two or more, use "
            "label.split: stratified"
        )
    if len(counted) < label_cells.CELLS[target].min_classes and len(counted):
        findings.errors.append(
            f"all images are of one class, {counted.index[0]}, but a classifier needs at least "
            "two; fix label.pattern in datasets.yaml"
        )
    if counted.empty and label_cells.CELLS[target].min_classes:
        findings.errors.append(f"no image has any label; {REMEDY}")
    train = table.loc[table["split"] == "train", target]
    has_classes = label_cells.CELLS[target].min_classes > 0
    if not has_classes and len({tuple(label_cells.coordinates(cell)) for cell in train}) == 1:
        findings.errors.append(
            f"all training images have the {target} {train.iloc[0]}: there is nothing to learn; "
            "fix `label` in datasets.yaml, or the column that it names"
        )
    for split in ("train", "valid"):
        if not (table["split"] == split).any():
            findings.errors.append(
                f"no image in {split}; change label.split, label.valid_fraction or label.seed"
            )
    absent = counted.index[(counted["train"] > 0) & (counted["valid"] == 0)].tolist()
    if absent:
        findings.notes.append(
            f"{len(absent)} of {len(counted)} classes have no image in valid, so their error rate "
            f"is unknown: {shorten(absent)}"
        )


def duplicates_across_splits(table: pd.DataFrame, hashes: Mapping[str, str]) -> list[list[str]]:
    """Groups of images with equal bytes that are on more than one side of the split."""
    groups = defaultdict(list)
    for name, split in zip(table["name"], table["split"], strict=True):
        groups[hashes[name]].append((name, split))
    return [
        [name for name, _ in group]
        for group in groups.values()
        if len({split for _, split in group}) > 1
    ]


def check_duplicates(
    groups: Sequence[Sequence[str]], on_duplicates: str, findings: Findings
) -> None:
    """Images with equal bytes across the split: a note, or an error, by `on_duplicates`."""
    if not groups:
        return
    first = [shorten(group, 3, " = ") for group in groups]
    message = (
        f"{len(groups)} groups of images with equal bytes are on both sides of the split, which "
        f"makes the error rate too low: {shorten(first, 3)}; remove the copies from the archive or "
        "folder"
    )
    (findings.errors if on_duplicates == "error" else findings.notes).append(message)


def summary(table: pd.DataFrame, counted: pd.DataFrame, images: int, groups: int) -> dict[str, int]:
    """The scalars of reports/labels.json."""
    sums = {split: int((table["split"] == split).sum()) for split in ("train", "valid", "test")}
    return {
        "pictures": images,
        "classes": len(counted),
        **sums,
        "in_no_split": images - sum(sums.values()),
        "duplicates_across_splits": groups,
    }
