"""Names and labels from strangers: what a CSV, a terminal or a spreadsheet must not be given."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

# what a spreadsheet runs when it opens a CSV; "-1" and "@home.jpg" are no formulas
FORMULA = re.compile(r"=|[+\-@].*[(|!]")


def name_error(text: str) -> str:
    """Why this text is refused, in a few words; empty where it is harmless."""
    # Python decodes bytes of a name that are no UTF-8 as lone surrogates (PEP 383)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "is no UTF-8"
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        return "holds a control character"
    if FORMULA.match(text):
        return "is a formula to a spreadsheet"
    return ""


def check_names(path: Path | str, names: Sequence[str]) -> None:
    """Check the names of an archive's pictures, which are sorted.

    Raises:
        ValueError: one cannot be put into a table, or stands twice.
    """
    faults = [(name, why) for name in names if (why := name_error(name))]
    if faults:
        name, why = faults[0]
        raise ValueError(
            f"{path}: {len(faults)} names cannot be used: {name!r} {why}; "
            "rename these pictures, and pack an archive again"
        )
    twice = sorted({a for a, b in pairwise(names) if a == b})
    if twice:
        raise ValueError(
            f"{path}: {len(twice)} names stand twice, such as {twice[0]!r}; "
            "pack the archive again with each picture once"
        )
