"""A CSV among the pictures: the cell of each picture's label, and all that is wrong with it."""

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pawprint import archives, columns, csvs, layouts, matching, sides, yaml12
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


Lines = list[tuple[int, list[str]]]  # of a CSV, the first with the columns' names


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
            A file such as */metadata.csv is all that have such a name, as if they were one.
        found: told, with lines of the file, what is wrong; rows without a picture are a note.
        outside: the CSV, where it does not lie among the pictures.
        is_split: whether something else than a column tells the split.
    """
    if table is None:
        return {}
    rows_of, every = dict[str, list[Row]](), Lines()
    try:
        for file, content in texts(archive, table.file, outside, found).items():
            lines = csvs.parsed(content, file)
            rows_of[file] = rows(lines, table, file)
            every += lines[1:] if every else lines
    except ValueError as error:
        found.errors.append(str(error))
        return {}
    columns.check(every, table, found, is_split)
    return matched(names, rows_of, table, found)


def rows(lines: Lines, table: Table, file: str) -> list[Row]:
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
            there = listed([short(column) for column in header], 20) or "none"
            raise ValueError(
                f"{file}: {what} {listed([short(column) for column in faulty])}; its first "
                f"line has {there} (cells end at a comma, or where that line has none at a "
                f"semicolon or a tab); {MEND}, or the file's first line"
            )
    long = [str(line) for line, row in lines if any(row[len(header) :])]
    if long:
        raise ValueError(
            f"{file}: {len(long)} rows have more cells than the first line: line "
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
            f"{file}: line {first}: a quoted cell of {table.name} or "
            f"{', '.join(table.labels)} goes on to line {broken[0].line}, as where a quote is not "
            f"closed ({len(broken)} such rows); mend this line"
        )
    return made


def texts(
    archive: Path, file: str, outside: Path | None = None, found: Findings | None = None
) -> dict[str, str]:
    """The text of a CSV by its name, among the pictures or elsewhere; of a pattern, several.

    A note tells of other files of that name.

    Raises:
        ValueError: it is not there, or no UTF-8.
    """
    if outside is not None:
        return {file: archives.text(outside.read_bytes(), file)}
    name, there = archives.normal(file), archives.file_names(archive)
    wanted = [name] if name in there or "*" not in name else sorted(fnmatch.filter(there, name))
    data, alike = dict(archives.contents(archive, wanted)), PurePosixPath(name).name
    others = sorted(x for x in there if PurePosixPath(x).name == alike and x not in wanted)
    if found and data and others:
        found.notes.append(
            f"{file} alone is read; of the same name: {listed(others)}; all that lie in folders "
            f"are read by the name */{alike}"
        )
    parts = [x for x in there if x not in wanted and _is_part(x, name)]
    if found and data and parts:
        found.notes.append(
            f"{file} alone is read; beside it lies another part of the split: "
            f"{listed(sorted(parts))}; to use it too, join them into one file with a column that "
            "says train, valid or test"
        )
    if data:
        return {one: archives.text(data[one], one) for one in wanted}
    known = listed(sorted(x for x in there if x.lower().endswith(ENDINGS)))
    shown = f"the CSV files there: {known}" if known else "there is no CSV"
    raise ValueError(f"{short(file)}: not in the archive or folder; {shown}; {MEND}")


def _is_part(other: str, file: str) -> bool:
    """Whether both files lie in one folder, and their names say different sides of a split."""
    one, two = PurePosixPath(file), PurePosixPath(other)
    said, also = sides.parsed(one.stem), sides.parsed(two.stem)
    is_table = one.suffix == two.suffix and one.parent == two.parent
    return bool(is_table and said and also and said[1] == also[1] and said[0] != also[0])


def matched(
    names: Sequence[str], rows_of: Mapping[str, Sequence[Row]], table: Table, found: Findings
) -> dict[str, Row]:
    """The row of each picture that has one."""
    known, file = matching.known(names), table.file
    labels: dict[str, Row] = {}
    named = set[str]()
    absent, several, empty, twice = list[str](), list[str](), list[str](), list[str]()
    unlabelled = without_labels([row for some in rows_of.values() for row in some], table)
    for one, some in rows_of.items():
        folder = PurePosixPath(archives.normal(one)).parent
        meant, taken = matching.hits([row.name for row in some], known, folder)
        if taken:
            found.notes.append(
                f"all rows of {one} name pictures within {short(taken)}, which are not there; "
                "these folders were taken off"
            )
        for row, hits in zip(some, meant, strict=True):
            of = f"{short(one)} line" if len(rows_of) > 1 else "line"
            where = f"{short(row.name)} ({of} {row.line})"
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
    unnamed = left_out(names, unnamed, unlabelled, table, found)
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


def left_out(
    names: Sequence[str],
    unnamed: Sequence[str],
    unlabelled: Collection[Row],
    table: Table,
    found: Findings,
) -> list[str]:
    """Notes of what is left out, and the pictures without a row that should have one."""
    file = table.file
    if unlabelled:
        shown = sorted({short(row.name) for row in unlabelled})
        found.notes.append(
            f"{len(unlabelled)} rows of {file} are for testing and have no label; their pictures "
            f"are left out: {listed(shown)}"
        )
    if table.split and unnamed:  # it is the data set's own list, which need not name them all
        found.notes.append(
            f"{len(unnamed)} of {len(names)} pictures have no row in {file} and are left out: "
            f"{listed(unnamed)}"
        )
        return []
    splits = layouts.split_folders(names)
    tests = [name for name in unnamed if splits and splits.side(name) == "test"]
    if tests:
        found.notes.append(
            f"{len(tests)} of {len(names)} pictures lie in a folder for testing and have no "
            f"row in {file}; they are left out: {listed(tests)}"
        )
    return [name for name in unnamed if name not in {*tests}]


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


def short(text: str) -> str:
    """A stranger's text, for a message."""
    return yaml12.one_line(text, 80)
