"""Suggest label rules for a set of images, from its CSV files, its folders and its file names.

A rule fits if it gives every image a label, and there are two or more classes.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pawprint.core import label_cells
from pawprint.core.findings import Findings, shorten
from pawprint.data import columns, csv_text, label_csv, layouts, matching, split_words
from pawprint.data.catalog import LabelRule
from pawprint.data.labels import read_targets
from pawprint.storage import archives

STEMS = (  # of a file's name, the likeliest first
    *(r"^(.+)_\d+", r"^(.+)-\d+", r"^(.+)\.\d+", r"^(.+) \(\d+\)", r"^(.+) \d+", r"^(\D+)\d+"),
    *(r"^\d+[_-](.+)", r"^([^_]+)_.+", r"^([^-]+)-.+"),
)
CLASS_WORDS = {
    *("label", "labels", "class", "classes", "category", "categories", "target", "targets"),
    *("tag", "tags", "breed", "species", "diagnosis", "dx", "name"),
}
MAX_FILES = 30  # CSV files, and columns of one, that are looked at
Keys = dict[str, Any]  # of a rule
Offer = tuple[Keys, Counter[str]]  # and how many pictures each class then has


def offers(archive: Path, names: Sequence[str], beside: Sequence[Path] = ()) -> Iterator[Offer]:
    """The rules that fit, likeliest first: at most one per CSV, some by folders, one by names."""
    splits = layouts.split_folders(names)
    by_folder = layouts.class_rules(names, splits) or [{"from": "folder"}]
    folder_splits = {*map(splits.split_of, names)} if splits else set()
    split_keys = (
        splits.keys if splits and len(folder_splits) > 1 and {"train", None} & folder_splits else {}
    )
    for keys in (*_by_csv(archive, names, beside), *by_folder):
        whole = keys if "split" in keys else {**keys, **split_keys}
        csv = Path(keys["file"]) if "sha256" in keys else None
        if classes := fitting_classes(archive, names, whole, csv):
            yield whole, classes
    suffixes = {PurePosixPath(name).suffix for name in names}
    ending = re.escape(suffixes.pop()) if len(suffixes) == 1 else r"\.\w+"
    for stem in STEMS:
        # the first that fits, alone: on most names several fit, and give nearly the same classes
        keys = {"from": "name", "pattern": f"{stem}{ending}$", **split_keys}
        if classes := fitting_classes(archive, names, keys):
            yield keys, classes
            return


def fitting_classes(
    archive: Path, names: Sequence[str], keys: Mapping[str, Any], csv: Path | None = None
) -> Counter[str] | None:
    """The number of images per class by this rule; None if it does not fit.

    A class needs two or more images on average, and a split is not a class.
    """
    findings, target = Findings(), "labels" if "separator" in keys else "label"
    # by the code of stage label, so that no rule is offered which that refuses
    targets = read_targets(
        archive, names, LabelRule.model_validate(keys), findings, target, csv
    ).targets
    classes = Counter(
        label for cell in targets for label in label_cells.classes(cell or "", target)
    )
    is_split = all(split_words.parse(label) for label in classes)
    if keys["from"] in ("folder", "path") and layouts.sorts_files(classes):
        return None
    if not keys.get("split") and not is_learned(names, targets):
        return None
    if findings.errors or is_split or not 2 <= len(classes) <= len(names) / 2:
        return None
    return classes


def is_learned(names: Sequence[str], targets: Sequence[str | None]) -> bool:
    """Whether each class in the folders for valid is also in those for train, if there are any."""
    splits = layouts.split_folders(names)
    classes_by_split = defaultdict(set)
    for name, cell in zip(names, targets, strict=True):
        classes_by_split[splits.split_of(name) if splits else None].add(cell)
    return (
        not splits or not splits.has_train or classes_by_split["valid"] <= classes_by_split["train"]
    )


def _by_csv(archive: Path, names: Sequence[str], beside: Sequence[Path]) -> Iterator[Keys]:
    """A rule for each CSV that has a row for every image: the first column with few labels.

    Files of the same name in several folders, such as train/metadata.csv, get one rule.
    """
    known, joint = matching.index_names(names), set[str]()
    for file, outside in _csv_files(archive, beside):
        if PurePosixPath(file).name in joint and outside is None:
            continue
        try:
            first, text = next(iter(label_csv.texts(archive, file, outside).items()))
            lines = csv_text.parse(text, file)
        except ValueError:
            continue  # it is no CSV, so it offers nothing
        folder = PurePosixPath("" if outside else first).parent
        for keys in _by_columns(lines, file, known, folder):
            whole = {**keys, "sha256": "0" * 64} if outside else keys  # of no use to a look
            if fitting_classes(archive, names, whole, outside):
                joint |= {PurePosixPath(file).name} if file.startswith("*/") else set()
                yield whole
                break


def _csv_files(archive: Path, beside: Sequence[Path]) -> Iterator[tuple[str, Path | None]]:
    """CSV files of one name together, those among the images, then those next to the folder."""
    there = sorted(
        name for name in archives.file_names(archive) if name.lower().endswith(label_csv.ENDINGS)
    )
    alike = Counter(PurePosixPath(name).name for name in there)
    joint = sorted(f"*/{name}" for name, n in alike.items() if n > 1)
    yield from ((file, None) for file in [*joint, *there][:MAX_FILES])
    yield from (
        (str(path), path) for path in beside[:MAX_FILES] if path.stat().st_size < archives.MAX_BYTES
    )


def _by_columns(
    lines: csv_text.Lines, file: str, known: matching.Known, folder: PurePosixPath
) -> Iterator[Keys]:
    """A rule for each column that may hold labels: words before numbers."""
    header = lines[0][1][:MAX_FILES] if lines else []
    # a row may lack cells at its end, where these are empty
    padded = [row + [""] * MAX_FILES for _, row in lines[1:]]
    values = {key: [row[i] for row in padded] for i, key in enumerate(header) if key}
    hits = {
        key: sum(len(some) == 1 for some in matching.hits(cells, known, folder)[0])
        for key, cells in values.items()
    }
    # what it holds tells the column of names, since its title may be anything: id, fname, image_id
    name = max(hits, key=lambda key: hits[key], default="")
    if not hits.get(name):
        return
    splits = columns.split_columns(header, padded, [name])
    hot = columns.one_hot(header, padded)
    others = [key for key in values if key not in (name, *splits, *hot)]
    for label in sorted(others, key=lambda key: (not is_class_word(key), is_numbers(values[key]))):
        keys = {"from": "csv", "file": file, "name": name, "label": label}
        keys |= {"split": splits[0]} if splits else {}
        if seen := columns.combinations(values[label]):
            keys["separator"] = seen.separator
        yield keys


def one_hot(archive: Path) -> str:
    """A hint about a CSV with one column per class; empty if there is none."""
    for file, _ in _csv_files(archive, ()):
        try:
            lines = csv_text.parse(next(iter(label_csv.texts(archive, file).values())), file)
        except ValueError:
            continue
        if lines and (hot := columns.one_hot(lines[0][1], [row for _, row in lines[1:]])):
            return (
                f"; {file} has a column of 0 and 1 for each class ({shorten(hot)}): add one column "
                "that names them (several with | between, and --separator '|')"
            )
    return ""


def is_class_word(column: str) -> bool:
    """Whether a column's name means classes."""
    return bool({*split_words.tokens(column)} & CLASS_WORDS)


def is_numbers(cells: Sequence[str]) -> bool:
    """Whether all cells are numbers or empty."""
    return all(re.fullmatch(r"-?\d*\.?\d*", cell) for cell in cells)
