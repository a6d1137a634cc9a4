"""What a picture is to be told, as text: the cell of labels.csv whose column is the target's name.

`label`: a class. `labels`: any number of classes, sorted, with a semicolon between. `points`: x and
y of each point in pixels of the original, from its upper left corner, with blanks between.
"""

import math
import re

BETWEEN = ";"
TARGETS = ("label", "labels", "points")


def format_cell(text: str, target: str, pattern: str | None, separator: str | None) -> str | None:
    """The cell for what a data set says of a picture; None where that is no such target.

    Args:
        text: a class, classes with `separator` between, or numbers with blanks between.
        target: one of TARGETS.
        pattern: its first group, searched anywhere, is the class; None for the whole text.
        separator: between classes, none of which may hold a semicolon.

    >>> format_cell("dog person ", "labels", None, " "), format_cell("", "labels", None, " ")
    ('dog;person', '')
    >>> format_cell("320.5 240", "points", None, None), format_cell("nan 240", "points", None, None)
    ('320.5 240', None)
    """
    if target == "points":
        return text if _are_numbers(text) else None
    if target == "label":
        return _pick(text, pattern) or None
    words = [word for word in text.split(separator) if word.strip()]
    picked = [_pick(word.strip(), pattern) for word in words]
    known = sorted({label for label in picked if label and BETWEEN not in label})
    return BETWEEN.join(known) if len(known) == len({*picked}) else None


def classes(cell: str, target: str) -> list[str]:
    """The classes that a cell names.

    >>> classes("dog;person", "labels"), classes("dog", "label"), classes("320.5 240", "points")
    (['dog', 'person'], ['dog'], [])
    """
    if target == "points" or not cell:
        return []
    return cell.split(BETWEEN) if target == "labels" else [cell]


def coordinates(cell: str) -> list[float]:
    """x, y, x, y ... in pixels.

    >>> coordinates("320.5 240")
    [320.5, 240.0]
    """
    return [float(number) for number in cell.split()]


def _pick(text: str, pattern: str | None) -> str | None:
    if pattern is None:
        return text
    match = re.search(pattern, text)
    return match.group(1) if match else None


def _are_numbers(text: str) -> bool:
    try:
        numbers = coordinates(text)
    except ValueError:
        return False
    return len(numbers) > 0 and len(numbers) % 2 == 0 and all(map(math.isfinite, numbers))
