"""Colours as params.yaml writes them: a CSS name, or red, green and blue in hex digits."""

import difflib
import re
from typing import Annotated

from PIL import ImageColor
from pydantic import BeforeValidator, Field

RGB = tuple[int, int, int]  # 0-255 each
WORDS = "a colour's name, such as white, or '#rrggbb' in quotes"
HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def check_colour(value: object) -> object:
    """Return the value if it is a colour (a pydantic validator).

    Raises:
        ValueError: it is not a colour; the message says what is allowed.
    """
    text = value.lower() if isinstance(value, str) else ""
    if text in ImageColor.colormap or HEX.fullmatch(text):
        return value
    near = difflib.get_close_matches(text, ImageColor.colormap, 1) if text else []
    hint = f" (did you mean {near[0]}?)" if near else ""
    empty = ", because otherwise # starts a comment" if value is None else ""
    raise ValueError(f"must be {WORDS}{empty}{hint}")


def parse_colour(text: str) -> RGB:
    """Red, green and blue.

    >>> parse_colour("white"), parse_colour("#0a0B0c")
    ((255, 255, 255), (10, 11, 12))
    """
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue


Colour = Annotated[str, Field(description=WORDS), BeforeValidator(check_colour)]
