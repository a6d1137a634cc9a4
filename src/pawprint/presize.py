"""Decode every picture once and squeeze it to a square: the cache that training draws from.

The whole picture is kept, its sides squeezed to S×S px; its true width and height are kept
beside it, so that training can undo the squeeze and still choose its crop.
"""

import hashlib
import io
import shutil
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.lib.format as npy
import torch
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional
from torchvision.io import ImageReadMode, decode_jpeg

from pawprint import files
from pawprint.findings import listed

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
class Presized:
    """One picture of the cache: pixels, or the reason why there are none."""

    name: str
    pixels: UInt8[Tensor, "size size rgb=3"] | None
    width: int  # px, of the upright original
    height: int
    sha256: str  # of the file's bytes
    fault: str = ""


def presized(contents: Iterable[tuple[str, bytes]], size: int, workers: int) -> Iterator[Presized]:
    """Each picture squeezed to `size` px a side, in the order given; `workers` at a time.

    Threads serve: decoding and resizing leave Python's lock. At most 8 pictures a worker are
    held in memory.
    """
    with _quiet(), ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Presized]] = deque()
        for name, data in contents:
            waiting.append(pool.submit(_squeezed, name, data, size))
            if len(waiting) >= 8 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def squeezed(name: str, data: bytes, size: int) -> Presized:
    """One picture of the cache; a file that Pillow cannot read whole gives a fault."""
    with _quiet():
        return _squeezed(name, data, size)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings about odd but readable files; not to be entered by two threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _squeezed(name: str, data: bytes, size: int) -> Presized:
    hashed = hashlib.sha256(data).hexdigest()
    try:
        picture = decoded(data)
    except UNREADABLE as error:
        if isinstance(error, MemoryError) or "out of memory" in str(error):
            raise MemoryError(f"{name}: none left to decode it") from error  # it may be sound
        said = " ".join(str(error).replace(str(io.BytesIO), "").split()) or type(error).__name__
        return Presized(name, None, 0, 0, hashed, said.split(" <_io.BytesIO")[0])
    height, width = picture.shape[:2]
    # in channels-last order it takes a third of the time
    last = picture[None].permute(0, 3, 1, 2)
    pixels = functional.interpolate(
        last, (size, size), mode="bilinear", antialias=True
    )  # Pillow's BILINEAR, within 1 grey level, at a tie 2
    return Presized(name, pixels[0].permute(1, 2, 0).contiguous(), width, height, hashed)


def decoded(data: bytes) -> UInt8[Tensor, "height width rgb=3"]:
    """The picture in RGB, upright, all of it.

    Plain JPEGs go through torchvision's decoder, which is faster; whatever it refuses, and all
    else, through Pillow, whose word is final. Damage within a JPEG's data, which libjpeg itself
    only warns of, is no error to either: grey or shifted blocks follow it.

    Raises:
        One of UNREADABLE: the file is damaged, cut short, or no picture; or memory is lacking.
    """
    image = Image.open(io.BytesIO(data), formats=FORMATS)  # reads the head only
    if image.format == "JPEG" and image.mode in ("RGB", "L"):
        upright = image.getexif().get(ORIENTATION, 1) == 1
        if upright and (picture := _decoded_jpeg(data)) is not None:
            return picture
    return torch.from_numpy(np.array(_rgb(_upright(image))))


def _decoded_jpeg(data: bytes) -> Tensor | None:
    try:
        picture: Tensor = decode_jpeg(
            torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB
        )
    except RuntimeError:
        return None
    return picture.permute(1, 2, 0)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; Pillow's exif_transpose also writes the EXIF anew, and may fail."""
    image.load()  # a TIFF turns itself here, and drops the tag
    turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """RGB of any mode: 16-bit greys are scaled, not cut off; transparency is dropped.

    Raises:
        ValueError: 32 bits a pixel, of which nothing says which number is white.
    """
    if image.mode in ("I", "F"):
        raise ValueError("32-bit greys have no fixed white: save it with 8 or 16 bits")
    if image.mode.startswith("I;16"):
        grey = np.asarray(image, dtype=np.float64) / 257
        image = Image.fromarray(np.rint(grey).astype(np.uint8))
    return image.convert("RGB")


def write(
    target: Path, pictures: Iterable[Presized], names: Sequence[str], size: int, on_error: str
) -> tuple[list[Presized], str]:
    """Write the cache: N×S×S×3 uint8, one row a name, in the order of `names`.

    Args:
        target: images.npy; replaced whole, or not at all.
        pictures: one for each name, in any order.
        names: of all pictures, sorted.
        size: S, px.
        on_error: `skip` leaves out pictures that cannot be decoded; else they stop it.

    Returns:
        The pictures of the rows, without their pixels; and a line about those left out, or "".

    Raises:
        ValueError: some pictures cannot be decoded; the message names each, and why.
        OSError: the disk is full, or will be.
    """
    _check_space(target.parent, len(names), size)
    row = {name: i for i, name in enumerate(names)}
    seen: list[Presized] = []
    with files.replacing(target) as temporary, temporary.open("w+b") as file:
        head = _write_head(file, len(names), size)
        for picture in pictures:
            if picture.pixels is not None:
                file.seek(head + row[picture.name] * size * size * 3)
                file.write(picture.pixels.numpy().data)
            seen.append(replace(picture, pixels=None))
        seen.sort(key=lambda picture: row[picture.name])
        said = _check_faults([picture for picture in seen if picture.fault], on_error, len(names))
        good = [picture for picture in seen if not picture.fault]
        if said:
            _close_gaps(file, head, [row[picture.name] for picture in good], size)
    return good, said


def _write_head(file: BinaryIO, pictures: int, size: int) -> int:
    """The head of an .npy file, and its length in bytes, which is the same for fewer pictures."""
    shape = (pictures, size, size, 3)
    file.seek(0)
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()


def _close_gaps(file: BinaryIO, head: int, rows: list[int], size: int) -> None:
    """Move the rows that hold a picture together, and cut the file behind them."""
    length = size * size * 3
    for new, old in enumerate(rows):
        file.seek(head + old * length)
        data = file.read(length)
        file.seek(head + new * length)
        file.write(data)
    file.truncate(head + len(rows) * length)
    _write_head(file, len(rows), size)


def _check_space(folder: Path, pictures: int, size: int) -> None:
    needed = pictures * size * size * 3
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"{folder}: {pictures:,} pictures at presize.size {size} need {needed / 1e6:,.1f} MB, "
            f"but only {free / 1e6:,.1f} MB are free on this disk; make room, or lower presize.size"
        )


def _check_faults(faults: Sequence[Presized], on_error: str, pictures: int) -> str:
    if not faults:
        return ""
    each = [f"{fault.name} ({fault.fault})" for fault in faults]
    if on_error != "skip" or len(faults) == pictures:
        raise ValueError(
            f"{len(faults)} of {pictures} pictures cannot be decoded: {listed(each, len(each))}; "
            "mend or remove them, or set presize.on_error: skip to leave them out"
        )
    return f"{len(faults)} of {pictures} pictures left out: {listed(each, len(each))}"
