"""A CSV next to the images: the cell of each image's label, and everything wrong with it."""

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pawprint.core.findings import Findings, shorten
from pawprint.data import columns, csv_text, layouts, matching, split_words
from pawprint.data.catalog import Table
from pawprint.data.csv_text import Lines
from pawprint.storage import archives, entries

FIX = "fix `label` in datasets.yaml"
ENDINGS = (".csv", ".tsv")


class Row(NamedTuple):
    """One row."""

    line: int  # of the file, from 1 on; the last one, where a quoted cell has several
    name: str
    text: str  # of the label; of points: their numbers, with blanks between
    split: str  # empty where the table has no such column


def match_rows(
    archive: Path,
    names: Sequence[str],
    table: Table | None,
    findings: Findings,
    outside: Path | None = None,
    is_split: bool = False,
) -> dict[str, Row]:
    """The row of each image, by the image's path; empty if there is no table.

    Args:
        archive: the archive with the CSV and the images.
        names: paths of the images.
        table: the CSV and its columns. A row names an image by its path (from the top of the
            archive, or from the CSV's own folder), its file name, or that without suffix.
            A name such as */metadata.csv means all files of that name, read as one.
        findings: collects what is wrong, with lines of the file; rows without an image are a note.
        outside: the CSV, if it is not in the archive of images.
        is_split: whether something other than a column defines the split.
    """
    if table is None:
        return {}
    rows_of, every = dict[str, list[Row]](), Lines()
    try:
        for file, content in texts(archive, table.file, outside, findings).items():
            lines = csv_text.parse(content, file)
            rows_of[file] = read_rows(lines, table, file)
            every += csv_text.in_order(lines, every)
    except ValueError as error:
        findings.errors.append(str(error))
        return {}
    columns.check(every, table, findings, is_split)
    return match_images(names, rows_of, table, findings)


def read_rows(lines: Lines, table: Table, file: str) -> list[Row]:
    """The rows of the CSV.

    Raises:
        ValueError: it lacks a column, or a row has too many cells.
    """
    header = lines[0][1] if lines else []
    for what, faulty in (
        ("has no column", [column for column in table.columns if header.count(column) == 0]),
        ("has twice the column", [column for column in table.columns if header.count(column) > 1]),
    ):
        if faulty:
            there = shorten([columns.quote(column) for column in header], 20) or "none"
            raise ValueError(
                f"{file}: {what} {shorten([columns.quote(column) for column in faulty])}; its "
                f"first line has {there} (the separator is a comma, or if that line has none, a "
                f"semicolon or a tab); {FIX}, or the file's first line"
            )
    # empty cells too many do no harm: spreadsheets end lines with commas
    long = [str(line) for line, row in lines if any(row[len(header) :])]
    if long:
        raise ValueError(
            f"{file}: {len(long)} rows have more cells than the first line: line "
            f"{shorten(long)}; put quotes around a cell that contains a comma"
        )
    rows = []
    for line, row in lines[1:]:
        cell = dict(zip(header, row + [""] * (len(header) - len(row)), strict=True))
        label = " ".join(cell[column] for column in table.labels)
        rows.append(Row(line, cell[table.name], label, cell[table.split] if table.split else ""))
    broken = [row for row in rows if "\n" in row.name + row.text]
    if broken:
        first = broken[0].line - (broken[0].name + broken[0].text).count("\n")
        raise ValueError(
            f"{file}: line {first}: a quoted cell of {table.name} or {', '.join(table.labels)} "
            f"continues to line {broken[0].line}; a quote may not be closed ({len(broken)} such "
            "rows); fix this line"
        )
    return rows


def texts(
    archive: Path, file: str, outside: Path | None = None, findings: Findings | None = None
) -> dict[str, str]:
    """The text of a CSV by its name, in the archive or elsewhere; for a pattern, of several.

    A note names other files of the same name.

    Raises:
        ValueError: it is missing, or not UTF-8.
    """
    if outside is not None:
        return {file: archives.decode_text(outside.read_bytes(), file)}
    name, there = entries.normalize_name(file), archives.file_names(archive)
    targets = [name] if name in there or "*" not in name else sorted(fnmatch.filter(there, name))
    data, alike = dict(archives.read_files(archive, targets)), PurePosixPath(name).name
    others = sorted(x for x in there if PurePosixPath(x).name == alike and x not in targets)
    if findings and data and others:
        findings.notes.append(
            f"only {file} is read; other files of the same name: {shorten(others)}; to read all "
            f"that are in folders, use the name */{alike}"
        )
    parts = [x for x in there if x not in targets and _is_part(x, name)]
    if findings and data and parts:
        findings.notes.append(
            f"only {file} is read; next to it is another part of the split: "
            f"{shorten(sorted(parts))}; to use it too, join them into one file with a column of "
            "train, valid or test"
        )
    if data:
        return {one: archives.decode_text(data[one], one) for one in targets}
    known = shorten(sorted(x for x in there if x.lower().endswith(ENDINGS)))
    shown = f"the CSV files there: {known}" if known else "there is no CSV"
    raise ValueError(f"{columns.quote(file)}: not in the archive or folder; {shown}; {FIX}")


def _is_part(other: str, file: str) -> bool:
    """Whether both files are in one folder, and their names mean different splits."""
    one, two = PurePosixPath(file), PurePosixPath(other)
    word, also = split_words.parse(one.stem), split_words.parse(two.stem)
    is_table = one.suffix == two.suffix and one.parent == two.parent
    return bool(is_table and word and also and word[1] == also[1] and word[0] != also[0])


def match_images(
    names: Sequence[str], rows_of: Mapping[str, Sequence[Row]], table: Table, findings: Findings
) -> dict[str, Row]:
    """The row of each image that has one."""
    known, file = matching.index_names(names), table.file
    labels: dict[str, Row] = {}
    named = set[str]()
    absent, several, empty, twice = list[str](), list[str](), list[str](), list[str]()
    unlabelled = without_labels([row for some in rows_of.values() for row in some], table)
    for one, some in rows_of.items():
        folder = PurePosixPath(entries.normalize_name(one)).parent
        meant, taken = matching.hits([row.name for row in some], known, folder)
        if taken:
            findings.notes.append(
                f"all rows of {one} name images in {columns.quote(taken)}, which does not exist; "
                "these folders were ignored"
            )
        for row, hits in zip(some, meant, strict=True):
            of = f"{columns.quote(one)} line" if len(rows_of) > 1 else "line"
            where = f"{columns.quote(row.name)} ({of} {row.line})"
            named.update(hits)
            if not hits:
                absent.append(where)
            elif len(hits) > 1:
                several.append(f"{where}: {' or '.join(sorted(hits)[:2])}")
            elif row in unlabelled:
                continue
            elif not row.text.strip() and not table.may_be_empty:
                empty.append(where)
            # the same label and split again, under another line or name, is no error
            elif labels.setdefault(hits[0], row)[2:] != row[2:]:
                both = (" ".join(one[2:]).strip() for one in (labels[hits[0]], row))
                twice.append(f"{where}: {', then '.join(map(columns.quote, both))}")
    unnamed = [name for name in names if name not in named]
    unnamed = note_left_out(names, unnamed, unlabelled, table, findings)
    for faulty, problem, remedy in (
        (unnamed, f"images have no row in {file}", f"add rows, remove these images, or {FIX}"),
        (several, f"rows of {file} may mean several images", "write their paths there"),
        (
            empty,
            f"rows of {file} have an empty {', '.join(table.labels)}",
            "fill it, or remove these rows",
        ),
        (twice, f"rows of {file} give an image a second label", "keep one row for each image"),
    ):
        if faulty:
            findings.errors.append(f"{len(faulty)} {problem}: {shorten(faulty)}; {remedy}")
    if absent:
        findings.notes.append(f"{len(absent)} rows of {file} have no image: {shorten(absent)}")
    return labels


def note_left_out(
    names: Sequence[str],
    unnamed: Sequence[str],
    unlabelled: Collection[Row],
    table: Table,
    findings: Findings,
) -> list[str]:
    """Notes on what is left out, and the images that should have a row but have none."""
    file = table.file
    if unlabelled:
        shown = sorted({columns.quote(row.name) for row in unlabelled})
        findings.notes.append(
            f"{len(unlabelled)} rows of {file} are for testing and have no label, so their images "
            f"are left out: {shorten(shown)}"
        )
    if table.split and unnamed:  # it is the data set's own list, which need not name them all
        findings.notes.append(
            f"{len(unnamed)} of {len(names)} images have no row in {file} and are left out: "
            f"{shorten(unnamed)}"
        )
        return []
    splits = layouts.split_folders(names)
    tests = [name for name in unnamed if splits and splits.split_of(name) == "test"]
    if tests:
        findings.notes.append(
            f"{len(tests)} of {len(names)} images are in a folder for testing and have no row in "
            f"{file}, so they are left out: {shorten(tests)}"
        )
    return [name for name in unnamed if name not in {*tests}]


def without_labels(rows: Sequence[Row], table: Table) -> set[Row]:
    """The rows for testing without a label; where images may have no label, only if all have none.

    Empty if there is no column for the split, or it has no test rows.
    """
    if table.split is None:
        return set()
    # as in competitions, which keep the answers of the test images back
    tests = [row for row in rows if split_words.cell_split(row.split, table.split) == "test"]
    if table.may_be_empty and any(row.text.strip() for row in tests):
        return set()
    return {row for row in tests if not row.text.strip()}
