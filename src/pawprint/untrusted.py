"""Names and labels from strangers: what a CSV, a terminal or a spreadsheet must not be given."""

import re

# what a spreadsheet runs when it opens a CSV; "-1" and "@home.jpg" are no formulas
FORMULA = re.compile(r"=|[+\-@].*[(|!]")


def fault(text: str) -> str:
    """Why this text is refused, in a few words; empty where it is harmless."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "is no UTF-8"
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        return "holds a control character"
    if FORMULA.match(text):
        return "is a formula to a spreadsheet"
    return ""
