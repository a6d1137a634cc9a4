"""What a data set says of each picture: its target, its side of the split, its group."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pawprint import annotations, labels, layouts, lookalikes, poses, sides
from pawprint.catalogue import Rule
from pawprint.findings import Findings, listed
from pawprint.labels import LOST
from pawprint.splits import Told


def told(
    archive: Path,
    names: Sequence[str],
    rule: Rule,
    found: Findings,
    target: str = "label",
    csv: Path | None = None,
) -> Told:
    """Target, own side of the split and group of each picture, by a rule of the catalogue.

    Args:
        archive: what holds the pictures.
        names: their paths in it.
        rule: of the catalogue.
        found: told what is wrong, and what is left out.
        target: label, labels or points.
        csv: the copy of a CSV that does not lie among the pictures.
    """
    is_split = rule.valid is not None or rule.test is not None
    outside = csv if rule.outside else None
    rows = annotations.cells(archive, names, rule.table, found, outside, is_split)
    texts = {name: row.label for name, row in rows.items()}
    if rule.source == "biwi":
        texts = poses.cells(archive, names, found)
    groups = sides.grouped(names, rule.group, found, LOST) if rule.group else None
    own = None
    if rule.split:
        own = sides.sided(names, {name: row.split for name, row in rows.items()}, rule.split, found)
    elif groups and is_split:
        own = sides.of_groups(groups, rule.valid, rule.test, found, LOST)
    targets = tested(names, rule, target, found, texts, own)
    return Told(targets, own, groups)


def tested(
    names: Sequence[str],
    rule: Rule,
    target: str,
    found: Findings,
    texts: Mapping[str, str],
    own: Sequence[str | None] | None,
) -> list[str | None]:
    """The targets; pictures for testing that have none are left out with a note.

    Such are those of the data set's own test, or else of a folder test/. Where they have labels,
    but none that others have (test/unknown), these are no labels.
    """
    splits = layouts.split_folders(names)
    told_of = own or [splits.side(name) if splits else None for name in names]
    tests = {name for name, side in zip(names, told_of, strict=True) if side == "test"}
    targets = labels.named(names, rule, target, found, texts, tests)
    by_name = dict(zip(names, targets, strict=True))
    here = {cell for name, cell in by_name.items() if cell and name in tests}
    rest = {cell for name, cell in by_name.items() if cell and name not in tests}
    is_strange = target == "label" and here and rest and not _alike(here, rest)
    if is_strange:
        by_name |= dict.fromkeys(tests)
    lost = [name for name in names if name in tests and by_name[name] is None]
    if lost and (is_strange or rule.source not in ("csv", "biwi")):  # of these it is said already
        why = f"a {target} that no other has ({listed(sorted(here))})" if is_strange else ""
        found.notes.append(
            f"{len(lost)} of {len(names)} pictures are for testing or prediction and have "
            f"{why or f'no {target}'}"
            f"; they are left out: {listed(lost)}"
        )
    if splits and own is None:
        found.notes.extend(layouts.mixed(splits, [name for name in names if by_name[name]]))
    if rule.source == "folder":
        found.notes.extend(layouts.other_levels(names, splits))
    return [by_name[name] for name in names]


def _alike(some: set[str], others: set[str]) -> bool:
    """Whether they have a label in common, also one that only looks the same."""
    return bool({*map(lookalikes.skeleton, some)} & {*map(lookalikes.skeleton, others)})
