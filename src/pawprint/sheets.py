"""Sheets of pictures with captions, as PNG files: equal pictures give equal bytes."""

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from pawprint import files, sampling

LEAST, MARGIN, LINE = 160, 8, 18  # px: a picture's side, between pictures, a caption's height
PAPER, INK = (255, 255, 255), (32, 32, 32)


def visible(batch: Float32[Tensor, "n rgb=3 h w"]) -> UInt8[Tensor, "n h w rgb=3"]:
    """A batch of the network's as pictures again: the normalisation undone, 0 to 255."""
    mean, std = sampling.statistics(batch.device)
    values = (batch * std + mean).mul(255).round().clamp(0, 255)
    return values.byte().permute(0, 2, 3, 1).cpu()


def sheet(
    pictures: UInt8[Tensor, "n h w rgb=3"], captions: Sequence[str], columns: int
) -> Image.Image:
    """The pictures in rows, each above its caption; small ones are enlarged by whole factors."""
    height, width = pictures.shape[1:3]
    factor = max(1, -(-LEAST // max(height, width)))
    wide, high = width * factor, height * factor
    rows = -(-len(pictures) // columns)
    size = (columns * (wide + MARGIN) + MARGIN, rows * (high + LINE + MARGIN) + MARGIN)
    made = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(made), ImageFont.load_default(13)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = MARGIN + i % columns * (wide + MARGIN)
        top = MARGIN + i // columns * (high + LINE + MARGIN)
        shown = Image.fromarray(picture.numpy()).resize((wide, high), Image.Resampling.NEAREST)
        made.paste(shown, (left, top))
        pen.text((left, top + high + 1), fitting(caption, font, wide), INK, font)
    return made


def fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, or as much of its beginning as fits `width` px, with an ellipsis."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    if font.getlength(shown) <= width:
        return shown
    while shown and font.getlength(shown + "…") > width:
        shown = shown[:-1]
    return shown + "…"


def write(path: Path, made: Image.Image) -> None:
    """The sheet as a PNG, whole or not at all."""
    with files.replacing(path) as temporary:
        made.save(temporary, "PNG")
