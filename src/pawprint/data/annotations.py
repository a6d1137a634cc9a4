"""What a data set says of each picture: its target, its split, its group."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pawprint.core.findings import Findings, shorten
from pawprint.data import biwi, label_csv, labels, layouts, lookalikes, split_words
from pawprint.data.catalog import LabelRule
from pawprint.data.labels import LOST
from pawprint.data.splits import Annotations


def read_targets(
    archive: Path,
    names: Sequence[str],
    rule: LabelRule,
    findings: Findings,
    target: str = "label",
    csv: Path | None = None,
) -> Annotations:
    """Target, own split and group of each picture, by a rule of the catalogue.

    Args:
        archive: what holds the pictures.
        names: their paths in it.
        rule: of the catalogue.
        findings: told what is wrong, and what is left out.
        target: label, labels or points.
        csv: the copy of a CSV that does not lie among the pictures.
    """
    is_split = rule.valid is not None or rule.test is not None
    outside = csv if rule.outside else None
    rows = label_csv.match_rows(archive, names, rule.table, findings, outside, is_split)
    texts = {name: row.label for name, row in rows.items()}
    if rule.source == "biwi":
        texts = biwi.read_cells(archive, names, findings)
    groups = split_words.extract_groups(names, rule.group, findings, LOST) if rule.group else None
    own_splits = None
    if rule.split:
        own_splits = split_words.parse_splits(
            names, {name: row.split for name, row in rows.items()}, rule.split, findings
        )
    elif groups and is_split:
        own_splits = split_words.of_groups(groups, rule.valid, rule.test, findings, LOST)
    targets = targets_to_learn(names, rule, target, findings, texts, own_splits)
    return Annotations(targets, own_splits, groups)


def targets_to_learn(
    names: Sequence[str],
    rule: LabelRule,
    target: str,
    findings: Findings,
    texts: Mapping[str, str],
    own_splits: Sequence[str | None] | None,
) -> list[str | None]:
    """The targets; pictures for testing that have none are left out with a note.

    Such are those of the data set's own test, or else of a folder test/. Where they have labels,
    but none that others have (test/unknown), these are no labels.
    """
    splits = layouts.split_folders(names)
    split_words_of = own_splits or [splits.split_of(name) if splits else None for name in names]
    tests = {name for name, split in zip(names, split_words_of, strict=True) if split == "test"}
    targets = labels.extract_targets(names, rule, target, findings, texts, tests)
    by_name = dict(zip(names, targets, strict=True))
    here = {cell for name, cell in by_name.items() if cell and name in tests}
    rest = {cell for name, cell in by_name.items() if cell and name not in tests}
    is_strange = target == "label" and here and rest and not _alike(here, rest)
    if is_strange:
        by_name |= dict.fromkeys(tests)
    lost = [name for name in names if name in tests and by_name[name] is None]
    if lost and (is_strange or rule.source not in ("csv", "biwi")):  # of these it is said already
        why = f"a {target} that no other has ({shorten(sorted(here))})" if is_strange else ""
        findings.notes.append(
            f"{len(lost)} of {len(names)} pictures are for testing or prediction and have "
            f"{why or f'no {target}'}"
            f"; they are left out: {shorten(lost)}"
        )
    if splits and own_splits is None:
        findings.notes.extend(
            layouts.mixed_splits(splits, [name for name in names if by_name[name]])
        )
    if rule.source == "folder":
        findings.notes.extend(layouts.other_levels(names, splits))
    return [by_name[name] for name in names]


def _alike(some: set[str], others: set[str]) -> bool:
    """Whether they have a label in common, also one that only looks the same."""
    return bool({*map(lookalikes.skeleton, some)} & {*map(lookalikes.skeleton, others)})
