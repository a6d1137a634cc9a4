"""Decode every image once and squeeze it to a square: the cache that training reads.

The whole image is kept, squeezed to S×S px; its original width and height are stored too, so that
training can undo the squeeze and still choose its crop.
"""

import hashlib
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy.lib.format as npy
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional

from pawprint.core import files
from pawprint.core.findings import shorten
from pawprint.vision import decode, oddities, unreadable
from pawprint.vision.oddities import ORDINARY, Oddities


@dataclass(frozen=True)
class CachedImage:
    """One image of the cache: its pixels, or the reason why there are none."""

    name: str
    pixels: UInt8[Tensor, "size size rgb=3"] | None
    width: int  # px, of the upright original
    height: int
    sha256: str  # of the file's bytes
    error: str = ""  # why there are no pixels
    odd: Oddities = ORDINARY


def decode_all(
    contents: Iterable[tuple[str, bytes]], size: int, background: str | None, workers: int
) -> Iterator[CachedImage]:
    """Each image squeezed to `size` px per side, in the order given; `workers` at a time.

    Threads are enough: decoding and resizing release Python's lock. At most 8 images per worker are
        in memory.
    """
    with decode.without_warnings(), ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[CachedImage]] = deque()
        for name, data in contents:
            waiting.append(pool.submit(_decode_to_square, name, data, size, background))
            if len(waiting) >= 8 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def decode_to_square(name: str, data: bytes, size: int, background: str | None) -> CachedImage:
    """One image of the cache; a file that cannot be decoded gives an `error`, the reason.

    Args:
        name: the name of the file.
        data: its bytes.
        size: px per side.
        background: the background of transparent parts; None drops the transparency (see decode).
    """
    with decode.without_warnings():
        return _decode_to_square(name, data, size, background)


def _decode_to_square(name: str, data: bytes, size: int, background: str | None) -> CachedImage:
    hashed = hashlib.sha256(data).hexdigest()
    try:
        image = decode.decode(data, background)
    except decode.UNREADABLE as error:
        if isinstance(error, MemoryError) or "out of memory" in str(error):
            raise MemoryError(f"{name} could not be decoded") from error  # it may be sound
        return CachedImage(name, None, 0, 0, hashed, unreadable.explain(error, data))
    height, width = image.pixels.shape[:2]
    # in channels-last order it takes a third of the time
    last = image.pixels[None].permute(0, 3, 1, 2)
    pixels = functional.interpolate(
        last, (size, size), mode="bilinear", antialias=True
    )  # Pillow's BILINEAR, within 1 grey level, at a tie 2
    square = pixels[0].permute(1, 2, 0).contiguous()
    return CachedImage(name, square, width, height, hashed, odd=oddities.inspect(image))


def write_block(
    target: Path, images: Iterable[CachedImage], names: Sequence[str], size: int
) -> list[CachedImage]:
    """Write a block of the cache: N×S×S×3 uint8, a row for each name whose image can be decoded.

    Args:
        target: an .npy file; replaced as a whole, or not at all.
        images: one for each name, in any order.
        names: the names of all images, in the order of the rows.
        size: S, px.

    Returns:
        All images, without their pixels, in the order of `names`.
    """
    row = {name: i for i, name in enumerate(names)}
    seen: list[CachedImage] = []
    with files.atomic_write(target) as temporary, temporary.open("w+b") as file:
        head = _write_head(file, len(names), size)
        for image in images:
            if image.pixels is not None:
                file.seek(head + row[image.name] * size * size * 3)
                file.write(image.pixels.numpy().data)
            seen.append(replace(image, pixels=None))
        seen.sort(key=lambda image: row[image.name])
        good = [row[image.name] for image in seen if not image.error]
        if len(good) < len(names):
            _close_gaps(file, head, good, size)
    return seen


def _write_head(file: BinaryIO, images: int, size: int) -> int:
    """Write the header of an .npy file; its length in bytes is the same for fewer images."""
    shape = (images, size, size, 3)
    file.seek(0)
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()


def _close_gaps(file: BinaryIO, head: int, rows: list[int], size: int) -> None:
    """Move the rows with an image together, and truncate the file after them."""
    length = size * size * 3
    for new, old in enumerate(rows):
        file.seek(head + old * length)
        data = file.read(length)
        file.seek(head + new * length)
        file.write(data)
    file.truncate(head + len(rows) * length)
    _write_head(file, len(rows), size)


def check_space(folder: Path, images: int, size: int) -> None:
    """Check that the disk has room for so many images.

    Raises:
        OSError: it has not.
    """
    needed = images * size * size * 3
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"{folder}: {images:,} images at presize.size {size} need {needed / 1e6:,.1f} MB, but "
            f"only {free / 1e6:,.1f} MB are free on this disk; free some space, or lower "
            "presize.size"
        )


def check_errors(failed: Sequence[CachedImage], on_error: str, images: int) -> str:
    """A line about the images left out, or "".

    Args:
        failed: the images that cannot be decoded.
        on_error: `skip` leaves them out; otherwise they are an error.
        images: the number of all images.

    Raises:
        ValueError: some images cannot be decoded; the message gives each name and reason.
    """
    if not failed:
        return ""
    each = [f"{image.name} ({image.error})" for image in failed]
    if on_error != "skip" or len(failed) == images:
        raise ValueError(
            f"{len(failed)} of {images} images cannot be decoded: {shorten(each, len(each))}; "
            "fix or remove them, or set presize.on_error: skip to leave them out"
        )
    return f"{len(failed)} of {images} images left out: {shorten(each, len(each))}"
