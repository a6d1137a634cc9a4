"""What is odd about an image that was decoded without error: told, and never left out for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional

from pawprint.decode import Decoded
from pawprint.findings import listed

SAMPLE = 64  # pixels a side of what is looked at first
ROWS = 256  # looked at together in a large image
FAINT, CLEAR = 6, 32  # grey levels: of an area, and of single pixels, that differ from the rest
CELL = 4  # px a side of an area, in which noise averages out
FEW_AREAS, FEW_PIXELS = 1e-3, 1e-4  # shares of those that may differ in an image of one colour
NARROW = 15  # of 255: all that 4 bits hold


@dataclass(frozen=True)
class Oddities:
    """Of one image."""

    frames: int = 1  # images in its file, of which the first is used
    is_transparent: bool = False
    colour: str = ""  # in words, where nearly all of it is of this one
    span: tuple[int, int] | None = None  # lowest and highest value, where most are not used
    white: int = 255  # the highest value that there might be


ORDINARY = Oddities()


def inspect(image: Decoded) -> Oddities:
    """What is odd about an image; next to no time for an ordinary one."""
    height, width, _ = image.pixels.shape
    sample = image.pixels[:: -(-height // SAMPLE), :: -(-width // SAMPLE)].reshape(-1, 3)
    span = unused_range(image, sample)
    colour = "" if span else plain_colour(image.pixels, sample)
    return Oddities(image.frames, image.is_transparent, colour, span, image.white)


def unused_range(image: Decoded, sample: UInt8[Tensor, "n rgb=3"]) -> tuple[int, int] | None:
    """The lowest and highest value, where they leave most of the range unused.

    Of 8 bits: 15 of 255 or less is used. Of 16 bits also the lower quarter alone, as 14-bit
    cameras do. An image of one single value is of one colour, which is said otherwise.
    """
    is_deep = image.white > 255
    highest = 63 if is_deep else NARROW  # of 8 bits
    low, high = (int(value) for value in sample.aminmax())
    if high > highest and high - low > NARROW * 2:
        return None  # an ordinary image: 4,096 of its pixels are enough to see it
    low, high = (int(value) for value in image.pixels.aminmax())
    is_narrow = high - low <= (2 * NARROW if is_deep else NARROW)
    if low == high or (high > highest and not is_narrow):
        return None
    if image.span:
        return image.span
    if is_deep:  # of the 16 bits Pillow has kept the upper 8
        return low << 8, high << 8 | 255
    return low, high


def plain_colour(pixels: UInt8[Tensor, "height width rgb=3"], sample: UInt8[Tensor, "n 3"]) -> str:
    """The colour of (nearly) all of it in words; "" where there is something to be seen.

    Noise, dust and what JPEG leaves around it are nothing; a thin line, or a faint shape, is.
    """
    centre = sample.median(dim=0).values
    if _differs(sample, centre, CLEAR).float().mean() > 0.01:
        return ""
    height, width, _ = pixels.shape
    cell = CELL if min(height, width) >= 8 * CELL else 1
    clear = faint = areas = 0
    for start in range(0, height, ROWS):
        strip = pixels[start : start + ROWS]
        clear += int(_differs(strip, centre, CLEAR).sum())
        planes = strip.permute(2, 0, 1).float()
        means = functional.avg_pool2d(planes, cell) if len(strip) >= cell else planes[:, :0]
        far = _differs(means.permute(1, 2, 0), centre, FAINT)
        faint, areas = faint + int(far.sum()), areas + far.numel()
    if clear > FEW_PIXELS * height * width or faint > FEW_AREAS * areas:
        return ""
    return describe_colour(*(int(value) for value in centre))


def _differs(values: Tensor, centre: Tensor, by: int) -> Tensor:
    """Where any of red, green and blue is further than that from the centre's."""
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


def notes(images: Sequence[tuple[str, Oddities]], background: str) -> Iterator[str]:
    """A line for each kind of oddity that there is: how many images of all, and which.

    Args:
        images: names, and what is odd about each.
        background: on which transparent parts were laid.
    """
    total = len(images)
    plain = [(name, odd) for name, odd in images if odd.colour]
    if plain:
        blind = sum(odd.is_transparent for _, odd in plain)
        hint = (
            f" ({blind:,} with transparent parts, laid on presize.background {background}: "
            "another colour may show what is in them)"
        )
        yield (
            f"{_count(plain, total)} of one colour, or nearly: "
            f"{listed([f'{name} ({odd.colour})' for name, odd in plain])}{hint if blind else ''}; "
            "nothing can be learned from such an image: look at it, then fix or remove it"
        )
    for white in sorted({odd.white for _, odd in images}):
        narrow = [(name, odd) for name, odd in images if odd.span and odd.white == white]
        if narrow:
            yield _range_note(narrow, total, white)
    several = [f"{name} ({odd.frames:,})" for name, odd in images if odd.frames > 1]
    if several:
        yield (
            f"{_count(several, total)} the first of several frames or pages in the file, and the "
            f"others are not used: {listed(several)}; to use them, save each as a file by itself"
        )
    clear = [name for name, odd in images if odd.is_transparent]
    if clear:
        yield (
            f"{_count(clear, total)} transparent in parts, which are laid on presize.background "
            f"{background}: {listed(clear)}"
        )


def _count(some: Sequence[object], total: int) -> str:
    return f"{len(some):,} of {total:,} images {'is' if len(some) == 1 else 'are'}"


def _range_note(narrow: Sequence[tuple[str, Oddities]], total: int, white: int) -> str:
    spans = [odd.span for _, odd in narrow if odd.span]
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    bits = high.bit_length()
    if white == 255:
        why, fix = "", "masks of class numbers are not photographs, and others need scaling to 255"
    elif bits < 16:
        why, fix = f" ({bits}-bit values in 16 bits)", "save them with 8 bits, scaled to 0-255"
    else:
        why, fix = "", "save them with 8 bits, scaled to 0-255"
    look = "nearly black" if high <= white // 16 else "dark" if high <= white // 4 else "flat"
    return (
        f"{_count(narrow, total)} {look}: the values are {low:,} to {high:,} of {white:,}{why}: "
        f"{listed([name for name, _ in narrow])}; {fix}"
    )
