"""What the columns of a CSV seem to contain: a split, several labels per cell, one class each."""

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pawprint.core import yaml_file
from pawprint.core.findings import Findings, shorten
from pawprint.data import split_words
from pawprint.data.catalog import Table

# the blank last, since names of classes hold it too (great dane)
SEPARATORS = ("|", ";", ",", "/", "+", "&", " ")
MOST = 20  # values of a column that is a split


class Combined(NamedTuple):
    """Cells that seem to contain several labels."""

    separator: str
    number: int  # of them
    shown: list[str]  # the first of them, different ones


def check(
    lines: Sequence[tuple[int, list[str]]], table: Table, findings: Findings, is_split: bool
) -> None:
    """Notes: a column with a split that is not used, cells that seem to contain several labels.

    Args:
        lines: the lines of the file; the first has the names of the columns.
        table: the columns that are used.
        findings: collects the notes.
        is_split: whether something other than a column defines the split.
    """
    header, body = lines[0][1], [row for _, row in lines[1:]]
    file, split = yaml_file.one_line(table.file, 80), split_columns(header, body, table.columns)
    if not table.split and not is_split:
        folds = fold_column(header, body)
        for column in split:
            findings.notes.append(
                f"column {quote(column)} of {file} seems to be a split "
                f"({_count(header, body, column)}), which is not used; to use it: split: "
                f"{quote(column)} in the block's `label` (pawprint new --split-column "
                f"{shlex.quote(quote(column))})"
            )
        if folds and not split:
            findings.notes.append(
                f"column {quote(folds)} of {file} seems to number folds "
                f"({_count(header, body, folds)}), which are not used; to evaluate on one of them, "
                "add a column of train and valid, and give it as split: (pawprint new "
                "--split-column)"
            )
    hot = one_hot(header, body)
    if {*hot} & {*table.labels}:
        findings.notes.append(
            f"columns {shorten([quote(one) for one in hot])} of {file} contain only 0 and 1, as if "
            f"each class had a column; {', '.join(table.labels)} makes classes 0 and 1. For one or "
            "several classes per image, add one column that names them (with | between)"
        )
    if len(table.labels) == 1:
        at = header.index(table.labels[0])
        cells = [row[at] for row in body if len(row) > at]
        several_labels(cells, table, findings)


def several_labels(cells: Sequence[str], table: Table, findings: Findings) -> None:
    """A note if cells seem to contain several labels, or labels with another separator."""
    between, named = (
        table.separator,
        f"column {quote(table.labels[0])} of {quote(table.file)}",
    )
    # pandas writes a list of Python's so
    lists = [cell for cell in cells if cell[:1] == "[" and cell[-1:] == "]"]
    if lists and len(lists) * 2 >= len(cells):
        findings.notes.append(
            f"{named}: {len(lists)} of {len(cells)} cells are lists such as {quote(lists[0])}, and "
            "the whole cell counts as one class; write such a cell as cat|dog, and give "
            "separator: '|' (pawprint new --separator '|')"
        )
        return
    classes = [part for cell in cells for part in (cell.split(between) if between else [cell])]
    if seen := combinations(classes):
        what = f"with separator {between!r}, {seen.number} of {len(classes)} classes"
        what = what if between else f"{seen.number} of {len(cells)} cells"
        findings.notes.append(
            f"{named}: {what} seem to contain several labels with {seen.separator!r} between them "
            f"({shorten([quote(cell) for cell in seen.shown], 3)}), and each combination counts as "
            "one class; for several labels per image: target: labels, separator: "
            f"{seen.separator!r} (pawprint new --separator {seen.separator!r}; docs/targets.md)"
        )


def split_columns(
    header: Sequence[str], body: Sequence[Sequence[str]], taken: Sequence[str] = ()
) -> list[str]:
    """The unused columns that seem to be a split.

    All its cells are train, valid or test, with at least two of these; a column of True and False
    must also have a name such as is_valid.
    """
    proposals = []
    for at, column in enumerate(header):
        cells = {row[at] for row in body if len(row) > at}
        # one value parts nothing, and a split has few: more are names or labels
        if not column or column in taken or not 1 < len(cells) <= MOST:
            continue
        spoken = {split_words.cell_split(cell, column) for cell in cells}
        if None in spoken or len(spoken) < 2:
            continue
        has_words = all(
            cell.strip().casefold() not in split_words.TRUE + split_words.FALSE for cell in cells
        )
        if has_words or split_words.parse(column) is not None:
            proposals.append(column)
    return proposals


def fold_column(header: Sequence[str], body: Sequence[Sequence[str]]) -> str | None:
    """A column of folds: small numbers, and a name that says so."""
    for at, column in enumerate(header):
        cells = {row[at] for row in body if len(row) > at}
        words = set(split_words.tokens(column))
        if words & {"fold", "folds", "kfold"} and 2 <= len(cells) <= MOST:
            return column
    return None


def combinations(cells: Sequence[str]) -> Combined | None:
    """Cells that seem to contain several labels; None if they are names of several words.

    Signs of several labels: the same parts in another order, parts that are whole cells elsewhere,
        or few parts in many combinations. `great dane` and `tench, Tinca tinca` show none of them.
    """
    for separator in SEPARATORS:
        parts = {cell: _parts(cell, separator) for cell in {*cells}}
        several = {cell: some for cell, some in parts.items() if len(some) > 1}
        if several and _is_evident(
            several, {cell for cell in parts if cell not in several}, separator
        ):
            shown = sorted(several, key=lambda cell: (len(cell), cell))
            return Combined(separator, sum(cell in several for cell in cells), shown)
    return None


def _parts(cell: str, separator: str) -> tuple[str, ...]:
    return tuple(part for piece in cell.split(separator) if (part := piece.strip()))


def _is_evident(several: dict[str, tuple[str, ...]], single: set[str], separator: str) -> bool:
    orders = Counter(tuple(sorted(parts)) for parts in several.values())
    if max(orders.values()) > 1:
        return True
    known = {label.strip() for label in single}
    # panda and red panda are no evidence, as red is no label; half is enough, as a rare label may
    # never stand alone
    whole = sum(known.issuperset(parts) for parts in several.values())
    if whole >= max(1, len(several) / 2):
        return True
    distinct = {part for parts in several.values() for part in parts}
    many = 2 if separator == " " else 1  # combinations for each part: two words are common
    is_mixed = len(several) > max(many * len(distinct), 3)
    # with blanks the number of words must differ too: of great dane and irish setter it does not
    return is_mixed and (separator != " " or len({*map(len, several.values())}) > 1)


def one_hot(header: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """The columns that contain only 0 and 1, if there are two or more: one class each."""
    columns_found = []
    for at, column in enumerate(header):
        # pandas writes whole numbers as 1.0 in a column that has an empty cell
        cells = {row[at].removesuffix(".0") for row in body if len(row) > at}
        if cells == {"0", "1"} and column and split_words.parse(column) is None:
            columns_found.append(column)
    # one such column alone is a label with two classes
    return columns_found if len(columns_found) > 1 else []


def _count(header: Sequence[str], body: Sequence[Sequence[str]], column: str) -> str:
    at = header.index(column)
    values = Counter(row[at] for row in body if len(row) > at)
    return shorten([f"{quote(value)} {n:,}" for value, n in values.most_common()])


def quote(text: str) -> str:
    """Untrusted text, quoted for a message."""
    return yaml_file.one_line(text, 80)
