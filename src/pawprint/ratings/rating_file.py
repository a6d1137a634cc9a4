"""The file of a table of ratings: find it in its archive, check it, and split it into cells."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from pawprint.core import yaml_file
from pawprint.core.findings import Findings, shorten
from pawprint.data import csv_text
from pawprint.ratings.table import FIX, check_rows, replace_titles
from pawprint.storage import archives, entries, file_type

# a comma last, since titles hold it, and | after ::, which MovieLens has between genres
SEPARATORS = ("\t", "::", "|", ";", ",")  # the first of them that a file's first line holds
COLUMNS = ("user", "item", "rating", "time")


def read_ratings(
    archive: Path,
    file: str | None,
    columns: dict[str, str],
    titles: tuple[str, str] | None,
    findings: Findings,
) -> pd.DataFrame:
    """The ratings in the order of the file.

    Args:
        archive: a tar or a zip; or, if `file` is None, the table itself.
        file: the table's name in the archive.
        columns: by our names; if empty, they are the first three, and the fourth is the time.
        titles: name and encoding of a file of items and their titles.
        findings: collects wrong rows (errors), and items without a title or with a shared one
            (notes).

    Returns:
        Columns user, item (its title, if it has one), rating and, if there is one, time.

    Raises:
        ValueError: a file is missing, is not a table, or lacks a column.
    """
    table = pick_columns(cells(text(archive, file, "utf-8"), file or str(archive)), columns, file)
    if titles:
        names = cells(text(archive, *titles), titles[0])
        table["item"] = replace_titles(table["item"], names, findings)
    return check_rows(table, findings)


def text(archive: Path, file: str | None, encoding: str) -> str:
    """A file's text.

    Raises:
        ValueError: it is missing, too large, or not in this encoding.
    """
    if file is None:
        return whole(archive)
    name = entries.normalize_name(file)
    try:
        data = dict(archives.read_files(archive, {name})).get(name)
    except ValueError as error:
        message = str(error).replace("`url`", "`ratings.url`")  # it was written for images
        raise ValueError(
            f"{message}; if this file is the table itself, leave table.file empty"
        ) from error
    if data is None:
        there = shorten([yaml_file.one_line(one, 80) for one in archives.file_names(archive)])
        raise ValueError(f"{file}: not in the archive, which has {there or 'no file'}; {FIX}")
    check_is_text(data, file)
    return data.decode(encoding) if encoding == "latin-1" else archives.decode_text(data, file)


def whole(table: Path) -> str:
    """The text of a table that is not in an archive.

    Raises:
        ValueError: it is an archive, another kind of file, or not UTF-8.
    """
    try:
        names = archives.file_names(table)
    except ValueError:
        data = table.read_bytes()
        check_is_text(data, str(table))
        return archives.decode_text(data, str(table))
    if "xl/workbook.xml" in names:
        raise ValueError(f"{table}: a workbook of Excel; save its sheet as CSV UTF-8")
    raise ValueError(
        f"{table}: an archive or a folder, of "
        f"{shorten([yaml_file.one_line(name, 80) for name in names])}; name the table in it with "
        "table.file in datasets.yaml"
    )


def check_is_text(data: bytes, where: str) -> None:
    """Raise if a file is not text, or text that is not a table.

    Raises:
        ValueError: with what it is.
    """
    kind = file_type.identify(data[: file_type.HEAD_BYTES])
    if kind.name != "text" and kind is not file_type.UNKNOWN:
        advice = kind.advice if kind.name != "JSON" else ""
        raise ValueError(
            f"{where}: not a table of ratings, but {kind.name}; {advice or 'save it as CSV'}"
        )


def cells(content: str, where: str) -> pd.DataFrame:
    """The rows of a table as texts, numbered from 0, including its first line.

    Raises:
        ValueError: it has fewer than two columns, or a row has more than the first.
    """
    first = content.partition("\n")[0]
    mark = next((mark for mark in SEPARATORS if mark in first), None)
    if mark is None:
        shown = yaml_file.one_line(first, 80)
        raise ValueError(
            f"{where}: not a table: its first line is {shown!r}, without a separator (comma, "
            f"semicolon, tab, | or ::); {FIX}"
        )
    if first.lower().startswith("sep="):
        raise ValueError(
            f"{where}: its first line {first.strip()!r} is only for spreadsheets; remove it"
        )
    if mark == "::":
        # pandas' C parser takes separators of one letter only
        content, mark = content.replace("::", "\t"), "\t"
    try:
        table = pd.read_csv(
            io.StringIO(content),
            sep=mark,
            header=None,
            dtype=str,
            # where tabs, | or :: end a cell, a quote is a letter of a title
            quoting=csv.QUOTE_MINIMAL if mark in ",;" else csv.QUOTE_NONE,
            keep_default_na=False,  # NA and None may be names
            skip_blank_lines=False,  # so that a row's number is its line in messages
        )
    except pd.errors.ParserError as error:
        if mark in ",;":
            csv_text.parse(content, where)  # names the line in which a quote opens, if that is it
        raise ValueError(f"{where}: not a table: {in_our_words(error)}; fix this line") from error
    return pd.DataFrame({column: table[column].fillna("").str.strip() for column in table})


def in_our_words(error: pd.errors.ParserError) -> str:
    """The error of pandas in our words, with the line."""
    counts = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
    if counts is None:
        return " ".join(str(error).split())[:200]
    return f"line {counts[2]} has {counts[3]} cells, but the lines before it have {counts[1]}"


def pick_columns(table: pd.DataFrame, columns: dict[str, str], file: str | None) -> pd.DataFrame:
    """The selected columns, under our names, without the line that names them.

    Raises:
        ValueError: a column is missing.
    """
    where, head = file or "the table", table.iloc[0].tolist()
    absent = [name for name in columns.values() if head.count(name) != 1]
    if absent or len(head) < 3:
        what = f"missing, or there twice: column {shorten(absent)}" if absent else "too few columns"
        raise ValueError(
            f"{where}: {what}: its first line has "
            f"{shorten([yaml_file.one_line(cell, 40) for cell in head], 20)}; {FIX}"
        )
    if columns:
        chosen = table.iloc[1:, [head.index(name) for name in columns.values()]]
        return chosen.set_axis(list(columns), axis=1)
    # a first line whose third cell is no number has the columns' names
    is_named = np.isnan(pd.to_numeric(pd.Series(head[2:3]), errors="coerce")).all()
    chosen = table.iloc[int(is_named) :, :4]
    return chosen.set_axis(list(COLUMNS[: chosen.shape[1]]), axis=1)
