"""Files of images that Pillow does not write, byte by byte."""

import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
from PIL import Image


def save_image(image: Image.Image, image_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    checked = name + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(values: np.ndarray, bits: int, colour_type: int, key: bytes = b"") -> bytes:
    """A PNG of these values, height × width × channel, in so many bits each.

    Args:
        values: whole numbers below 2**bits.
        bits: 1, 2, 4, 8 or 16.
        colour_type: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA.
        key: the chunk that names one colour transparent.
    """
    height, width = values.shape[:2]
    rows = b""
    for row in values.reshape(height, -1):
        text = "".join(f"{value:0{bits}b}" for value in row.tolist())
        text += "0" * (-len(text) % 8)
        rows += b"\0" + int(text, 2).to_bytes(len(text) // 8, "big")
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    middle = chunk(b"tRNS", key) if key else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + middle
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tiff(
    pixels: bytes, width: int, height: int, tags: Mapping[int, int], order: str = "<"
) -> bytes:
    """A TIFF of one page and one strip; `tags` beside its size, or in place of the usual ones."""
    entries = {
        **{256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 0},
        **{277: 1, 278: height, 279: len(pixels)},
        **tags,
    }
    start = 8 + 2 + 12 * len(entries) + 4
    entries[273] = start
    table = b"".join(
        struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(entries.items())
    )
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(f"{order}IH", 8, len(entries))
    return head + table + struct.pack(f"{order}I", 0) + pixels


def pages(kinds: list[int]) -> bytes:
    """A TIFF of as many pages as kinds (NewSubfileType: 0 a page, 1 a smaller copy, 4 a mask)."""
    result, at = b"II*\0" + struct.pack("<I", 8), 8
    for i, number in enumerate(kinds):
        values = {254: number, 256: 2, 257: 2, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 279: 4}
        length = 2 + 12 * len(values) + 4
        values[273] = at + length
        at += length + 4
        result += struct.pack("<H", len(values))
        result += b"".join(struct.pack("<HHII", tag, 4, 1, x) for tag, x in values.items())
        result += struct.pack("<I", at if i + 1 < len(kinds) else 0) + bytes([9, 99, 199, 250])
    return result
