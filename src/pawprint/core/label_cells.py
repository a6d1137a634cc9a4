"""An image's target as text: the cell of labels.csv in the column named after the target.

`label`: one class. `labels`: any number of classes, sorted, separated by semicolons. `points`: x
and y of each point in pixels of the original, from its upper left corner, separated by spaces.
`number`: a decimal number.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

BETWEEN = ";"
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")  # float() also takes 1_0
MAX_NUMBER = 1e100  # the square of a residual must be finite too
Pick = Callable[[str], str | None]  # the class in a text, by the data set's pattern; None: none


@dataclass(frozen=True)
class CellFormat:
    """How to write the cells of one target."""

    # the cell for what a data set says of an image, the separator between its classes being the
    # last argument; None where that is no such target
    format: Callable[[str, Pick, str | None], str | None]
    classes: Callable[[str], list[str]]  # that a cell names
    min_classes: int  # fewest with which there is anything to learn
    is_exclusive: bool = False  # an image has one class, so that one is taken for another
    hint: str = ""  # why a text may be no such target


def format_label(text: str, pick: Pick, separator: str | None = None) -> str | None:
    """One class.

    >>> format_label("pug", str.upper), format_label("", str)
    ('PUG', None)
    """
    return pick(text) or None


def format_labels(text: str, pick: Pick, separator: str | None) -> str | None:
    """Classes, each once, sorted; none of them may contain a semicolon.

    >>> format_labels("person dog ", str, " "), format_labels("", str, " ")
    ('dog;person', '')
    """
    picked = [pick(word.strip()) for word in text.split(separator) if word.strip()]
    # sorted: a set's order of texts differs between processes, and labels.csv has a hash
    known = sorted({label for label in picked if label and BETWEEN not in label})
    return BETWEEN.join(known) if len(known) == len({*picked}) else None


def format_points(text: str, pick: Pick, separator: str | None = None) -> str | None:
    """An even number of finite numbers.

    >>> format_points("320.5 240", str), format_points("nan 240", str)
    ('320.5 240', None)
    """
    try:
        numbers = coordinates(text)
    except ValueError:
        return None
    # float() reads nan and inf too, and one of them makes the whole loss NaN
    is_whole = len(numbers) > 0 and len(numbers) % 2 == 0 and all(map(math.isfinite, numbers))
    return text if is_whole else None


def coordinates(cell: str) -> list[float]:
    """x, y, x, y ... in pixels.

    >>> coordinates("320.5 240")
    [320.5, 240.0]
    """
    return [float(number) for number in cell.split()]


def format_number(text: str, pick: Pick, separator: str | None = None) -> str | None:
    """One finite number, without what surrounds it where a pattern says so.

    >>> format_number(" 20.5", str), format_number("inf", str), format_number("20,5", str)
    ('20.5', None, None)
    """
    word = (pick(text) or "").strip()
    return word if NUMBER.fullmatch(word) and abs(float(word)) <= MAX_NUMBER else None


def number(cell: str) -> float:
    """The number of a cell.

    >>> number("20.5")
    20.5
    """
    return float(cell)


def _one_class(cell: str) -> list[str]:
    return [cell] if cell else []


def _several_classes(cell: str) -> list[str]:
    return cell.split(BETWEEN) if cell else []


def _no_class(cell: str) -> list[str]:
    return []


CELLS = {
    "label": CellFormat(format_label, _one_class, 2, is_exclusive=True),
    "labels": CellFormat(
        format_labels, _several_classes, 1, hint="a class must not contain a semicolon; "
    ),
    "points": CellFormat(
        format_points, _no_class, 0, hint="each column needs a number, such as 20.5; "
    ),
    "number": CellFormat(
        format_number,
        _no_class,
        0,
        hint="it must be a finite number such as 20.5, with a decimal point; ",
    ),
}


def classes(cell: str, target: str) -> list[str]:
    """The classes in a cell.

    >>> classes("dog;person", "labels"), classes("dog", "label"), classes("320.5 240", "points")
    (['dog', 'person'], ['dog'], [])
    """
    return CELLS[target].classes(cell)
