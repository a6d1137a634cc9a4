"""Labels that look alike: case, spaces, forms of Unicode, letters of other scripts."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping

from pawprint.core.findings import Findings, shorten

LETTERS = str.maketrans(  # small letters of Cyrillic and Greek that look like Latin ones, or whose
    # capitals do; digits and Latin letters among themselves (0 and O, l and I) are not covered
    "асеорхуіјѕԁһӏԛԝвкмтнгзαβεηικμνορτυχζωγıł",
    "aceopxyijsdhlqwbkmthr3abehikmvoptuxzwyil",
)


def skeleton(label: str) -> str:
    """A label reduced to what the eye sees: labels with equal skeletons look alike.

    >>> skeleton("Große  Katze") == skeleton("grosse_katze"), skeleton("c\\u0430t")
    (True, 'cat')
    """
    # NFKC keeps accents: resume and résumé are two words; casefold parts the Turkish İ into i and
    # a dot (U+0307)
    plain = unicodedata.normalize("NFKC", label).casefold().replace("i\u0307", "i")
    # Cf: zero-width spaces, byte order marks and the like, which nobody sees
    shown = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    alike = unicodedata.normalize("NFKC", shown.translate(LETTERS))
    # between letters alone: -1 and 1, or 1-2 and 12, differ to the eye
    return " ".join(re.sub(r"(?<=[^\W\d_])[-_\s]+(?=[^\W\d_])", " ", alike).split())


def check(counted: Mapping[str, int], findings: Findings) -> None:
    """A note: labels that differ but look alike, with the number of images of each."""
    groups = defaultdict(list)
    for label in sorted(counted):
        groups[skeleton(label)].append(label)
    alike = [group for group in groups.values() if len(group) > 1]
    if alike:
        shown = [
            " = ".join(f"{format_label(x)} ({counted[x]:,})" for x in group) for group in alike
        ]
        findings.notes.append(
            f"{len(alike)} groups of labels look alike, but are different classes: "
            f"{shorten(shown, 5, '; ')}; if they mean the same class, give them one name"
        )


def format_label(label: str) -> str:
    r"""A label; quoted and with character codes if it cannot be told from others by eye.

    >>> print(format_label("cat"), format_label("c\u0430t"), format_label("a  b"))
    cat 'c\u0430t' 'a  b'
    """
    is_plain = label.isascii() and label == " ".join(label.split())
    return label if is_plain else ascii(label)
