"""Transparent parts are laid on the ground as by the formula in floats: the slower second way."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pawprint.core import colors
from pawprint.vision import cache_writer, decode, transparency
from tests import caches
from tests.imagefiles import png, save_image, tiff

GROUNDS = ("white", "black", "Tomato", "#0a141e")
RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (23, 31, 4)).astype(np.uint8)
GREY = RNG.integers(0, 256, (23, 31, 2)).astype(np.uint8)
INDEX = RNG.integers(0, 16, (23, 31)).astype(np.uint8)
PALETTE = RNG.integers(0, 256, (16, 3)).astype(np.uint8)
OPACITY = RNG.integers(0, 256, 16).astype(np.uint8)


def by_float(rgb: np.ndarray, alpha: np.ndarray, ground: str) -> np.ndarray:
    share = alpha[..., None].astype(np.float64) / 255
    below = np.array(colors.parse_colour(ground), dtype=np.float64)
    return np.rint(rgb.astype(np.float64) * share + below * (1 - share)).astype(np.uint8)


def decode_file(data: bytes, ground: str | None = "white") -> np.ndarray:
    with decode.without_warnings():
        return decode.decode(data, ground).pixels.numpy()


def grey3(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2)


def palette_image() -> Image.Image:
    image = Image.fromarray(INDEX, "P")
    image.putpalette(PALETTE.tobytes())
    return image


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_colours_with_alpha_lie_on_the_ground(image_format: str, ground: str) -> None:
    options = {"WEBP": {"lossless": True, "exact": True}}.get(image_format, {})
    data = save_image(Image.fromarray(COLOUR), image_format, **options)
    assert np.array_equal(
        decode_file(data, ground), by_float(COLOUR[..., :3], COLOUR[..., 3], ground)
    )


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_greys_with_alpha_lie_on_the_ground(image_format: str) -> None:
    data = save_image(Image.fromarray(GREY), image_format)
    assert np.array_equal(
        decode_file(data, "#0a141e"), by_float(grey3(GREY[..., 0]), GREY[..., 1], "#0a141e")
    )


@pytest.mark.parametrize("entries", [3, OPACITY.tobytes(), OPACITY.tobytes()[:5]])
@pytest.mark.parametrize("options", [{}, {"bits": 4}])
def test_a_palette_with_transparent_entries_lies_on_the_ground(
    entries: int | bytes, options: dict[str, int]
) -> None:
    alpha = np.full(16, 255, np.uint8)
    if isinstance(entries, int):
        alpha[entries] = 0
    else:
        alpha[: len(entries)] = list(entries)
    data = save_image(palette_image(), "PNG", transparency=entries, **options)
    assert np.array_equal(decode_file(data, "teal"), by_float(PALETTE[INDEX], alpha[INDEX], "teal"))


def test_the_transparent_entry_of_a_gif_lies_on_the_ground() -> None:
    data = save_image(palette_image(), "GIF", transparency=3)
    alpha = np.where(INDEX == 3, 0, 255).astype(np.uint8)
    assert np.array_equal(decode_file(data, "lime"), by_float(PALETTE[INDEX], alpha, "lime"))


def test_a_palette_with_an_alpha_channel_lies_on_the_ground() -> None:
    pixels = np.stack([INDEX, GREY[..., 1]], axis=2)
    image = Image.frombytes("PA", (31, 23), pixels.tobytes())
    image.putpalette(PALETTE.tobytes())
    alpha = transparency.opacity(image, 8)
    assert alpha is not None and np.array_equal(alpha, GREY[..., 1])
    laid = transparency.flatten(image, alpha, "white")
    assert np.array_equal(laid, by_float(PALETTE[INDEX], GREY[..., 1], "white"))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_lies_on_the_ground(bits: int) -> None:
    top = 2**bits - 1
    steps = RNG.integers(0, min(top, 5) + 1, (9, 13)) * (top // min(top, 5))
    for key in (0, top):
        data = png(steps, bits, 0, struct.pack(">H", key))
        alpha = np.where(steps == key, 0, 255).astype(np.uint8)
        expected = by_float(grey3(np.rint(steps * 255 / top)), alpha, "gold")
        assert np.array_equal(decode_file(data, "gold"), expected)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_transparent_colour_of_a_png_lies_on_the_ground(bits: int) -> None:
    steps = RNG.integers(0, 3, (9, 13, 3)) * 100
    stored = steps if bits == 8 else steps * 256 + 7  # shown are the upper 8 bits
    key = [100, 0, 200] if bits == 8 else [100 * 256 + 7, 7, 200 * 256 + 7]
    data = png(stored, bits, 2, struct.pack(">HHH", *key))
    alpha = np.where((steps == [100, 0, 200]).all(axis=2), 0, 255).astype(np.uint8)
    assert 0 < (alpha == 0).sum() < alpha.size
    assert np.array_equal(decode_file(data, "navy"), by_float(steps, alpha, "navy"))


@pytest.mark.parametrize("colour_type", [4, 6])
def test_sixteen_bits_with_alpha_lie_on_the_ground(colour_type: int) -> None:
    channels = {4: 2, 6: 4}[colour_type]
    values = RNG.integers(0, 256, (9, 13, channels))
    shown = values[..., :-1] if channels == 4 else grey3(values[..., 0])
    expected = by_float(shown, values[..., -1], "white")
    assert np.array_equal(decode_file(png(values * 257, 16, colour_type)), expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_premultiplied_greys_of_a_tiff_lie_on_the_ground(order: str) -> None:
    alpha = GREY[..., 1].astype(np.float64)
    stored = np.rint(GREY[..., 0] * alpha / 255).astype(np.uint8)
    pixels = np.stack([stored, GREY[..., 1]], axis=2)
    data = tiff(pixels.tobytes(), 31, 23, {277: 2, 338: 1}, order)
    # two values of 8 bits a pixel stand in the entry itself
    two = struct.pack(f"{order}HHI", 258, 4, 1), struct.pack(f"{order}HHIHH", 258, 3, 2, 8, 8)
    data = data.replace(two[0] + struct.pack(f"{order}I", 8), two[1], 1)
    assert Image.open(io.BytesIO(data)).mode == "La"
    expected = np.rint(stored + 100 * (1 - alpha / 255)).astype(np.uint8)
    assert np.array_equal(decode_file(data, "#646464"), grey3(expected))


def test_hidden_colours_do_not_leak_into_the_squeezed_image() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3] = RNG.integers(0, 256, (64, 64, 3))  # under an alpha of 0
    pixels[20:40, 20:40] = (0, 0, 0, 255)
    clean = np.full_like(pixels, 255)
    clean[20:40, 20:40] = (0, 0, 0, 255)
    files = [save_image(Image.fromarray(one), "PNG") for one in (pixels, clean)]
    image = [cache_writer.decode_to_square("a", data, 24, "white").pixels for data in files]
    assert image[0] is not None and image[1] is not None
    assert np.array_equal(image[0].numpy(), image[1].numpy())


def test_a_drawing_turned_by_its_exif_lies_on_the_ground_upright() -> None:
    exif = Image.Exif()
    exif[decode.ORIENTATION] = 6
    data = save_image(Image.fromarray(COLOUR), "PNG", exif=exif)
    expected = by_float(COLOUR[..., :3], COLOUR[..., 3], "white")
    assert np.array_equal(decode_file(data), np.rot90(expected, -1))
    indexed = save_image(palette_image(), "PNG", exif=exif, transparency=OPACITY.tobytes())
    expected = by_float(PALETTE[INDEX], OPACITY[INDEX], "white")
    assert np.array_equal(decode_file(indexed), np.rot90(expected, -1))


def test_a_bmp_whose_byte_of_opacity_is_empty_is_opaque() -> None:
    # BITFIELDS with a mask of the fourth byte, as some screenshots have it
    head = struct.pack("<IiiHHIIiiII", 108, 31, -23, 1, 32, 3, 0, 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"sRGB" + bytes(48)
    for opacity in (0, COLOUR[..., 3]):
        pixels = COLOUR[..., [2, 1, 0, 3]].copy()
        pixels[..., 3] = opacity
        start = 14 + len(head) + len(masks)
        file = struct.pack("<HIHHI", 0x4D42, start + pixels.nbytes, 0, 0, start)
        data = file + head + masks + pixels.tobytes()
        assert Image.open(io.BytesIO(data)).mode == "RGBA"
        alpha = COLOUR[..., 3] if np.any(opacity) else np.full((23, 31), 255, np.uint8)
        assert np.array_equal(decode_file(data), by_float(COLOUR[..., :3], alpha, "white"))


@pytest.mark.parametrize("ground", [*GROUNDS, None])
def test_an_image_whose_alpha_is_opaque_is_as_one_without(ground: str | None) -> None:
    opaque = np.dstack([COLOUR[..., :3], np.full((23, 31), 255, np.uint8)])
    greys = np.dstack([GREY[..., 0], np.full((23, 31), 255, np.uint8)])
    for pixels in (opaque, greys):
        image = Image.fromarray(pixels)
        plain = np.asarray(image.convert("RGB"))
        result = decode.decode(save_image(image, "PNG"), ground)
        assert np.array_equal(result.pixels.numpy(), plain) and not result.is_transparent
    indexed = save_image(palette_image(), "PNG", transparency=b"\xff" * 16)
    assert np.array_equal(decode_file(indexed, ground), PALETTE[INDEX])


def test_without_a_ground_the_hidden_colours_show_as_in_older_models() -> None:
    image = decode.decode(save_image(Image.fromarray(COLOUR), "PNG"), None)
    assert np.array_equal(image.pixels.numpy(), COLOUR[..., :3]) and image.is_transparent
    assert np.array_equal(
        decode_file(save_image(Image.fromarray(GREY), "PNG"), None), grey3(GREY[..., 0])
    )
    for entries in (3, OPACITY.tobytes()):
        data = save_image(palette_image(), "PNG", transparency=entries)
        assert np.array_equal(decode_file(data, None), PALETTE[INDEX])


values = st.integers(0, 255)


@settings(max_examples=50, deadline=None)
@given(st.tuples(values, values, values, values), st.tuples(values, values, values))
def test_any_colour_on_any_ground_is_rounded_to_the_nearest(
    pixel: tuple[int, int, int, int], below: tuple[int, int, int]
) -> None:
    ground = "#{:02x}{:02x}{:02x}".format(*below)
    rgb, alpha = np.array([[pixel[:3]]], np.uint8), np.array([[pixel[3]]], np.uint8)
    laid = transparency.lay(rgb, alpha, ground)
    for value, under, result in zip(pixel, below, laid[0, 0].tolist(), strict=False):
        exact = (value * pixel[3] + under * (255 - pixel[3])) / 255
        assert abs(result - exact) <= 0.5


def test_a_tall_image_is_laid_row_by_row_as_a_whole() -> None:
    pixels = RNG.integers(0, 256, (transparency.ROWS * 2 + 5, 3, 4)).astype(np.uint8)
    laid = transparency.lay(pixels[..., :3], pixels[..., 3], "white")
    assert np.array_equal(laid, by_float(pixels[..., :3], pixels[..., 3], "white"))


@pytest.mark.parametrize("text", ["whit", "#12345", "#gggggg", "", "rgb(1,2,3)", "transparent", 3])
def test_what_is_no_colour_is_refused_with_what_may_stand_there(text: object) -> None:
    with pytest.raises(ValueError, match="must be a colour's name, such as white, or '#rrggbb'"):
        colors.check_colour(text)


def test_a_colour_that_yaml_takes_for_a_comment_and_a_near_name_are_explained() -> None:
    with pytest.raises(ValueError, match="in quotes, because otherwise # starts a comment"):
        colors.check_colour(None)
    with pytest.raises(ValueError, match=r"did you mean white\?"):
        colors.check_colour("whitee")


def test_the_presize_stage_asks_for_the_ground_of_params(project: Path) -> None:
    """The whole way: params.yaml, archive, cache."""
    from pawprint.storage import folders
    from stages import presize as stage

    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("background: white", "background: '#0a141e'"))
    Path("own").mkdir()
    for i in range(2):
        clear = np.zeros((32, 32, 4), np.uint8)
        clear[: 8 * i] = 255
        Path(f"own/a_{i}.png").write_bytes(save_image(Image.fromarray(clear), "PNG"))
    Path("data/raw/pictures").mkdir(parents=True)
    folders.pack(Path("own"), Path("data/raw/pictures/archive"))
    stage.main()
    rows = np.load(Path("data/presized", caches.BLOCK))
    assert rows[0].reshape(-1, 3).tolist() == [[10, 20, 30]] * 32 * 32
    assert rows[1][0, 0].tolist() == [255, 255, 255] and rows[1][-1, -1].tolist() == [10, 20, 30]
