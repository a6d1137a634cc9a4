"""Untrusted names and labels: what must not reach a CSV, a terminal or a spreadsheet."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

# what a spreadsheet runs when it opens a CSV; "-1" and "@home.jpg" are no formulas
FORMULA = re.compile(r"=|[+\-@].*[(|!]")


def name_error(text: str) -> str:
    """Why this text is rejected, in a few words; empty if it is harmless."""
    # Python decodes bytes of a name that are no UTF-8 as lone surrogates (PEP 383)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "is not UTF-8"
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        return "contains a control character"
    if FORMULA.match(text):
        return "would be a formula in a spreadsheet"
    return ""


def check_names(path: Path | str, names: Sequence[str]) -> None:
    """Check the names of an archive's images, which are sorted.

    Raises:
        ValueError: a name cannot be put into a table, or occurs twice.
    """
    refused = [(name, why) for name in names if (why := name_error(name))]
    if refused:
        name, why = refused[0]
        raise ValueError(
            f"{path}: {len(refused)} names cannot be used: {name!r} {why}; rename these images, "
            "and if they are in an archive, pack it again"
        )
    twice = sorted({a for a, b in pairwise(names) if a == b})
    if twice:
        raise ValueError(
            f"{path}: {len(twice)} names occur twice, such as {twice[0]!r}; pack the archive again "
            "with each image once"
        )
