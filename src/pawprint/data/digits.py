"""Images that need no network: written here as archives, so that they walk the whole path.

scikit-learn's digits as they are, and images composed of them with several labels, a point or a
number each.
The digits are split before anything is composed: no digit of a valid image is in a train image.
"""

import csv
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image
from sklearn.datasets import load_digits

from pawprint.storage import tar_members

CANVAS, GLYPH = 64, 20  # px a side
OVERLAP = 0.3  # of a glyph's square that another one may cover
BILINEAR = Image.Resampling.BILINEAR
PIECE, PIECES = 7, 8  # px a side, and how many, of clutter
TABLES = {  # by the folder in the archive
    "digits-labels": "labels.csv",
    "digits-points": "points.csv",
    "digits-number": "numbers.csv",
}
Scene = tuple[UInt8[np.ndarray, "64 64"], tuple[object, ...]]  # and the cells of its row
Compose = Callable[[np.random.Generator, np.ndarray, np.ndarray], Scene]


def write_digits(path: Path) -> None:
    """A tar of 1,797 images of 8×8 px, named CLASS_NUMBER.png, such as 7_0042.png.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    images, labels = load_digits(return_X_y=True)
    greys = np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # 0..16 -> 0..255
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for number, (grey, label) in enumerate(zip(greys, labels, strict=True)):
            file = io.BytesIO()
            Image.fromarray(grey).save(file, "PNG")
            tar_members.add_file(archive, f"digits/{label}_{number:04d}.png", file.getvalue())


def write_labels(path: Path) -> None:
    """A tar of images with 2 to 6 digits each, and labels.csv: fname, labels, is_valid."""
    _write(path, "digits-labels", ("fname", "labels", "is_valid"), compose_labels, seed=8)


def write_points(path: Path) -> None:
    """A tar of images with one digit among clutter, and points.csv: fname, x, y, is_valid."""
    _write(path, "digits-points", ("fname", "x", "y", "is_valid"), compose_point, seed=9)


def write_numbers(path: Path) -> None:
    """A tar of pictures with 1 to 4 digits each, and numbers.csv: fname, sum, is_valid."""
    _write(path, "digits-number", ("fname", "sum", "is_valid"), compose_sum, seed=10, train=4800)


def _write(
    path: Path, folder: str, header: tuple[str, ...], compose: Compose, seed: int, train: int = 9600
) -> None:
    rng = np.random.default_rng(seed)
    greys, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(greys))
    cut = len(order) // 5
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(header)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        # with 4,800 for train, the mAP of labels stayed below 0.86 (LOG.md, 2026-11-22)
        for is_valid, count, sources in ((False, train, order[cut:]), (True, 600, order[:cut])):
            glyphs = enlarge(greys[sources])
            for number in range(count):
                canvas, cells = compose(rng, glyphs, digits[sources])
                name = f"{'valid' if is_valid else 'train'}_{number:04d}.png"
                table.writerow((name, *cells, is_valid))
                data = io.BytesIO()
                Image.fromarray(canvas).save(data, "PNG")
                tar_members.add_file(archive, f"{folder}/{name}", data.getvalue())
        tar_members.add_file(archive, f"{folder}/{TABLES[folder]}", file.getvalue().encode())


def enlarge(greys: Float[np.ndarray, "n 64"]) -> UInt8[np.ndarray, "n 20 20"]:
    """8×8 greys of 0 to 16 as glyphs of 20×20 and 0 to 255."""
    small = np.rint(greys.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    size = (GLYPH, GLYPH)
    return np.stack([np.asarray(Image.fromarray(x).resize(size, BILINEAR)) for x in small])


def compose_labels(
    rng: np.random.Generator, glyphs: UInt8[np.ndarray, "n 20 20"], digits: Int[np.ndarray, " n"]
) -> Scene:
    """2 to 6 digits at uniform places; the cell names each digit that is there once."""
    canvas, chosen = scatter_digits(rng, glyphs, int(rng.integers(2, 7)))
    return canvas, (" ".join(map(str, sorted({*digits[chosen].tolist()}))),)


def compose_sum(
    rng: np.random.Generator, glyphs: UInt8[np.ndarray, "n 20 20"], digits: Int[np.ndarray, " n"]
) -> Scene:
    """1 to 4 digits at uniform places; the cell is their sum."""
    canvas, chosen = scatter_digits(rng, glyphs, int(rng.integers(1, 5)))
    return canvas, (int(digits[chosen].sum()),)


def scatter_digits(
    rng: np.random.Generator, glyphs: UInt8[np.ndarray, "n 20 20"], count: int
) -> tuple[UInt8[np.ndarray, "64 64"], Int[np.ndarray, " count"]]:
    """Digits at uniform places of a picture, and which they are."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    chosen = rng.choice(len(glyphs), count)
    for i, (left, top) in zip(chosen, draw_places(rng, len(chosen)), strict=True):
        part = canvas[top : top + GLYPH, left : left + GLYPH]
        np.maximum(part, glyphs[i], out=part)
    return canvas, chosen


def draw_places(rng: np.random.Generator, count: int) -> Int[np.ndarray, "glyph 2"]:
    """Left and top of each glyph, drawn again until none covers too much of another."""
    while True:
        drawn = rng.integers(0, CANVAS - GLYPH + 1, (count, 2))
        # all places again, not the last alone: so each allowed scene is as likely as another
        if not is_crowded(drawn).any():
            return drawn


def is_crowded(drawn: Int[np.ndarray, "glyph 2"]) -> Bool[np.ndarray, "glyph glyph"]:
    """Whether two glyphs share more than OVERLAP of their squares; no glyph with itself."""
    apart = np.abs(drawn[:, None] - drawn)
    shared = np.clip(GLYPH - apart, 0, None).prod(2) / GLYPH**2
    return np.asarray(np.triu(shared > OVERLAP, 1))


def compose_point(
    rng: np.random.Generator, glyphs: UInt8[np.ndarray, "n 20 20"], digits: Int[np.ndarray, " n"]
) -> Scene:
    """A digit at a uniform place among pieces of others; the cells are its centre, px."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    for i in rng.choice(len(glyphs), PIECES):
        (x, y), (left, top) = (rng.integers(0, side - PIECE + 1, 2) for side in (GLYPH, CANVAS))
        part = canvas[top : top + PIECE, left : left + PIECE]
        np.maximum(part, glyphs[i][y : y + PIECE, x : x + PIECE], out=part)
    left, top = rng.integers(0, CANVAS - GLYPH + 1, 2)
    part = canvas[top : top + GLYPH, left : left + GLYPH]
    part[:] = np.maximum(part // 2, glyphs[rng.integers(len(glyphs))])
    return canvas, (left + GLYPH / 2, top + GLYPH / 2)


GENERATORS = {  # by the `url` that datasets.yaml gives
    "sklearn:digits": write_digits,
    "sklearn:digits-labels": write_labels,
    "sklearn:digits-points": write_points,
    "sklearn:digits-number": write_numbers,
}
