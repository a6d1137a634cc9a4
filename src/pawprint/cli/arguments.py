"""What a command line may hold, and how its options are named in messages."""

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
    "label.split: for": "--split-column: for",
    "label.separator is for": "--separator is for",
    "label.group ": "--split-folders ",
    "label.pattern": "--pattern",
    "label.file": "--csv",
    "label.name": "--name-column",
    "label.label": "--label-column",
    "file: labels.csv": "--csv FILE",
    "name: and label:": "--name-column and --label-column",
    "mend the rule in datasets.yaml": "mend the options",
    "mend `label` in datasets.yaml": "mend the options",
    "check `url` in datasets.yaml": "check the path or URL",
    "check its `url` in datasets.yaml": "check the path or URL",
    "mend `url` in datasets.yaml": "give another place",
}


def count(text: str) -> int:
    """A whole number from 1 on."""
    # int() alone takes '1_0', '+3' and ' 3' too
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # nan is refused too, since no comparison with it holds
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def stdin_names() -> list[str]:
    """The names on standard input, one a line, as the file system has them."""
    return [os.fsdecode(line.rstrip(b"\r\n")) for line in sys.stdin.buffer if line.strip()]


def name_options(text: str) -> str:
    """What is wrong with a block of datasets.yaml, said of the options that it came from."""
    for key, option in OPTIONS.items():
        text = text.replace(key, option)
    return text
