"""Why a file cannot be decoded, in our own words, and what to do."""

import io
import re

from PIL import Image

from pawprint.storage import file_type
from pawprint.vision import tiff

DAMAGED = "damaged: its pixels cannot be decompressed; copy or download it again"
CUT = "truncated or damaged: the file ends before its image does; copy or download it again"
AGAIN = "save it as JPEG or PNG"
KNOWN = (  # what Pillow says, as a pattern, and what is said instead
    (r"truncated|Truncated File|unexpected end of|not enough (image )?data", CUT),
    (r"checksum in b'(\w+)'", r"damaged: the checksum of its part \1 is wrong; copy it again"),
    (r"broken data stream|unrecognized data stream|broken PNG|decoder error", DAMAGED),
    (r"failed to read next frame|could not create decoder|cannot load this image", DAMAGED),
    (
        r"Unsupported BMP (.+) \((.+)\)",
        rf"a BMP of an unsupported kind (\1 \2); {AGAIN}",
    ),
    (r"MAX_TEXT_\w+", f"a PNG with an oversized text in it; {AGAIN}"),
)
COMPRESSIONS = {  # of a TIFF, by their numbers
    **dict.fromkeys((33003, 33005, 34712), "JPEG 2000"),
    **{34661: "JBIG", 34887: "LERC", 34892: "lossy DNG", 50002: "JPEG XL", 52546: "JPEG XL"},
}
FRAMES = {  # kinds of JPEG that are not decoded, by the marker of their frame
    **dict.fromkeys((0xC3, 0xC7, 0xCB, 0xCF), "lossless"),
    **dict.fromkeys((0xC5, 0xC6, 0xCD, 0xCE), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA), "arithmetic coding"),
}


def explain(error: Exception, data: bytes) -> str:
    """What is wrong with the file and how to fix it, in one line.

    Args:
        error: what decoding it raised.
        data: the file.
    """
    if isinstance(error, Image.DecompressionBombError):
        return _too_large(str(error))
    file_kind = file_type.identify(data[: file_type.HEAD_BYTES])
    if not file_kind.is_image:
        return _not_an_image(file_kind, data)
    text = " ".join(str(error).replace(str(io.BytesIO), "").split()).split(" <_io.BytesIO")[0]
    if file_kind.name == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return CUT
    for pattern, reason in KNOWN:
        if match := re.search(pattern, text):
            return match.expand(reason)
    if text.startswith("cannot identify image file"):
        return _of_no_known_kind(file_kind.name, data)
    return text or type(error).__name__


def _too_large(text: str) -> str:
    pixels, limit = (int(number) for number in re.findall(r"(\d+) pixels", text))
    return (
        f"{pixels / 1e6:,.0f} megapixels, above the limit of {limit // 1_000_000}; make it smaller"
    )


def _not_an_image(file_kind: file_type.FileType, data: bytes) -> str:
    if file_kind == file_type.UNKNOWN:
        return f"unknown format: it starts with the bytes {data[:8].hex(' ')}"
    advice = f"; {file_kind.advice}" if file_kind.advice else ""
    if file_kind.advice == file_type.CONVERT:
        return f"{file_kind.name}, which is not supported{advice}"
    return f"{file_kind.name}{'' if file_kind == file_type.EMPTY else ', not an image'}{advice}"


def _of_no_known_kind(name: str, data: bytes) -> str:
    """A file that starts like one of the six formats, but in which Pillow finds no image."""
    what = ""
    if name == "TIFF" and (page := next(tiff.directories(data), {})):
        bits, how = page.get(tiff.BITS, 8), page.get(tiff.COMPRESSION, 1)
        what = f"{bits} bits, compression {COMPRESSIONS.get(how, how)}"
    if name == "JPEG" and (
        match := re.search(rb"\xff([\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf])..(.)", data, re.S)
    ):
        bits = match[2][0]
        what = f"{bits} bits" if bits != 8 else FRAMES.get(match[1][0], "")
    if what:
        return f"a {name} of an unsupported kind ({what}), or damaged; {AGAIN}"
    return f"damaged: it starts like a {name}, but contains no readable image; copy it again"
