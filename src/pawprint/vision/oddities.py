"""What is odd about an image that was decoded without error: reported, but never left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional

from pawprint.core.findings import shorten
from pawprint.vision.decode import Decoded

SAMPLE = 32  # pixels a side that are looked at first, which is enough for most images
ROWS = 256  # looked at together in a large image
FAINT, CLEAR = 6, 32  # grey levels: of an area, and of single pixels, that differ from the rest
CELL = 4  # px a side of an area, in which noise averages out
FEW_AREAS, FEW_PIXELS = 1e-3, 2e-4  # shares of those that may differ in an image of one colour
NARROW = 15  # of 255: all that 4 bits hold


@dataclass(frozen=True)
class Oddities:
    """The oddities of one image."""

    frames: int = 1  # images in its file, of which the first is used
    is_transparent: bool = False
    colour: str = ""  # in words, where nearly all of it is of this one
    span: tuple[int, int] | None = None  # lowest and highest value, where most are not used
    white: int = 255  # the highest value that there might be


ORDINARY = Oddities()


def inspect(image: Decoded) -> Oddities:
    """What is odd about an image."""
    ordinary = Oddities(image.frames, image.is_transparent, white=image.white)
    if _is_ordinary(image.pixels):
        return ordinary
    span, colour = unused_range(image), plain_colour(image.pixels)
    if colour and not (span and _is_told_by_range(image, span, colour)):
        return replace(ordinary, colour=colour)
    return replace(ordinary, span=span)


def _is_told_by_range(image: Decoded, span: tuple[int, int], colour: str) -> bool:
    """Whether a plain image has content that scaling its values would show."""
    low, high = (int(value) for value in image.pixels.aminmax())
    is_constant = span[0] == span[1] if image.span else low == high
    return not is_constant and (high <= NARROW or (image.white > 255 and colour != "white"))


def _is_ordinary(pixels: UInt8[Tensor, "height width rgb=3"]) -> bool:
    """Whether a few of the pixels already show that the image has content."""
    height, width, _ = pixels.shape
    sample = pixels[:: -(-height // SAMPLE), :: -(-width // SAMPLE)].numpy()
    low, high = int(sample.min()), int(sample.max())
    if high <= 66 or high - low <= 2 * CLEAR:  # a quarter of the range, and 14-bit values
        return False
    far = np.abs(sample - sample.mean(axis=(0, 1), dtype=np.float32)).max(axis=2)
    return bool((far > CLEAR + FAINT).mean() > 0.05)


def unused_range(image: Decoded) -> tuple[int, int] | None:
    """The lowest and highest value, if they leave most of the range unused.

    For 8 bits that is 15 of 255 or less; for 16 bits the lower quarter, as from 14-bit cameras, or
    an eighth anywhere.
    """
    low, high = image.span or (int(value) for value in image.pixels.aminmax())
    is_deep = image.white > 255
    if is_deep and not image.span:  # of the 16 bits Pillow has kept the upper 8
        low, high = low << 8, high << 8 | 255
    is_dark = high <= image.white // (4 if is_deep else 16)
    is_narrow = high - low <= image.white // (8 if is_deep else 16)
    return (low, high) if is_dark or is_narrow else None


def plain_colour(pixels: UInt8[Tensor, "height width rgb=3"]) -> str:
    """The colour of (nearly) the whole image, in words; "" if it has content.

    Noise, dust and JPEG artefacts do not count as content; a thin line or a faint shape does.
    """
    height, width, _ = pixels.shape
    sample = pixels[:: -(-height // 64), :: -(-width // 64)]
    centre = sample.reshape(-1, 3).median(dim=0).values
    cell = CELL if min(height, width) >= 8 * CELL else 1
    clear = faint = areas = 0
    for start in range(0, height, ROWS):
        strip = pixels[start : start + ROWS]
        clear += int(_differs(strip, centre, CLEAR).sum())
        if len(strip) >= cell:  # but for the last rows, which are fewer than an area is high
            means = functional.avg_pool2d(strip.permute(2, 0, 1).float(), cell)
            far = _differs(means.permute(1, 2, 0), centre, FAINT)
            faint, areas = faint + int(far.sum()), areas + far.numel()
    if clear > FEW_PIXELS * height * width or faint > FEW_AREAS * areas:
        return ""
    return describe_colour(*(int(value) for value in centre))


def _differs(values: Tensor, centre: Tensor, by: int) -> Tensor:
    """Where red, green or blue differs by more than that from the centre."""
    return (values.float() - centre).abs().amax(dim=-1) > by


def describe_colour(red: int, green: int, blue: int) -> str:
    """A word for greys, hex digits for colours.

    >>> describe_colour(250, 251, 249), describe_colour(200, 40, 40)
    ('white', '#c82828')
    """
    values = (red, green, blue)
    if min(values) >= 240:
        return "white"
    if max(values) <= NARROW:
        return "black"
    return "grey" if max(values) - min(values) <= NARROW else f"#{red:02x}{green:02x}{blue:02x}"


def notes(images: Sequence[tuple[str, Oddities]], background: str | None) -> Iterator[str]:
    """A line for each kind of oddity: how many images of all, and which.

    Args:
        images: names, and what is odd about each image.
        background: the colour behind transparent parts; None if transparency was dropped.
    """
    total = len(images)
    plain = [(name, odd) for name, odd in images if odd.colour]
    if plain:
        names = [f"{name} ({odd.colour})" for name, odd in plain]
        blind = sum(odd.is_transparent for _, odd in plain) if background else 0
        hint = f"{blind:,} of them have transparent parts, where another background may show more; "
        yield (
            f"{_count(plain, total)} blank, of one colour or nearly: {shorten(names)}; "
            f"{hint if blind else ''}look at them, and fix or remove them, because they show "
            "nothing"
        )
    for white in sorted({odd.white for _, odd in images}):
        narrow = [(name, odd) for name, odd in images if odd.span and odd.white == white]
        if narrow:
            yield _range_note(narrow, total, white)
    several = [f"{name} ({odd.frames:,})" for name, odd in images if odd.frames > 1]
    if several:
        yield (
            f"{_count(several, total)} the first of several frames or pages in the file, and the "
            f"others are not used: {shorten(several)}; to use them, save each as its own file"
        )
    clear = [name for name, odd in images if odd.is_transparent]
    if clear and background:
        yield (
            f"{_count(clear, total)} partly transparent, and shown on presize.background "
            f"{background}: {shorten(clear)}"
        )


def _count(some: Sequence[object], total: int) -> str:
    return f"{len(some):,} of {total:,} images {'is' if len(some) == 1 else 'are'}"


def _range_note(narrow: Sequence[tuple[str, Oddities]], total: int, white: int) -> str:
    spans = [odd.span for _, odd in narrow if odd.span]
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    bits = min((bits for bits in (8, 10, 12, 14) if high < 1 << bits), default=16)
    why = f" ({bits}-bit values in 16 bits)" if white == 65535 and bits < 16 else ""
    fix = "save them with 8 bits, scaled to 0-255"
    if white == 255:
        fix = "save them scaled to 0-255; or are they masks of class numbers, not photos?"
    look = "nearly black" if high <= white // 16 else "dark" if high <= white // 4 else "flat"
    return (
        f"{_count(narrow, total)} {look}: the values are {low:,} to {high:,} of {white:,}{why}: "
        f"{shorten([name for name, _ in narrow])}; {fix}"
    )
