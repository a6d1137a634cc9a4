"""The target of each image, and everything that is wrong with the labels, at once."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

import pandas as pd

from pawprint.core import label_cells, yaml_file
from pawprint.core.findings import Findings, shorten
from pawprint.data import layouts, lookalikes
from pawprint.data.catalog import LabelRule
from pawprint.storage import sanitize

LOST = "mend the rule in datasets.yaml, or take these files out of the archive or folder"
HINTS = {  # why a cell is no target
    "labels": "no class may hold a semicolon; ",
    "points": "each column needs a number, such as 20.5; ",
}


def extract_targets(
    names: Sequence[str],
    rule: LabelRule,
    target: str,
    findings: Findings,
    texts: Mapping[str, str] | None = None,
    tests: Collection[str] = (),
) -> list[str | None]:
    """The target of each picture, in order; None, and an error found, where the rule gives none.

    Args:
        names: paths in the archive, such as images/Abyssinian_1.jpg.
        rule: of the catalogue; `name` reads the file's name, `folder` the name of the folder that
            holds it (where that does not say a split), `path` all of the path, others what `texts`
            has; of these the pattern's first group, where there is a pattern, searched anywhere in
            the text.
        target: label, labels or points.
        findings: told all names without a target, as one error, labels that no table can hold, and
            labels that look alike.
        texts: of a CSV or another file, by name; what has none is said already.
        tests: names that may have no target: theirs is no error.
    """
    source, splits = rule.source, layouts.split_folders(names)
    texts_read = [_text(name, source, texts or {}, splits) for name in names]
    targets = [
        None
        if text is None
        else label_cells.format_cell(text, target, rule.pattern, rule.separator)
        for text in texts_read
    ]
    wrong = [
        (
            name,
            name if source not in ("csv", "biwi") else f"{name} ({yaml_file.one_line(text, 80)})",
        )
        for name, text, cell in zip(names, texts_read, targets, strict=True)
        if text is not None and cell is None and name not in tests
    ]
    if wrong:
        shown = f"label.pattern {yaml_file.one_line(rule.pattern, 200)}" if rule.pattern else ""
        hint = HINTS.get(target, "") + seen_alone([name for name, _ in wrong], rule, splits)
        findings.errors.append(
            f"{len(wrong)} of {len(names)} pictures get no {target} by "
            f"{shown or f'label.from: {source}'}: {shorten([text for _, text in wrong])}; "
            f"{hint}{LOST}"
        )
    counted = Counter(x for cell in targets if cell for x in label_cells.classes(cell, target))
    odd = sorted(label for label in counted if sanitize.name_error(label))
    if odd:
        where = "these cells" if source == "csv" else "these pictures or folders"
        findings.errors.append(
            f"{len(odd)} labels cannot be used: {odd[0]!r} {sanitize.name_error(odd[0])}; "
            f"mend the rule in datasets.yaml, or rename {where}"
        )
    lookalikes.check(counted, findings)
    return targets


def _text(
    name: str, source: str, texts: Mapping[str, str], splits: layouts.SplitFolders | None
) -> str | None:
    if source in ("name", "path"):
        return PurePosixPath(name).name if source == "name" else name
    return layouts.class_folder(name, splits) if source == "folder" else texts.get(name)


def seen_alone(names: Sequence[str], rule: LabelRule, splits: layouts.SplitFolders | None) -> str:
    """What a pattern is tried on, where it may have been meant for the whole path."""
    if rule.source == "folder" and not layouts.class_folder(names[0], splits) and splits:
        spoken = ", ".join(f"{folder}/" for folder in sorted(splits.split_of_folder))
        return f"they lie in no class's folder, but in one that says a split ({spoken}); "
    pattern = rule.pattern or ""
    if rule.source not in ("name", "folder") or not pattern:
        return _with_a_slash(names, pattern) if rule.source == "path" else ""
    if "/" not in pattern and not any(re.search(pattern, name) for name in names):
        return ""
    what = "file's name" if rule.source == "name" else "innermost folder's name"
    text = _text(names[0], rule.source, {}, splits)
    return (
        f"this pattern sees the {what} alone, here {yaml_file.one_line(str(text), 80)}, without "
        f"the folders above it; `from: path` (pawprint new --from-path) sees the whole path; "
        + _with_a_slash(names, pattern)
    )


def _with_a_slash(names: Sequence[str], pattern: str) -> str:
    """A remedy for a pattern that starts with the slash of a longer path."""
    instead = f"(?:^|/){pattern[1:]}"
    if not pattern.startswith("/") or all(re.search(pattern, name) for name in names):
        return ""
    if not all(re.search(instead, name) for name in names):
        return ""
    return f"a path starts without a slash here: there, {yaml_file.one_line(instead, 200)} fits; "


def labels_table(
    names: Sequence[str],
    targets: Sequence[str | None],
    splits: Sequence[str | None],
    target: str = "label",
) -> pd.DataFrame:
    """Columns name, `target`, split, in the order given; rows that lack one are left out."""
    rows = pd.DataFrame({"name": names, target: targets, "split": splits}, dtype="str")
    return rows.dropna(ignore_index=True)


def class_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Pictures of each class (sorted by code point) in train, valid and test; none of points."""
    target = rows.columns[1]
    pairs = [
        (label, split)
        for cell, split in zip(rows[target], rows["split"], strict=True)
        for label in label_cells.classes(cell, target)
    ]
    long = pd.DataFrame(pairs, columns=["label", "split"], dtype="str")
    counted = pd.crosstab(long["label"], long["split"])
    return counted.reindex(columns=["train", "valid", "test"], fill_value=0).sort_index()


def check_classes(counted: pd.DataFrame, rows: pd.DataFrame, findings: Findings) -> None:
    """Errors: classes absent from train, too few classes, an empty split.

    Notes: classes absent from valid.
    """
    if rows.empty:
        if not findings.errors:
            findings.errors.append(f"no picture has both {rows.columns[1]} and a split; {LOST}")
        return
    unseen = counted.index[counted["train"] == 0].tolist()
    if unseen:
        findings.errors.append(
            f"{len(unseen)} of {len(counted)} classes have no picture in train, so they cannot be "
            f"learned: {shorten(unseen)}; add pictures of them, or where there are two or more, "
            "use label.split: stratified"
        )
    if rows.columns[1] == "label" and len(counted) < 2:
        findings.errors.append(
            f"all pictures are of one class, {counted.index[0]}: two are needed to tell anything "
            "apart; mend label.pattern in datasets.yaml"
        )
    if rows.columns[1] == "labels" and counted.empty:
        findings.errors.append(f"no picture has any label; {LOST}")
    for split in ("train", "valid"):
        if not (rows["split"] == split).any():
            findings.errors.append(
                f"no picture in {split}; change label.split, or where it draws, "
                "label.valid_fraction"
            )
    absent = counted.index[(counted["train"] > 0) & (counted["valid"] == 0)].tolist()
    if absent:
        findings.notes.append(
            f"{len(absent)} of {len(counted)} classes have no picture in valid, so their error "
            f"stays unknown: {shorten(absent)}"
        )


def fingerprints(contents: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """SHA-256 of each picture's bytes, by name."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in contents}


def duplicates_across_splits(rows: pd.DataFrame, hashes: Mapping[str, str]) -> list[list[str]]:
    """Groups of pictures with equal bytes that stand on more than one side of the split."""
    groups = defaultdict(list)
    for name, split in zip(rows["name"], rows["split"], strict=True):
        groups[hashes[name]].append((name, split))
    return [
        [name for name, _ in group]
        for group in groups.values()
        if len({split for _, split in group}) > 1
    ]


def check_duplicates(
    groups: Sequence[Sequence[str]], on_duplicates: str, findings: Findings
) -> None:
    """Pictures of equal bytes across the split: a note, or an error if `on_duplicates` says so."""
    if not groups:
        return
    first = [shorten(group, 3, " = ") for group in groups]
    message = (
        f"{len(groups)} groups of pictures with equal bytes stand on both sides of the split, "
        f"which flatters the error rate: {shorten(first, 3)}; take the copies out of the "
        "archive or folder"
    )
    (findings.errors if on_duplicates == "error" else findings.notes).append(message)


def summary(rows: pd.DataFrame, counted: pd.DataFrame, images: int, groups: int) -> dict[str, int]:
    """The scalars of reports/labels.json."""
    sums = {split: int((rows["split"] == split).sum()) for split in ("train", "valid", "test")}
    return {
        "pictures": images,
        "classes": len(counted),
        **sums,
        "in_no_split": images - sum(sums.values()),
        "duplicates_across_splits": groups,
    }
