"""Damaged JPEGs, and what presize makes of an archive of them.

`python -m tests.mutants ARCHIVE` judges an archive in a process of its own: see `judged`.
"""

import io
import json
import struct
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pawprint.storage import archives
from pawprint.vision import cache_writer, decode
from tests import caches
from tests.conftest import picture
from tests.test_presize import save_image

SIDE = 16  # px


def patch(data: bytes, at: int, *values: int, form: str) -> bytes:
    """The bytes with numbers of that form put in, one after the other."""
    new = b"".join(struct.pack(form, value) for value in values)
    return data[:at] + new + data[at + len(new) :]


def frame_at(jpeg: bytes | bytearray) -> int:
    """Where a JPEG's frame header begins: marker, length, precision, height, width."""
    return max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))


def of_size(jpeg: bytes, width: int, height: int) -> bytes:
    return patch(jpeg, frame_at(jpeg) + 5, height, width, form=">H")


def exif(*entries: tuple[int, int, int, bytes], head: bytes = b"Exif\0\0MM\0*\0\0\0\x08") -> bytes:
    """Raw EXIF of these entries: tag, type, count, value."""
    packed = b"".join(struct.pack(">HHI4s", *entry) for entry in entries)
    return head + struct.pack(">H", len(entries)) + packed + bytes(4)


SIDEWAYS = (decode.ORIENTATION, 3, 1, b"\0\x06\0\0")


def smooth(seed: int, width: int = 90, height: int = 70) -> Image.Image:
    return Image.open(io.BytesIO(picture(width, height, seed, "PNG")))


def bases() -> dict[str, bytes]:
    """One JPEG of each way to write one."""
    turned = exif(SIDEWAYS, (0x10E, 2, 4, b"abc\0"), (0x11A, 5, 1, b"\0\0\0\x08"))
    return {
        "baseline": save_image(smooth(1), "JPEG"),
        "progressive": save_image(smooth(2), "JPEG", progressive=True),
        "grey": save_image(smooth(3).convert("L"), "JPEG"),
        "420": save_image(smooth(4, 91, 71), "JPEG", subsampling=2),
        "444": save_image(smooth(5), "JPEG", subsampling=0, quality=95),
        "restart": save_image(smooth(6), "JPEG", restart_marker_blocks=2),
        "both": save_image(
            smooth(7), "JPEG", progressive=True, restart_marker_rows=1, optimize=True
        ),
        "cmyk": save_image(smooth(8).convert("CMYK"), "JPEG"),
        "exif": save_image(smooth(9), "JPEG", exif=turned),
        "tiny": save_image(smooth(10, 9, 5), "JPEG"),
    }


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """One to three things done to a file, each at a random place."""
    new = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if len(new) > 4:
            MUTATIONS[int(rng.integers(len(MUTATIONS)))](new, rng)
    return bytes(new)


def somewhere(new: bytearray, rng: np.random.Generator) -> slice:
    at = int(rng.integers(len(new)))
    return slice(at, at + int(rng.integers(1, 64)))


def flip(new: bytearray, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 9))):
        new[int(rng.integers(len(new)))] = int(rng.integers(256))


def flip_in_the_head(new: bytearray, rng: np.random.Generator) -> None:
    new[int(rng.integers(min(len(new), 640)))] ^= 1 << int(rng.integers(8))


def delete(new: bytearray, rng: np.random.Generator) -> None:
    del new[somewhere(new, rng)]


def double(new: bytearray, rng: np.random.Generator) -> None:
    taken = new[somewhere(new, rng)]
    at = int(rng.integers(len(new)))
    new[at:at] = taken


def zero(new: bytearray, rng: np.random.Generator) -> None:
    where = somewhere(new, rng)
    new[where] = bytes(len(new[where]))


def cut(new: bytearray, rng: np.random.Generator) -> None:
    del new[int(rng.integers(len(new))) :]


def cut_before_the_end(new: bytearray, rng: np.random.Generator) -> None:
    """A damaged tail: the data stops early, but the end is marked."""
    new[int(rng.integers(len(new) // 2, len(new))) :] = b"\xff\xd9"


def change_a_length(new: bytearray, rng: np.random.Generator) -> None:
    marks = [i for i in range(len(new) - 3) if new[i] == 0xFF and 0 < new[i + 1] < 0xFF]
    if marks:
        at = int(rng.choice(marks))
        new[at + 2 : at + 4] = int(rng.integers(65536)).to_bytes(2, "big")


def change_the_frame(new: bytearray, rng: np.random.Generator) -> None:
    """One byte of precision, sides, components, sampling or table numbers."""
    at = frame_at(new) + 4 + int(rng.integers(15))
    if 4 <= at < len(new):
        new[at] = int(rng.integers(256))


def change_the_sides(new: bytearray, rng: np.random.Generator) -> None:
    width, height = (int(rng.integers(1500)) for _ in range(2))
    new[:] = of_size(bytes(new), width, height)


MUTATIONS = (
    *(flip, flip_in_the_head, delete, double, zero, cut, cut_before_the_end),
    *(change_a_length, change_the_frame, change_the_sides),
)


def mutants(originals: Mapping[str, bytes], each: int, seed: int) -> dict[str, bytes]:
    return {
        f"{name} {i}.jpg": mutant(data, np.random.default_rng((seed, number, i)))
        for number, (name, data) in enumerate(originals.items())
        for i in range(each)
    }


def pixels_by_pillow(data: bytes) -> np.ndarray | None:
    """The slow second way: Pillow alone, turned by NumPy; None where it refuses."""
    try:
        image = Image.open(io.BytesIO(data))
        result = np.asarray(image.convert("RGB")).astype(int)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    orientation = image.getexif().get(decode.ORIENTATION, 1)
    if orientation in (5, 6, 7, 8):
        result = result.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        result = result[:, ::-1]
    return result[::-1] if orientation in (3, 4, 7, 8) else result


def compare_with(data: bytes) -> tuple[str, float]:
    """How our decoding of a file and Pillow's agree, and how many seconds ours took."""
    started = time.perf_counter()
    try:
        ours = decode.decode(data, "white").pixels.numpy()
    except decode.UNREADABLE:
        ours = None
    seconds, theirs = time.perf_counter() - started, pixels_by_pillow(data)
    if ours is None or theirs is None:
        words = {(True, True): "both refuse", (False, True): "only we accept"}
        return words.get((ours is None, theirs is None), "only we refuse"), seconds
    same = ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 1
    return "equal" if same else "differ", seconds


def judge(archive: Path) -> dict[str, Any]:
    """For each mutant what presize made of it, and whether Pillow says the same; in the child."""
    warnings.simplefilter("ignore")
    names = archives.image_names(archive)
    rows = list(
        cache_writer.decode_all(archives.read_files(archive, names), SIDE, "white", workers=2)
    )
    _, left_out = caches.write_cache(archive.parent, iter(rows), names, SIDE, "skip")
    stopped = ""
    try:
        caches.write_cache(archive.parent, iter(rows), names, SIDE, "stop")
    except ValueError as error:
        stopped = str(error)
    verdicts = {name: compare_with(data) for name, data in archives.read_files(archive, names)}
    return {
        "accepted": [one.name for one in rows if not one.error],
        "whole": all(
            one.error or (one.pixels is not None and list(one.pixels.shape) == [SIDE, SIDE, 3])
            for one in rows
        ),
        "left out": left_out,
        "stopped": stopped,
        "verdicts": verdicts,
    }


if __name__ == "__main__":
    print(json.dumps(judge(Path(sys.argv[1]))))  # noqa: T201
