"""Pictures of every odd and broken kind, from a real archive through presize."""

import io
import json
import struct
import subprocess
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pawprint.storage import archives
from pawprint.vision import cache_writer, decode
from tests import caches
from tests.conftest import ROOT, SAMPLE, picture
from tests.mutants import SIDE, SIDEWAYS, bases, exif, mutants, of_size, patch
from tests.test_presize import by_pillow, save_image

Tar = Callable[[Mapping[str, bytes]], Path]


def read_cache(archive: Path, on_error: str) -> tuple[dict[str, np.ndarray], str]:
    """Each picture of the cache by its name, and what was said: the steps of stages/presize.py."""
    names = archives.image_names(archive)
    pictures = cache_writer.decode_all(
        archives.read_files(archive, names), SIDE, "white", workers=2
    )
    good, message = caches.write_cache(archive.parent, pictures, names, SIDE, on_error)
    rows = np.load(archive.parent / caches.BLOCK)
    assert rows.dtype == np.uint8 and rows.shape == (len(good), SIDE, SIDE, 3)
    return {one.name: rows[i] for i, one in enumerate(good)}, message


def alone(tar: Tar, data: bytes, name: str = "a.jpg") -> np.ndarray:
    return read_cache(tar({name: data}), "stop")[0][name]


def refusal(tar: Tar, contents: Mapping[str, bytes]) -> str:
    """What is said of bad pictures, once it is the same whether they stop it or are left out."""
    archive = tar({"good.jpg": picture(), **contents})
    with pytest.raises(ValueError, match="set presize.on_error: skip") as caught:
        read_cache(archive, "stop")
    message = str(caught.value)
    assert message.isprintable() and all(f"{name} (" in message for name in contents)
    rows, output = read_cache(archive, "skip")
    assert list(rows) == ["good.jpg"] and f"{len(contents)} of {len(contents) + 1} " in output
    assert all(f"{name} (" in output for name in contents)
    return message


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_the_bytes_tell_the_format_not_the_name(tar: Tar, kind: str, name: str) -> None:
    data = picture(50, 40, kind=kind)
    difference = alone(tar, data, name).astype(int) - by_pillow(data, SIDE)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("kind", ["PPM", "EPS", "AVIF", "TGA", "ICO", "PCX", "DDS", "JPEG2000"])
def test_a_format_that_no_suffix_stands_for_is_not_tried(tar: Tar, kind: str) -> None:
    message = refusal(tar, {"a.jpg": picture(32, 32, kind=kind)})  # an EPS would start Ghostscript
    assert "which is not supported; convert it to JPEG" in message or "unknown format" in message


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 4999)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_thin_picture_is_squeezed_as_by_pillow(
    tar: Tar, shape: tuple[int, int], kind: str
) -> None:
    data = picture(*shape, kind=kind)
    assert np.abs(alone(tar, data).astype(int) - by_pillow(data, SIDE)).max() <= 2
    image = cache_writer.decode_to_square("a", data, SIDE, "white")
    assert (image.width, image.height) == shape


def whole_cuts(data: bytes) -> list[int]:
    """The lengths at which a file that is cut there counts as whole."""
    result = {
        end: cache_writer.decode_to_square("a", data[:end], SIDE, "white")
        for end in range(len(data))
    }
    return [end for end, one in result.items() if not one.error]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_a_jpeg_cut_at_any_byte_is_refused(options: dict[str, Any]) -> None:
    assert whole_cuts(save_image(Image.open(io.BytesIO(picture(20, 17))), "JPEG", **options)) == []


@pytest.mark.parametrize(("kind", "spare"), [("PNG", 21), ("GIF", 2), ("WEBP", 0), ("BMP", 0)])
def test_a_file_cut_before_its_last_pixel_is_refused(kind: str, spare: int) -> None:
    data = picture(20, 17, kind=kind)
    # what is spared: a PNG's checksums and end, a GIF's end
    assert all(end >= len(data) - spare for end in whole_cuts(data))


def test_a_jpeg_whose_end_is_marked_too_early_is_taken_up_to_there(tar: Tar) -> None:
    data = save_image(Image.open(io.BytesIO(picture(160, 160, 2))).convert("L"), "JPEG")
    tail = data[: len(data) - len(data) // 4] + b"\xff\xd9"  # of the pets, two are like this
    whole, output = (alone(tar, one).astype(int) for one in (data, tail))
    assert np.array_equal(output[: SIDE // 4], whole[: SIDE // 4])
    assert np.ptp(output[-1]) == 0 and np.ptp(whole[-1]) > 0  # what is not there is one grey


def test_several_cut_pictures_are_named_together(tar: Tar) -> None:
    data = picture(200, 200)
    cuts = {f"at {end}.jpg": data[:end] for end in (0, 1, 2, 20, 300, 700, len(data) - 1)}
    assert refusal(tar, cuts).startswith("7 of 8 images cannot be decoded: at 0.jpg (")


def test_the_first_picture_of_an_animation_stands_for_it(tar: Tar) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("lime", "blue", "red")]
    for kind in ("PNG", "WEBP", "GIF", "TIFF", "MPO"):
        data = save_image(frames[0], kind, save_all=True, append_images=frames[1:], duration=40)
        assert np.abs(alone(tar, data).astype(int) - [0, 255, 0]).max() <= 4, kind


def square(values: list[Any], kind: type = np.uint8) -> np.ndarray:
    """A picture of the cache's size, of which each row is of one value, so that none is mixed."""
    rows: np.ndarray = np.array((values * SIDE)[:SIDE], dtype=kind)
    return np.repeat(rows[:, None], SIDE, axis=1)


# 65535 is white: 257 a grey level; 128 and less is nearest to 0
SIXTEEN = {0: 0, 128: 0, 129: 1, 255: 1, 257: 1, 386: 2, 32768: 128, 65535: 255}


@pytest.mark.parametrize("most", [128, 255, 257, 65535])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_mean_the_same_in_a_dark_picture(tar: Tar, most: int, kind: str) -> None:
    values = [value for value in SIXTEEN if value <= most]
    output = alone(tar, save_image(Image.fromarray(square(values, np.uint16)), kind))
    assert np.array_equal(output, square([[SIXTEEN[value]] * 3 for value in values]))


def png(
    kind: bytes, rows: bytes, *before: tuple[bytes, bytes], width: int = SIDE, height: int = SIDE
) -> bytes:
    """A PNG of a kind that Pillow does not write; with some chunks before its pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = (b"IHDR", struct.pack(">II", width, height) + kind)
    chunks = [head, *before, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def test_sixteen_bits_a_colour_are_scaled(tar: Tar) -> None:
    row = b"\0" + struct.pack(">HHH", 0x80FF, 0x0100, 0xFFFF) * SIDE
    output = alone(tar, png(bytes([16, 2, 0, 0, 0]), row * SIDE))
    assert np.abs(output.astype(int) - [0x80, 0x01, 0xFF]).max() <= 1


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_a_picture_without_a_fixed_white_is_refused(tar: Tar, kind: type) -> None:
    data = save_image(Image.fromarray(square([0, 1], kind)), "TIFF")  # 1 may be white, or black
    assert "32-bit grey values have no fixed white; save it with 8 or 16 bits" in refusal(
        tar, {"a.tif": data}
    )


INKS = {  # cyan, magenta, yellow, black; and the light that is left, worked out by hand
    (0, 0, 0, 0): (255, 255, 255), (255, 0, 0, 0): (0, 255, 255), (0, 255, 0, 0): (255, 0, 255),
    (0, 0, 255, 0): (255, 255, 0), (0, 255, 255, 0): (255, 0, 0), (0, 0, 0, 255): (0, 0, 0),
    (0, 0, 0, 128): (127, 127, 127), (128, 0, 0, 0): (127, 255, 255),
}  # fmt: skip


def without_adobe(jpeg: bytes) -> bytes:
    """The JPEG without the segment of Adobe's, whose writers store inks inverted."""
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "plain"])
@pytest.mark.parametrize("ink", INKS)
def test_inks_become_light_in_adobes_polarity(
    tar: Tar, ink: tuple[int, int, int, int], is_marked: bool
) -> None:
    inks = Image.fromarray(np.full((8, 8, 4), ink, np.uint8), "CMYK")
    data = save_image(inks, "JPEG", quality=100)
    assert b"Adobe" in data
    output = alone(tar, data if is_marked else without_adobe(data))
    assert np.abs(output.astype(int) - np.array(INKS[ink])).max() <= 2


def test_a_palette_that_is_too_short_gives_a_full_picture(tar: Tar) -> None:
    rows = (b"\0" + bytes([0, 9]) * (SIDE // 2)) * SIDE  # there is no colour 9
    output = alone(tar, png(bytes([8, 3, 0, 0, 0]), rows, (b"PLTE", bytes([9, 8, 7]))))
    assert output[0, 0].tolist() == [9, 8, 7]


def test_a_progressive_jpeg_is_the_baseline_one(tar: Tar) -> None:
    image = Image.open(io.BytesIO(picture(90, 70)))
    both = [save_image(image, "JPEG", progressive=flag) for flag in (False, True)]
    assert b"\xff\xc2" in both[1] and b"\xff\xc2" not in both[0]
    assert np.array_equal(alone(tar, both[0]), alone(tar, both[1]))  # of equal coefficients


ODD = {
    "a width of type BYTE": exif(SIDEWAYS, (0x100, 1, 1, b"\x01\0\0\0")),
    "bits of type LONG": exif(SIDEWAYS, (0x102, 4, 1, b"\0\x01\0\0")),
    "text of type FLOAT": exif(SIDEWAYS, (0x10E, 11, 1, b"\x40\0\0\0")),
    "a value beyond the end": exif(SIDEWAYS, (0x10E, 2, 999_999, b"\x7f\0\0\0")),
    "an entry cut off": exif(SIDEWAYS, (0x10E, 2, 4, b"abc\0"))[:-12],
    "a table that names itself": exif(SIDEWAYS, (0x8769, 4, 1, b"\0\0\0\x08")),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_exif_does_not_keep_a_picture_from_being_turned(tar: Tar, name: str) -> None:
    image = Image.open(io.BytesIO(picture(60, 40, 3)))
    plain = Image.open(io.BytesIO(save_image(image, "JPEG"))).rotate(-90, expand=True)
    result = cache_writer.decode_to_square(
        "a", save_image(image, "JPEG", exif=ODD[name]), SIDE, "white"
    )
    assert (result.width, result.height, result.error) == (40, 60, "")
    by_hand = np.asarray(plain.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(alone(tar, save_image(image, "JPEG", exif=ODD[name])) - by_hand).max() <= 1


@pytest.mark.parametrize(
    "broken",
    [
        *(b"Exif\0\0", b"Exif\0\0MM\0*", b"Exif\0\0" + bytes(40)),
        exif(SIDEWAYS, head=b"Exif\0\0XX\0*\0\0\0\x08"),
        exif(SIDEWAYS, head=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        exif((decode.ORIENTATION, 3, 1, b"\0\x09\0\0")),
        exif((decode.ORIENTATION, 2, 1, b"6\0\0\0")),
        exif((decode.ORIENTATION, 3, 0, b"\0\x06\0\0")),
    ],
)
def test_exif_that_says_nothing_leaves_the_picture_as_it_is(tar: Tar, broken: bytes) -> None:
    image = Image.open(io.BytesIO(picture(60, 40, 3)))
    assert np.array_equal(
        alone(tar, save_image(image, "JPEG", exif=broken)), alone(tar, save_image(image, "JPEG"))
    )


def test_the_exif_of_other_formats_turns_them_too(tar: Tar) -> None:
    image = Image.open(io.BytesIO(picture(60, 40, 3, "PNG")))
    turned = np.asarray(
        image.rotate(-90, expand=True).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    ).astype(int)
    for kind, data in {
        "PNG": save_image(image, "PNG", exif=exif(SIDEWAYS)[6:]),
        "WEBP": save_image(image, "WEBP", exif=exif(SIDEWAYS), lossless=True),
        "TIFF": save_image(image, "TIFF", tiffinfo={decode.ORIENTATION: 6}),
    }.items():
        assert np.abs(alone(tar, data) - turned).max() <= 1, kind


WIDE = {"width": 20_000, "height": 10_000}
BOMBS = {
    "a.jpg": of_size(picture(), **WIDE),
    "b.bmp": patch(picture(kind="BMP"), 18, *WIDE.values(), form="<i"),
    "c.gif": patch(picture(kind="GIF"), 6, *WIDE.values(), form="<H"),
    "d.png": png(bytes([8, 2, 0, 0, 0]), b"", **WIDE),
    "e.jpg": of_size(save_image(Image.new("CMYK", (8, 8)), "JPEG"), 65_500, 65_500),
}


def test_a_header_that_promises_200_megapixels_is_named_before_any_is_decoded(tar: Tar) -> None:
    started = time.perf_counter()
    message = refusal(tar, BOMBS)
    assert message.count("200 megapixels, above the limit of 178; make it smaller") == 4
    assert "4,290 megapixels" in message and "attack" not in message
    assert time.perf_counter() - started < 5


def test_warnings_are_as_before_once_odd_pictures_are_read(tar: Tar) -> None:
    odd = save_image(Image.open(io.BytesIO(picture())), "JPEG", exif=ODD["a value beyond the end"])
    with pytest.warns(UserWarning, match="larger than file"):
        Image.open(io.BytesIO(odd)).getexif()
    before = list(warnings.filters)
    for _ in range(20):
        assert read_cache(tar({f"{i}.jpg": odd for i in range(40)}), "stop")[1] == ""
        assert list(warnings.filters) == before


def in_a_child(archive: Path, seconds: int) -> dict[str, Any]:
    """The child's findings; a mutant that kills it, or holds it up, kills no test run."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.mutants", str(archive)]
    process = subprocess.run(
        command, cwd=ROOT, capture_output=True, timeout=seconds, check=False, errors="replace"
    )
    assert process.returncode == 0, process.stderr[-2000:]
    content: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return content


Record = Callable[[str, object], None]


def check(contents: Mapping[str, bytes], archive: Path, seconds: int, record: Record) -> None:
    """Each mutant is decoded as by Pillow, or named in the one line that refuses it."""
    measured = in_a_child(archive, seconds)
    kinds: dict[str, list[str]] = {}
    for name, (kind, _) in measured["verdicts"].items():
        kinds.setdefault(kind, []).append(name)
    record("cases", len(contents))
    record("slowest", max(spent for _, spent in measured["verdicts"].values()))
    for kind, names in kinds.items():
        record(kind, len(names))
    # Also damage that libjpeg only warns of: what we accept, Pillow accepts, to the same pixels.
    assert kinds.keys() == {"equal", "both refuse"}, {
        kind: names for kind, names in kinds.items() if kind not in ("equal", "both refuse")
    }
    assert measured["whole"] and sorted(measured["accepted"]) == sorted(kinds["equal"])
    for rows in (measured["stopped"], measured["left out"]):
        assert rows.startswith(f"{len(kinds['both refuse'])} of {len(contents)} images")
        assert rows.isprintable() and all(f"{name} (" in rows for name in kinds["both refuse"])
        assert not any(f"{name} (" in rows for name in kinds["equal"])


def test_a_hundred_mutants_are_decoded_as_by_pillow_or_named(
    tar: Tar, record_property: Record
) -> None:
    contents = mutants(bases(), 11, seed=0)
    check(contents, tar(contents), 120, record_property)


def photographs() -> Iterator[tuple[str, bytes]]:
    """Some real ones, where this machine has them."""
    if SAMPLE.is_file():
        names = archives.image_names(SAMPLE)[::120]
        for name, data in archives.read_files(SAMPLE, names):
            yield f"photograph {Path(name).stem}", data


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_thousands_of_mutants_are_decoded_as_by_pillow_or_named(
    tar: Tar, record_property: Record, seed: int
) -> None:
    contents = mutants(bases(), 200, seed) | mutants(dict(photographs()), 50, seed)
    check(contents, tar(contents), 600, record_property)
