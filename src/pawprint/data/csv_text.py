"""The text of a CSV as rows: its separator, and the line of a quote that is not closed."""

import csv
import io
from collections.abc import Iterator

from pawprint.core import yaml_file

Lines = list[tuple[int, list[str]]]  # of a CSV, the first with the columns' names
ENDS = (",", ";", "\t", "|")  # of a cell, the usual one first


def parse(content: str, file: str) -> Lines:
    """Line and cells of each row that is not empty, without blanks around a cell.

    The separator is a comma; if the first line has none, a semicolon or a tab. A first line
    `sep=;`, as spreadsheets write it, sets it too.

    Raises:
        ValueError: a quote is not closed, or a cell is far too long.
    """
    first, _, rest = content.partition("\n")
    # a spreadsheet may quote it: "sep=;" has seven letters; a longer line is a column's name
    skipped = first.strip().strip('"').lower().startswith("sep=") and len(first.strip()) < 8
    text = rest if skipped else content
    end = first.strip().strip('"')[4:] if skipped else ending(text.partition("\n")[0])
    # strict: else a quote that is not closed swallows the rest of the file without an error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=end or ",")
    try:
        rows = [(reader.line_num + skipped, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{file}: {_why(text, end, reader.line_num, skipped, error)}") from error
    return [(line, row) for line, row in rows if any(row)]


def ending(header: str) -> str:
    r"""The separator of a first line.

    >>> [ending('file,"a;b"'), ending("file;label"), ending("file\tlabel"), ending("file")]
    [',', ';', '\t', ',']
    """
    plain = "".join(header.split('"')[::2])  # without what stands in quotes
    return next((end for end in ENDS if end in plain), ",")


def quotes(text: str, end: str) -> Iterator[tuple[int, int]]:
    """The lines in which a quoted cell opens and closes; 0 for a quote that is not closed."""
    line, at, start = 1, 0, True  # start: of a cell
    while at < len(text):
        letter = text[at]
        if start and letter == '"':
            opened, close = line, _close(text, at + 1)
            line += text.count("\n", at, close if close >= 0 else len(text))
            yield opened, line if close >= 0 else 0
            if close < 0:
                return
            at, start = close + 1, False
            continue
        start = letter in (end, "\n")
        line += letter == "\n"
        at += 1


def _close(text: str, at: int) -> int:
    """The position of the quote that closes a cell; -1 if none does. A double quote is a quote."""
    while (at := text.find('"', at)) >= 0 and text[at + 1 : at + 2] == '"':
        at += 2
    return at


def _why(text: str, end: str, line: int, skipped: bool, error: csv.Error) -> str:
    """What is wrong, and the line where it starts."""
    # csv tells the line at which it gave up, which may be the last one of the file
    long = [(a, b) for a, b in quotes(text, end or ",") if a != b and a <= line <= (b or line)]
    if not long:
        return f"line {line + skipped}: not a CSV ({error}); fix this line"
    opened, closed = (x + skipped if x else 0 for x in long[-1])
    ends = f"line {closed}" if closed else "the file's end"
    shown = yaml_file.one_line(text.split("\n")[opened - 1 - skipped].strip(), 60)
    return (
        f"line {opened}: a quote opens here and its cell continues to {ends}: {shown}; close this "
        'quote, or remove it (write a " in a quoted cell twice, "")'
    )


def in_order(lines: Lines, before: Lines) -> Lines:
    """The rows of one more file, their cells in the order of the columns of those before."""
    if not before or not lines:
        return lines
    header, wanted = lines[0][1], before[0][1]
    at = [header.index(column) if column in header else len(header) for column in wanted]
    padded = [(line, [*row, *[""] * len(header)]) for line, row in lines[1:]]
    return [(line, [row[i] for i in at]) for line, row in padded]
