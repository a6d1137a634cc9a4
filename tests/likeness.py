"""Whether a command said what a page shows, but for what differs between machines and runs."""

import re
from collections.abc import Sequence

LEFT_OUT = "..."
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
MASKS = [
    (re.compile(rf"\b({MONTHS}) \d\d?, \d{{4}}|\d\d?:\d\d(:\d\d)?( [AP]M)?|\d+(\.\d+)? s\b"), "#"),
    (re.compile(r"(?<![A-Za-z_\d])[0-9a-f]{7,64}(\.dir)?(?![A-Za-z_\d])"), "#"),  # a hash
    (re.compile(r"(?<![A-Za-z_\d.])[-+]?\d+(,\d{3})*(\.\d+)?([eE][-+]?\d+)?(?!\d)"), "#"),
    (re.compile(r"# [kMGT]?i?B\b"), "# B"),
    (re.compile(r"([-─━═=])[-─━═=]+"), r"\1"),  # the rules of a table are as long as its cells
    (re.compile(r"\s+"), " "),
]
MADE_UP = re.compile(r"(?:experiment\(s\): |experiment ')([a-z]+-[a-z]+)\b")


def mask(line: str) -> str:
    """The line without times, hashes, numbers, sizes and widths."""
    for pattern, instead in MASKS:
        line = pattern.sub(instead, line)
    return line.strip()


def without_names(text: str) -> str:
    """The text without the names that DVC made up for experiments."""
    for name in sorted(set(MADE_UP.findall(text)), key=len, reverse=True):
        text = text.replace(name, "NAME")
    return text


def parts(lines: Sequence[str]) -> list[list[str]]:
    """The lines between those that stand for lines left out."""
    rows: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == LEFT_OUT:
            rows.append([])
        else:
            rows[-1].append(line)
    return rows


def plain(lines: Sequence[str]) -> list[str]:
    """The lines as they are compared."""
    return [mask(line) for line in without_names("\n".join(lines)).split("\n")] if lines else []


def align(shown: Sequence[str], message: Sequence[str]) -> list[str] | None:
    """What was said, with `...` where the page has it; None if the page shows something else.

    Args:
        shown: lines of the page.
        said: lines of the run.
    """
    real, pieces = plain(message), parts(plain(shown))
    rows: list[str] = []
    at = 0
    for number, piece in enumerate(pieces):
        end = len(real) - len(piece)
        places = range(at, end + 1)
        if number == 0:
            places = places[:1]
        if number == len(pieces) - 1:
            places = range(max(end, places.start), places.stop)
        fits = (place for place in places if real[place : place + len(piece)] == piece)
        if (place := next(fits, None)) is None:
            return None
        rows += [LEFT_OUT] * (number > 0) + list(message[place : place + len(piece)])
        at = place + len(piece)
    return rows
