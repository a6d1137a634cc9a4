"""Decode a file to an image: its first one, upright, in 8-bit RGB.

All decoding is here, so that training and prediction read images in the same way.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

from pawprint.storage import file_type
from pawprint.vision import frames, tiff, transparency

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")  # no EPS, which would start Ghostscript
ORIENTATION = 0x0112  # EXIF tag; 1 is upright
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError, OverflowError),
    *(UnidentifiedImageError, Image.DecompressionBombError),
)


@dataclass(frozen=True)
class Decoded:
    """An image, and what its file says about it."""

    pixels: UInt8[Tensor, "height width rgb=3"]
    frames: int = 1  # images in the file, of which this is the first
    is_transparent: bool = False  # in parts: they were laid on the ground, or dropped
    white: int = 255  # the value in the file that stands for white
    span: tuple[int, int] | None = None  # lowest and highest value in the file, if not of `pixels`


@dataclass(frozen=True)
class Head:
    """How a file stores its image."""

    frames: int
    bits: int  # of a value; of greys and of a PNG's transparent colour
    is_negative: bool  # a TIFF whose 0 is white


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore Pillow's warnings about odd but readable files; not thread-safe."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(data: bytes, background: str | None) -> Decoded:
    """The first image of a file, in RGB, upright and complete.

    Plain JPEGs go through torchvision's decoder, which is faster; what it rejects, and everything
    else, goes through Pillow, which decides. Damage within a JPEG's data, for which libjpeg only
    warns, is no error in either: it gives grey or shifted blocks.

    Args:
        data: the bytes of the file.
        background: the colour behind transparent parts; None drops the transparency, so that hidden
            colours show, as in models trained by earlier versions.

    Raises:
        One of UNREADABLE: the file is damaged, truncated or not an image, or memory ran out.
    """
    image = Image.open(io.BytesIO(data), formats=FORMATS)  # reads the head only
    if image.format == "JPEG" and image.mode in ("RGB", "L"):
        upright = image.getexif().get(ORIENTATION, 1) == 1
        if upright and (pixels := _decode_jpeg(data)) is not None:
            return Decoded(pixels)
    head = _read_head(image, data)
    return _finish(_upright(image), head, background)


def _decode_jpeg(data: bytes) -> Tensor | None:
    try:
        pixels: Tensor = decode_jpeg(
            torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB
        )
    except RuntimeError:
        return None
    return pixels.permute(1, 2, 0)


def _upright(image: Image.Image) -> Image.Image:
    """Rotate by the EXIF tag; Pillow's exif_transpose also rewrites the EXIF, and may fail."""
    image.load()  # a TIFF turns itself here, and drops the tag
    turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _read_head(image: Image.Image, data: bytes) -> Head:
    """What must be read before Pillow loads the pixels, since it then drops it.

    Raises:
        ValueError: a camera raw file, in which Pillow sees only a small preview.
    """
    count = frames.count_frames(image, data)
    if image.format == "PNG":
        return Head(count, data[24], False)
    if image.format != "TIFF":
        return Head(count, 8, False)
    if file_type.identify(data[: file_type.HEAD_BYTES]) == file_type.RAW:
        raise ValueError("camera raw")
    page = next(tiff.directories(data), {})
    bits = 16 if ";16" in str(getattr(image, "tile", "")) else page.get(tiff.BITS, 8)
    return Head(count, bits, page.get(tiff.PHOTOMETRIC) == 0)


def _finish(image: Image.Image, head: Head, background: str | None) -> Decoded:
    """Convert any mode to RGB: 16-bit greys are scaled, not clipped; transparency is filled.

    Raises:
        ValueError: more than 16 bits per pixel, where the value of white is unknown.
    """
    if image.mode in ("I", "F"):
        what = "signed 16-bit" if head.bits == 16 else "32-bit"
        raise ValueError(
            f"{what} grey values have no fixed white; save it with 8 or 16 bits, unsigned"
        )
    alpha = transparency.opacity(image, head.bits)
    white = {12: 4095, 16: 65535}.get(head.bits, 255)
    span = None
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        if head.is_negative:  # 0 is white, and Pillow leaves it so in 16 bits
            values = white - values
        span = int(values.min()), int(values.max())
        grey = values.astype(np.float64) / (white / 255)  # 65535 / 255 is 257
        image = Image.fromarray(np.rint(grey).astype(np.uint8))
    colour = transparency.flatten(image, alpha, background)
    return Decoded(torch.from_numpy(colour), head.frames, alpha is not None, white, span)
