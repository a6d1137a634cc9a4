"""A CSV among the pictures: the cell of each picture's label, and all that is wrong with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pawprint import archives, columns, csvs, layouts, sides, yaml12
from pawprint.catalogue import Table
from pawprint.findings import Findings, listed

MEND = "mend `label` in datasets.yaml"
ENDINGS = (".csv", ".tsv")


class Row(NamedTuple):
    """What one row says."""

    line: int  # of the file, from 1 on; the last one, where a quoted cell has several
    name: str
    label: str  # of points: their numbers, with blanks between
    split: str  # empty where the table has no such column


def cells(
    archive: Path,
    names: Sequence[str],
    table: Table | None,
    found: Findings,
    outside: Path | None = None,
    is_split: bool = False,
) -> dict[str, Row]:
    """The row of each picture, by the picture's path; none where there is no table.

    Args:
        archive: what holds the CSV, beside the pictures.
        names: paths of the pictures.
        table: the CSV and its columns. A row names a picture by its path (from the top of the
            archive, or from the CSV's own folder), its file name, or that without suffix.
        found: told, with lines of the file, what is wrong; rows without a picture are a note.
        outside: the CSV, where it does not lie among the pictures.
        is_split: whether something else than a column tells the split.
    """
    if table is None:
        return {}
    try:
        lines = csvs.parsed(text(archive, table.file, outside), table.file)
        found_rows = rows(lines, table)
    except ValueError as error:
        found.errors.append(str(error))
        return {}
    columns.check(lines, table, found, is_split)
    return matched(names, found_rows, table, found)


def rows(lines: Sequence[tuple[int, list[str]]], table: Table) -> list[Row]:
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
            known = listed([short(column) for column in header], 20) or "none"
            raise ValueError(
                f"{table.file}: {what} {listed([short(column) for column in faulty])}; its first "
                f"line has {known} (cells end at a comma, or where that line has none at a "
                f"semicolon or a tab); {MEND}, or the file's first line"
            )
    long = [str(line) for line, row in lines if any(row[len(header) :])]
    if long:
        raise ValueError(
            f"{table.file}: {len(long)} rows have more cells than the first line: line "
            f"{listed(long)}; put quotes around a cell that holds a comma"
        )
    made = []
    for line, row in lines[1:]:
        cell = dict(zip(header, row + [""] * (len(header) - len(row)), strict=True))
        label = " ".join(cell[column] for column in table.labels)
        made.append(Row(line, cell[table.name], label, cell[table.split] if table.split else ""))
    broken = [row for row in made if "\n" in row.name + row.label]
    if broken:
        first = broken[0].line - (broken[0].name + broken[0].label).count("\n")
        raise ValueError(
            f"{table.file}: line {first}: a quoted cell of {table.name} or "
            f"{', '.join(table.labels)} goes on to line {broken[0].line}, as where a quote is not "
            f"closed ({len(broken)} such rows); mend this line"
        )
    return made


def text(archive: Path, file: str, outside: Path | None = None) -> str:
    """The text of a CSV, among the pictures or elsewhere.

    Raises:
        ValueError: it is not there, or no UTF-8.
    """
    if outside is not None:
        return archives.text(outside.read_bytes(), file)
    name = archives.normal(file)
    data = dict(archives.contents(archive, {name})).get(name)
    if data is not None:
        return archives.text(data, file)
    there = sorted(x for x in archives.file_names(archive) if x.lower().endswith(ENDINGS))
    known = f"the CSV files there: {listed(there)}" if there else "there is no CSV"
    raise ValueError(f"{short(file)}: not in the archive or folder; {known}; {MEND}")


def matched(
    names: Sequence[str], rows: Sequence[Row], table: Table, found: Findings
) -> dict[str, Row]:
    """The row of each picture that has one."""
    known, folder = archives.meant(names), PurePosixPath(archives.normal(table.file)).parent
    labels: dict[str, Row] = {}
    named = set[str]()
    absent, several, empty, twice = list[str](), list[str](), list[str](), list[str]()
    unlabelled = without_labels(rows, table)
    for row in rows:
        where = f"{short(row.name)} (line {row.line})"
        hits = pictures(row.name, known, folder)
        named.update(hits)
        if not hits:
            absent.append(where)
        elif len(hits) > 1:
            several.append(f"{where}: {' or '.join(sorted(hits)[:2])}")
        elif row in unlabelled:
            continue
        elif not row.label.strip() and not table.may_be_empty:
            empty.append(where)
        elif labels.setdefault(hits[0], row)[2:] != row[2:]:
            both = (" ".join(one[2:]).strip() for one in (labels[hits[0]], row))
            twice.append(f"{where}: {', then '.join(map(short, both))}")
    unnamed = [name for name in names if name not in named]
    file = table.file
    if unlabelled:
        shown = sorted({row.name for row in unlabelled})
        found.notes.append(
            f"{len(unlabelled)} rows of {file} are for testing and have no label; their pictures "
            f"are left out: {listed([short(name) for name in shown])}"
        )
    splits = layouts.split_folders(names)
    if splits and not table.split:
        tests = [name for name in unnamed if splits.side(name) == "test"]
        unnamed = [name for name in unnamed if name not in {*tests}]
        if tests:
            found.notes.append(
                f"{len(tests)} of {len(names)} pictures lie in a folder for testing and have no "
                f"row in {file}; they are left out: {listed(tests)}"
            )
    if table.split and unnamed:  # it is the data set's own list, which need not name them all
        found.notes.append(
            f"{len(unnamed)} of {len(names)} pictures have no row in {file} and are left out: "
            f"{listed(unnamed)}"
        )
        unnamed = []
    for faulty, said, remedy in (
        (unnamed, f"pictures have no row in {file}", f"add rows, take these out, or {MEND}"),
        (several, f"rows of {file} may mean several pictures", "write their paths there"),
        (
            empty,
            f"rows of {file} have an empty {', '.join(table.labels)}",
            "fill it, or take them out",
        ),
        (twice, f"rows of {file} give a picture another label", "leave one row of each picture"),
    ):
        if faulty:
            found.errors.append(f"{len(faulty)} {said}: {listed(faulty)}; {remedy}")
    if absent:
        found.notes.append(f"{len(absent)} rows of {file} have no picture: {listed(absent)}")
    return labels


def without_labels(rows: Sequence[Row], table: Table) -> set[Row]:
    """The rows for testing that have no label; where pictures may have none, if none of them has.

    Where the column of the split says no such thing, or there is none, these are none.
    """
    if table.split is None:
        return set()
    tests = [row for row in rows if sides.cell_side(row.split, table.split) == "test"]
    if table.may_be_empty and any(row.label.strip() for row in tests):
        return set()
    return {row for row in tests if not row.label.strip()}


def pictures(name: str, known: Mapping[str, list[str]], folder: PurePosixPath) -> list[str]:
    """The pictures that a cell may mean: by their path, else by file name or stem."""
    path = archives.normal(name)
    whole = [one for one in dict.fromkeys([path, str(folder / path)]) if known.get(one) == [one]]
    return whole or known.get(path, [])


def short(text: str) -> str:
    """A stranger's text, for a message."""
    return yaml12.one_line(text, 80)
