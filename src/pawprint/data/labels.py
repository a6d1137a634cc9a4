"""The label of each image: from a regular expression on its name, its folder, or a CSV."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from pawprint.core import label_cells, yaml_file
from pawprint.core.findings import Findings, shorten
from pawprint.data import biwi, label_csv, layouts, lookalikes, pattern_hints, split_words
from pawprint.data.catalog import LabelRule
from pawprint.data.splits import Annotations
from pawprint.storage import sanitize

REMEDY = "fix the rule in datasets.yaml, or remove these files from the archive or folder"


def read_targets(
    archive: Path,
    names: Sequence[str],
    rule: LabelRule,
    findings: Findings,
    target: str = "label",
    csv: Path | None = None,
) -> Annotations:
    """Target, own split and group of each image, by a rule of datasets.yaml.

    Args:
        archive: the archive of images.
        names: their paths in it.
        rule: the label rule of datasets.yaml.
        findings: collects what is wrong, and what is left out.
        target: label, labels, points or number.
        csv: the copy of a CSV that is not in the archive of images.
    """
    is_split = rule.valid is not None or rule.test is not None
    outside = csv if rule.outside else None
    rows = label_csv.match_rows(archive, names, rule.table, findings, outside, is_split)
    texts = {name: row.text for name, row in rows.items()}
    lines = {name: row.line for name, row in rows.items()}
    if rule.source == "biwi":
        texts = biwi.read_cells(archive, names, findings)
    groups = split_words.extract_groups(names, rule.group, findings, REMEDY) if rule.group else None
    own_splits = None
    if rule.split:
        own_splits = split_words.parse_splits(
            names, {name: row.split for name, row in rows.items()}, rule.split, findings
        )
    elif groups and is_split:
        own_splits = split_words.of_groups(groups, rule.valid, rule.test, findings, REMEDY)
    targets = targets_to_learn(names, rule, target, findings, texts, own_splits, lines)
    return Annotations(targets, own_splits, groups)


def targets_to_learn(
    names: Sequence[str],
    rule: LabelRule,
    target: str,
    findings: Findings,
    texts: Mapping[str, str],
    own_splits: Sequence[str | None] | None,
    lines: Mapping[str, int],
) -> list[str | None]:
    """The targets; images for testing without a target are left out with a note.

    These are the images of the dataset's own test, or else of a folder test/. If they have only
    labels that no other image has (test/unknown), these do not count as labels.
    """
    splits = layouts.split_folders(names)
    split_words_of = own_splits or [splits.split_of(name) if splits else None for name in names]
    tests = {name for name, split in zip(names, split_words_of, strict=True) if split == "test"}
    targets = extract_targets(names, rule, target, findings, texts, tests, lines)
    by_name = dict(zip(names, targets, strict=True))
    test_labels = {cell for name, cell in by_name.items() if cell and name in tests}
    other_labels = {cell for name, cell in by_name.items() if cell and name not in tests}
    is_strange = (
        label_cells.CELLS[target].is_exclusive
        and test_labels
        and other_labels
        and not _share_a_label(test_labels, other_labels)
    )
    if is_strange:
        by_name |= dict.fromkeys(tests)
    lost = [name for name in names if name in tests and by_name[name] is None]
    if lost and (is_strange or rule.source not in ("csv", "biwi")):  # of these it is said already
        why = f"a {target} that no other has ({shorten(sorted(test_labels))})" if is_strange else ""
        findings.notes.append(
            f"{len(lost)} of {len(names)} images are for testing or prediction and have "
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


def extract_targets(
    names: Sequence[str],
    rule: LabelRule,
    target: str,
    findings: Findings,
    texts: Mapping[str, str] | None = None,
    tests: Collection[str] = (),
    lines: Mapping[str, int] | None = None,
) -> list[str | None]:
    """The target of each image, in order; None and an error if the rule gives none.

    Args:
        names: paths in the archive, such as images/Abyssinian_1.jpg.
        rule: the label rule of datasets.yaml.
        target: label, labels, points or number.
        findings: collects all names without a target as one error, labels that cannot be put into a
            table, and labels that look alike.
        texts: the texts of a CSV or another file, by name; missing ones are reported already.
        tests: names that may have no target, without an error.
        lines: of the CSV, by name, for the error.
    """
    splits, cell_format = layouts.split_folders(names), label_cells.CELLS[target]
    texts_read = [text_of(name, rule.source, texts or {}, splits) for name in names]
    pick = partial(pick_label, rule.pattern)
    targets = [
        None if text is None else cell_format.format(text, pick, rule.separator)
        for text in texts_read
    ]
    wrong = {
        name: text
        for name, text, cell in zip(names, texts_read, targets, strict=True)
        if text is not None and cell is None and name not in tests
    }
    if wrong:
        places = {name: f"line {line}: " for name, line in (lines or {}).items()}
        has_shown = rule.source in ("csv", "biwi") or not cell_format.min_classes
        shown = [
            f"{name} ({places.get(name, '')}{yaml_file.one_line(pick(text) or text, 80)})"
            if has_shown
            else name
            for name, text in wrong.items()
        ]
        how = f"label.pattern {yaml_file.one_line(rule.pattern, 200)}" if rule.pattern else ""
        hint = cell_format.hint
        hint += pattern_hints.narrow_view([*wrong], [*wrong.values()], rule, splits)
        cells = f"fix these cells of {rule.file}, " if rule.source == "csv" else ""
        findings.errors.append(
            f"{len(wrong)} of {len(names)} images get no {target} from "
            f"{how or f'label.from: {rule.source}'}: {shorten(shown)}; {hint}{cells}{REMEDY}"
        )
    counted = Counter(x for cell in targets if cell for x in cell_format.classes(cell))
    odd = sorted(label for label in counted if sanitize.name_error(label))
    if odd:
        where = "these cells" if rule.source == "csv" else "these images or folders"
        findings.errors.append(
            f"{len(odd)} labels cannot be used: {odd[0]!r} {sanitize.name_error(odd[0])}; "
            f"fix the rule in datasets.yaml, or rename {where}"
        )
    lookalikes.check(counted, findings)
    return targets


def text_of(
    name: str, source: str, texts: Mapping[str, str], splits: layouts.SplitFolders | None
) -> str | None:
    """The text that a rule reads for an image: its file name, path or folder, or a table's cell.

    The folder is the innermost one that is not a split such as train.
    """
    if source in ("name", "path"):
        return PurePosixPath(name).name if source == "name" else name
    return layouts.class_folder(name, splits) if source == "folder" else texts.get(name)


def pick_label(pattern: str | None, text: str) -> str | None:
    r"""The first group of `label.pattern`, searched anywhere in the text; None without a match.

    >>> pick_label(r"^(.+)_\d+\.jpg$", "great_pyrenees_173.jpg"), pick_label(None, "pug")
    ('great_pyrenees', 'pug')
    """
    if pattern is None:
        return text
    match = re.search(pattern, text)
    return match.group(1) if match else None


def _share_a_label(some: set[str], others: set[str]) -> bool:
    """Whether they have a label in common, or labels that look the same."""
    # test/Cat beside train/cat is a label spelt otherwise, not one that means `unknown`
    return bool({*map(lookalikes.skeleton, some)} & {*map(lookalikes.skeleton, others)})
