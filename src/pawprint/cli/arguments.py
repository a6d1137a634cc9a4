"""Types of command-line options, and their names in messages."""

import argparse
import os
import sys
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
# word for word as in messages of data/ and storage/: a reworded one needs its key here
OPTIONS = {  # of `pawprint new`, by the words that stand for them where a block is checked
    "label.from: csv": "a CSV",
    "label.from: folder": "--folder",
    "label.from: path": "--from-path",
    "label.split: only for": "--split-column: only for",
    "label.separator: only for": "--separator: only for",
    "label.separator": "--separator",
    "such as label.label: [x, y]": "such as --csv FILE --name-column NAME --label-column X,Y",
    "columns, as in [x, y]": "columns, with commas between: X,Y or X1,Y1,X2,Y2",
    "the block has target: ": "this is --target ",
    "set target: ": "use --target ",
    "target: ": "--target ",
    "label.group ": "--split-folders ",
    "label.pattern": "--pattern",
    "label.file": "--csv",
    "label.name": "--name-column",
    "label.label": "--label-column",
    "file: labels.csv": "--csv FILE",
    "name: and label:": "--name-column and --label-column",
    "fix the rule in datasets.yaml": "fix the options",
    "fix the label rule in datasets.yaml": "fix the options",
    "fix `label` in datasets.yaml": "fix the options",
    "or `label` in datasets.yaml": "or the options",
    "check `url` in datasets.yaml": "check the path or URL",
    "check its `url` in datasets.yaml": "check the path or URL",
    "fix `url` in datasets.yaml": "give another path or URL",
}


def count(text: str) -> int:
    """A whole number, at least 1."""
    # int() alone takes '1_0', '+3' and ' 3' too
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # nan is refused too, since no comparison with it holds
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def label_columns(typed: str | None, target: str | None) -> str | list[str] | None:
    """The columns of --label-column: of points a list, parted by commas.

    >>> label_columns("x, y", "points"), label_columns("Breed, English", None)
    (['x', 'y'], 'Breed, English')
    """
    if typed is None or target != "points":
        return typed
    return [column.strip() for column in typed.split(",") if column.strip()]


def stdin_names() -> list[str]:
    """The names on standard input, one per line, as file system names."""
    return [os.fsdecode(line.rstrip(b"\r\n")) for line in sys.stdin.buffer if line.strip()]


def name_options(text: str) -> str:
    """An error about a block of datasets.yaml, in terms of the command-line options."""
    for key, option in OPTIONS.items():
        text = text.replace(key, option)
    return text
