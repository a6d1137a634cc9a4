"""What is odd about an image is told: one colour, a range that is not used, more frames."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits, load_sample_images

from pawprint.storage import archives
from pawprint.vision import cache_writer, decode, frames, oddities, tiff
from pawprint.vision.oddities import Oddities
from tests.imagefiles import pages, png, save_image
from tests.imagefiles import tiff as one_page

RNG = np.random.default_rng(0)
PHOTO: np.ndarray = load_sample_images().images[0]


def inspect(data: bytes, ground: str | None = "white") -> Oddities:
    with decode.without_warnings():
        return oddities.inspect(decode.decode(data, ground))


def noisy(level: float, sigma: float, size: int = 224) -> np.ndarray:
    return np.clip(RNG.normal(level, sigma, (size, size, 3)), 0, 255).astype(np.uint8)


def drawing(size: int, length: int, width: int = 1, ink: int = 0, paper: int = 255) -> Image.Image:
    """One line on paper."""
    image = Image.new("L", (size, size), paper)
    ImageDraw.Draw(image).line((20, 20, 20 + length, 20 + length // 3), fill=ink, width=width)
    return image


def scan() -> np.ndarray:
    """An empty page with dust on it."""
    page = np.clip(RNG.normal(245, 2, (1500, 1100, 3)), 0, 255).astype(np.uint8)
    for x, y in RNG.integers(0, 1090, (25, 2)):
        page[y : y + 3, x : x + 3] = 120
    return page


def fax() -> Image.Image:
    """A blank page of a fax, with a few specks."""
    page = np.full((1100, 850), 255, np.uint8)
    page[RNG.random(page.shape) < 5e-5] = 0
    return Image.fromarray(page).convert("1")


PLAIN = {
    "black": (save_image(Image.new("RGB", (60, 40)), "JPEG"), "black"),
    "white": (save_image(Image.new("L", (60, 40), 255), "PNG"), "white"),
    "red": (save_image(Image.new("RGB", (60, 40), (200, 40, 40)), "PNG"), "#c82828"),
    "one pixel": (save_image(Image.new("RGB", (1, 1), (128, 128, 128)), "PNG"), "grey"),
    "thin": (save_image(Image.new("L", (1, 3000), 128), "PNG"), "grey"),
    "paper with noise": (save_image(Image.fromarray(noisy(250, 3)), "JPEG"), "white"),
    "paper with little noise": (save_image(Image.fromarray(noisy(247, 1, 40)), "PNG"), "white"),
    "paper with more noise": (save_image(Image.fromarray(noisy(246, 4)), "PNG"), "white"),
    "a scan with dust": (save_image(Image.fromarray(scan()), "JPEG"), "white"),
    "a blank fax": (save_image(fax(), "TIFF", compression="group4"), "white"),
    "white of 16 bits": (
        save_image(Image.fromarray(np.full((9, 9), 65500, np.uint16)), "PNG"),
        "white",
    ),
    "black of 16 bits": (save_image(Image.fromarray(np.zeros((9, 9), np.uint16)), "TIFF"), "black"),
    "one bit": (save_image(Image.new("1", (50, 50), 1), "PNG"), "white"),
    "a palette of one colour": (save_image(Image.new("P", (50, 50), 0), "GIF"), "black"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_an_image_of_one_colour_is_told_by_its_colour(name: str) -> None:
    data, colour = PLAIN[name]
    result = inspect(data)
    assert (result.colour, result.span) == (colour, None)


SEEN = {
    **{f"a photograph × {f}": PHOTO * f for f in (1, 0.3, 0.1, 0.07)},
    "a hazy photograph": PHOTO * 0.08 + 170,
    "a thin line": drawing(400, 200),
    "a short line": drawing(200, 60),
    "a line on a large page": drawing(1500, 900),
    "a small sign on a page": drawing(600, 9, 9),
    "a pencil's line": drawing(400, 300, 3, 222, 250),
    "a faint shape": drawing(300, 100, 40, 230, 250),
    "a gradient": np.linspace(150, 172, 300)[:, None, None] + np.zeros((1, 200, 3)),
    "strong noise": noisy(128, 23),
    "two pixels": np.array([[[0] * 3], [[255] * 3]]),
    "lamps at night": drawing(600, 60, 8, 230, 3),
}


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("name", SEEN)
def test_an_image_with_something_to_be_seen_is_not_told(name: str, image_format: str) -> None:
    image = Image.fromarray(np.asarray(SEEN[name]).astype(np.uint8))
    assert inspect(save_image(image, image_format)) == oddities.ORDINARY


def test_nothing_is_odd_about_the_digits() -> None:
    for values in load_digits().images:
        image = Image.fromarray(np.rint(values * 255 / 16).astype(np.uint8))
        assert inspect(save_image(image, "PNG")) == oddities.ORDINARY


@pytest.mark.photographs
def test_nothing_is_odd_about_real_photographs(sample: Path) -> None:
    contents = archives.read_files(sample, archives.image_names(sample)[::10])
    result = cache_writer.decode_all(contents, 8, "white", workers=1)
    assert {image.odd for image in result} == {oddities.ORDINARY}


def ramp(low: int, high: int) -> np.ndarray:
    return np.linspace(low, high, 48)[None] + np.zeros((40, 1))


NARROW = {
    **{
        f"{bits} bits in 16": (
            save_image(Image.fromarray(ramp(0, 2**bits - 1).astype("<u2")), kind),
            65535,
        )
        for bits, kind in ((8, "PNG"), (10, "PNG"), (12, "TIFF"), (14, "PNG"))
    },
    "12 bits in a TIFF of the other byte order": (
        one_page(ramp(0, 4095).astype(">u2").tobytes(), 48, 40, {258: 16}, ">"),
        65535,
    ),
    "12 bits in 16 a colour": (png(np.dstack([ramp(0, 4095).astype(int)] * 3), 16, 2), 65535),
    "14 bits in 16 a colour": (png(np.dstack([ramp(0, 16383).astype(int)] * 3), 16, 2), 65535),
    "an eighth": (save_image(Image.fromarray(ramp(30000, 31000).astype("<u2")), "PNG"), 65535),
    "class numbers 0 and 1": (
        save_image(Image.fromarray(ramp(0, 1).round().astype("u1")), "PNG"),
        255,
    ),
    "class numbers 0 to 15": (save_image(Image.fromarray(ramp(0, 15).astype("u1")), "BMP"), 255),
    "a sixteenth": (save_image(Image.fromarray(ramp(120, 135).astype("u1")), "PNG"), 255),
}
ENDS = {
    **{"8 bits in 16": (0, 255), "10 bits in 16": (0, 1023), "12 bits in 16": (0, 4095)},
    **{"14 bits in 16": (0, 16383), "an eighth": (30000, 31000), "a sixteenth": (120, 135)},
    "12 bits in a TIFF of the other byte order": (0, 4095),
    **{"12 bits in 16 a colour": (0, 4095), "14 bits in 16 a colour": (0, 16383)},
    **{"class numbers 0 and 1": (0, 1), "class numbers 0 to 15": (0, 15)},
}


@pytest.mark.parametrize("name", NARROW)
def test_a_range_that_is_mostly_unused_is_told_by_its_ends(name: str) -> None:
    data, white = NARROW[name]
    result = inspect(data)
    assert (result.span, result.white, result.colour) == (ENDS[name], white, "")


def test_the_whole_range_is_nothing_odd() -> None:
    for data in (
        save_image(Image.fromarray(ramp(0, 65535).astype("<u2")), "PNG"),
        save_image(Image.fromarray(ramp(0, 32767).astype("<u2")), "TIFF"),
        png(np.dstack([ramp(0, 65535).astype(int)] * 3), 16, 2),
        save_image(
            Image.fromarray(ramp(0, 255).round().astype("u1") // 255 * 255).convert("1"), "PNG"
        ),
    ):
        assert inspect(data).span is None and inspect(data).colour == ""


def test_the_twelve_bits_that_a_tiff_names_reach_white() -> None:
    values = np.linspace(0, 4095, 32).astype(int)
    bits = "".join(f"{value:012b}" for value in values.tolist())
    row = int(bits, 2).to_bytes(len(bits) // 8, "big")
    image = decode.decode(one_page(row * 4, 32, 4, {258: 12}), "white")
    assert np.array_equal(image.pixels[0, :, 0].numpy(), np.rint(values * 255 / 4095))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_whose_zero_is_white_is_not_shown_as_a_negative(bits: int) -> None:
    top = 2**bits - 1
    values = np.linspace(0, top, 32).round().astype(f"<u{bits // 8}")
    data = one_page(values.tobytes() * 4, 32, 4, {258: bits, 262: 0})
    shown = decode.decode(data, "white").pixels[0, :, 0].numpy()
    assert np.array_equal(shown, np.rint((top - values.astype(float)) * 255 / top))


def animation(image_format: str, count: int, **options: object) -> bytes:
    images = [Image.fromarray(noisy(128, 60, 20)) for _ in range(count)]
    return save_image(images[0], image_format, save_all=True, append_images=images[1:], **options)


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_frames_and_pages_are_counted(image_format: str, count: int) -> None:
    data = animation(image_format, count)
    assert inspect(data).frames == count == getattr(Image.open(io.BytesIO(data)), "n_frames", 1)


def test_an_animated_png_with_a_still_image_before_it_has_one_more() -> None:
    assert inspect(animation("PNG", 4, default_image=True)).frames == 4


def test_a_big_tiff_is_counted_too() -> None:
    assert inspect(animation("TIFF", 3, big_tiff=True)).frames == 3


def test_smaller_copies_and_masks_of_a_tiffs_page_are_no_pages() -> None:
    assert tiff.count_pages(pages([0, 1, 1, 4])) == 1
    assert tiff.count_pages(pages([0, 1, 0, 2])) == 3


def test_a_phones_second_image_is_no_page_and_another_view_is() -> None:
    images = [Image.fromarray(noisy(128, 60, 20)) for _ in range(2)]
    data = save_image(images[0], "MPO", save_all=True, append_images=images[1:])
    image = Image.open(io.BytesIO(data))
    assert image.format == "MPO" and inspect(data).frames == 1
    length = getattr(image, "mpinfo")[0xB002][0]["Size"]  # noqa: B009 - Pillow does not declare it
    at = data.index(struct.pack("<II", 0x030000, length)) + 16  # the entry of the second image
    stereo = data[:at] + struct.pack("<I", 0x020002) + data[at + 4 :]
    assert inspect(stereo).frames == 2


def test_a_table_of_pages_that_runs_in_circles_or_wild_ends() -> None:
    two = bytearray(pages([0, 0]))
    loop = bytes(two).replace(struct.pack("<I", 8 + 2 + 9 * 12 + 4 + 4), struct.pack("<I", 8))
    assert tiff.count_pages(loop) == 1
    for end in range(len(two)):
        assert tiff.count_pages(bytes(two[:end])) in (1, 2)
    wild = b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(12 * 65535) + struct.pack("<I", 9)
    assert tiff.count_pages(wild * 20) >= 1


def test_a_gif_that_is_cut_at_any_byte_has_no_more_frames_than_the_whole() -> None:
    data = animation("GIF", 3)
    image = Image.open(io.BytesIO(data))
    counts = [frames.count_frames(image, data[:end]) for end in range(len(data))]
    assert counts == sorted(counts) and set(counts) == {1, 2, 3}


def names_in(**images: Oddities) -> list[str]:
    return list(oddities.notes([*images.items()], "white"))


def test_the_notes_name_and_count_what_is_odd() -> None:
    assert names_in(a=Oddities(), b=Oddities()) == []
    assert names_in(a=Oddities(colour="black"), b=Oddities()) == [
        "1 of 2 images is blank, of one colour or nearly: a (black); look at them, and fix or "
        "remove "
        "them, because they show nothing"
    ]
    dark = [Oddities(span=span, white=65535) for span in ((125, 3000), (90, 3750))]
    assert names_in(a=dark[0], b=dark[1], c=Oddities()) == [
        "2 of 3 images are nearly black: the values are 90 to 3,750 of 65,535 (12-bit values in 16 "
        "bits): a, b; save them with 8 bits, scaled to 0-255"
    ]
    assert names_in(a=Oddities(span=(0, 1))) == [
        "1 of 1 images is nearly black: the values are 0 to 1 of 255: a; save them scaled to "
        "0-255; or are they masks of class numbers, not photos?"
    ]
    assert names_in(a=Oddities(frames=3), b=Oddities(frames=12)) == [
        "2 of 2 images are the first of several frames or pages in the file, and the others are "
        "not used: a (3), b (12); to use them, save each as its own file"
    ]
    clear = Oddities(is_transparent=True)
    assert names_in(a=clear, b=Oddities(), c=clear) == [
        "2 of 3 images are partly transparent, and shown on presize.background white: a, c"
    ]
    assert list(oddities.notes([("a", clear)], None)) == []


def test_drawings_of_the_grounds_own_colour_are_told_as_such() -> None:
    ink = np.zeros((60, 60, 4), np.uint8)
    ink[20:40, 20:40, 3] = 255  # black on nothing
    data = save_image(Image.fromarray(ink), "PNG")
    assert inspect(data) == Oddities(is_transparent=True)
    result = inspect(data, "black")
    assert result.colour == "black"
    first = next(oddities.notes([("a.png", result)], "black"))
    assert "1 of them have transparent parts, where another background may show more" in first
