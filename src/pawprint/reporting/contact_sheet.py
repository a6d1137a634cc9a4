"""Sheets of images with captions, as PNG files: equal images give equal bytes."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from jaxtyping import Float, Float32, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from pawprint.core import files
from pawprint.vision import resample

MIN_SIDE, MARGIN, LINE = 160, 8, 18  # px: a picture's side, between pictures, a caption's height
ARM = 6  # px of a cross
Colour = tuple[int, int, int]
PAPER, INK, RIGHT, WRONG = (255, 255, 255), (32, 32, 32), (20, 110, 60), (190, 30, 30)


def denormalize(batch: Float32[Tensor, "n rgb=3 h w"]) -> UInt8[Tensor, "n h w rgb=3"]:
    """A batch of the network's as images again: the normalisation undone, 0 to 255."""
    mean, std = resample.mean_and_std(batch.device)
    values = (batch * std + mean).mul(255).round().clamp(0, 255)
    return values.byte().permute(0, 2, 3, 1).cpu()


def draw_sheet(
    images: UInt8[Tensor, "n h w rgb=3"],
    captions: Sequence[str],
    columns: int,
    inks: Sequence[Colour] | None = None,
    marks: Sequence[tuple[Colour, Float[Tensor, "n point 2"]]] = (),
) -> Image.Image:
    """The images in rows, each above its caption; small ones are enlarged by whole factors.

    Args:
        images: all of one size.
        captions: one per image, of one line or two, each cut off where it does not fit.
        columns: images a row.
        inks: colour of each caption; None for dark ones.
        marks: crosses of a colour, at places in [-1, 1] from edge to edge; none outside.
    """
    height, width = images.shape[1:3]
    factor = max(1, -(-MIN_SIDE // max(height, width)))
    wide, high = width * factor, height * factor
    rows = -(-len(images) // columns)
    below = LINE * max(caption.count("\n") + 1 for caption in captions)
    size = (columns * (wide + MARGIN) + MARGIN, rows * (high + below + MARGIN) + MARGIN)
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), typeface()
    inks = inks or [INK] * len(captions)
    for i, (image, caption, ink) in enumerate(zip(images, captions, inks, strict=True)):
        left = MARGIN + i % columns * (wide + MARGIN)
        top = MARGIN + i // columns * (high + below + MARGIN)
        # not smoothed: each pixel that the network gets is seen
        shown = Image.fromarray(image.numpy()).resize((wide, high), Image.Resampling.NEAREST)
        sheet.paste(shown, (left, top))
        for colour, places in marks:
            for x, y in places[i].tolist():
                if max(abs(x), abs(y)) <= 1:
                    draw_cross(pen, left + (x + 1) / 2 * wide, top + (y + 1) / 2 * high, colour)
        for number, line in enumerate(caption.split("\n")):
            place = (left, top + high + 1 + LINE * number)
            pen.text(place, ellipsize(line, font, wide), ink, font)
    return sheet


def draw_cross(pen: ImageDraw.ImageDraw, x: float, y: float, colour: Colour) -> None:
    """A cross with a white edge."""
    for ink, width in ((PAPER, 4), (colour, 2)):
        pen.line((x - ARM, y, x + ARM, y), ink, width)
        pen.line((x, y - ARM, x, y + ARM), ink, width)


def typeface() -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib carries it: Latin, Greek, Cyrillic and many signs, everywhere."""
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(path, 12)


def ellipsize(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, or as much of its beginning as fits `width` px, with an ellipsis."""
    # a label may hold control characters or letters that turn the writing's direction
    shown = "".join(c if c.isprintable() else "?" for c in text)
    if font.getlength(shown) <= width:
        return shown
    while shown and font.getlength(shown + "…") > width:
        shown = shown[:-1]
    return shown + "…"


def write(path: Path, sheet: Image.Image) -> None:
    """The sheet as a PNG, whole or not at all."""
    with files.atomic_write(path) as temporary:
        sheet.save(temporary, "PNG")
