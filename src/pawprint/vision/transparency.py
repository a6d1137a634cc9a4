"""Images with transparent parts, put on a background of one colour."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from pawprint.core import colors

ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")  # modes whose last channel is the opacity
PREMULTIPLIED = ("RGBa", "La")
ROWS = 512  # at a time, so that an image of 178 megapixels needs no second copy in 16 bits


def opacity(image: Image.Image, bits: int) -> UInt8[np.ndarray, "height width"] | None:
    """How opaque each pixel is, 0-255; None if all are opaque.

    Args:
        image: the loaded image, in the mode of its file.
        bits: bits of a value in the file, the scale of a PNG's transparent colour.
    """
    alpha = None
    if image.mode in ALPHA:
        alpha = np.asarray(image.getchannel(image.getbands()[-1]))
        if image.format == "BMP" and not alpha.any():  # of writers that leave the byte empty
            return None
    elif "transparency" in image.info:
        key = image.info["transparency"]
        if image.mode == "P":
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
        elif isinstance(key, int | tuple):
            alpha = np.where(_is_key(image, key, bits), 0, 255).astype(np.uint8)
    return None if alpha is None or alpha.min(initial=255) == 255 else alpha


def _is_key(
    image: Image.Image, key: int | tuple[int, ...], bits: int
) -> np.ndarray:  # of bool, height × width
    """The pixels of the one colour that a PNG (or GIF) marks as transparent."""
    values = np.asarray(image)
    if image.mode == "RGB":  # of 16 bits a value Pillow keeps the upper 8
        named = [value >> 8 if bits == 16 else value & 255 for value in np.atleast_1d(key)]
        return np.asarray((values == named).all(axis=-1))
    number = int(np.atleast_1d(key)[0]) & (1 << bits) - 1
    if bits < 8:  # Pillow spreads 2 and 4 bits, and 1 bit as false and true
        number = number if image.mode == "1" else number * 255 // ((1 << bits) - 1)
    return np.asarray(values == number)


def flatten(
    image: Image.Image, alpha: UInt8[np.ndarray, "height width"] | None, ground: str | None
) -> UInt8[np.ndarray, "height width rgb=3"]:
    """The image in RGB.

    Args:
        image: an image of any 8-bit mode.
        alpha: the result of `opacity`.
        ground: a colour as in `presize.background`; None drops the opacity.
    """
    if image.mode == "La" and (alpha is None or ground is None):
        image = image.convert("LA")  # Pillow knows no shorter way
    if alpha is None or ground is None:
        return np.array(image.convert("RGB"))
    if image.mode in PREMULTIPLIED:
        values = np.asarray(image)[..., :-1]
        return lay(np.broadcast_to(values, (*alpha.shape, 3)), alpha, ground, True)
    return lay(np.asarray(image.convert("RGB")), alpha, ground)


def lay(
    colour: UInt8[np.ndarray, "height width rgb=3"],
    alpha: UInt8[np.ndarray, "height width"],
    ground: str,
    is_premultiplied: bool = False,
) -> UInt8[np.ndarray, "height width rgb=3"]:
    """The image on its background, each value rounded (255 is odd, so there are no ties).

    Args:
        colour: red, green and blue as if all were opaque.
        alpha: 255 is opaque.
        ground: a colour as in `presize.background`.
        is_premultiplied: whether `colour` was multiplied by alpha already.
    """
    below = np.array(colors.parse_colour(ground), dtype=np.uint16)
    laid = np.empty(colour.shape, dtype=np.uint8)
    for start in range(0, len(colour), ROWS):
        rows = slice(start, start + ROWS)
        share = alpha[rows, :, None].astype(np.uint16)  # products stay below 2**16
        above = colour[rows] * (np.uint16(255) if is_premultiplied else share)
        total = np.minimum(above, 255 * share) + below * (255 - share) + 127
        laid[rows] = total // 255
    return laid
