"""A file that cannot be decoded is told as what it is, in one line, with what helps."""

import numpy as np
import pytest
from PIL import Image

from pawprint.vision import cache_writer
from tests.conftest import picture
from tests.imagefiles import save_image, tiff

FORBIDDEN = b"<!DOCTYPE html><html><body>403 Forbidden</body></html>"
LIMIT = b'{"error": "rate limit"}'
NOISE = b"\5\6\7\x08" + bytes(range(129, 200))
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(300)
CUT = "truncated or damaged: the file ends before its image does; copy or download it again"
DAMAGED = "damaged: its pixels cannot be decompressed; copy or download it again"
HEAD = "damaged: it starts like a {}, but contains no readable image; copy it again"


def patch(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def frame(marker: int, bits: int) -> bytes:
    """A JPEG of another kind, by the head of its frame."""
    data = picture()
    return patch(
        patch(data, data.index(b"\xff\xc0") + 1, bytes([marker])),
        data.index(b"\xff\xc0") + 4,
        bytes([bits]),
    )


def grey(bits: int, sample_format: int = 1, compression: int = 1) -> bytes:
    tags = {258: bits, 259: compression, 339: sample_format}
    return tiff(bytes(8 * 8 * 8), 8, 8, tags)


TWELVE = frame(0xC1, 12)
WORDS = {
    "empty (0 bytes); the copy or download was interrupted: copy it again": b"",
    "only zero bytes, not an image; the copy or download was interrupted: copy it again": bytes(
        900
    ),
    "a web page (HTML), not an image; a server sent it instead of the file: download it "
    "again": FORBIDDEN,
    "JSON, not an image; a server sent it instead of the file: download it again": LIMIT,
    "a pointer of Git LFS, not an image; the file itself is elsewhere: `git lfs pull`": LFS,
    "text, not an image": b"not found\n",
    "AVIF, which is not supported; convert it to JPEG or PNG": picture(kind="AVIF"),
    "HEIC, which is not supported; convert it to JPEG or PNG": HEIC,
    "JPEG 2000, which is not supported; convert it to JPEG or PNG": picture(kind="JPEG2000"),
    "PDF, not an image": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3",
    "EPS, which is not supported; convert it to JPEG or PNG": picture(kind="EPS"),
    "a zip archive, not an image; unpack it": b"PK\3\4" + bytes(60),
    "unknown format: it starts with the bytes 05 06 07 08 81 82 83 84": NOISE,
    "a JPEG of an unsupported kind (12 bits), or damaged; save it as JPEG or PNG": TWELVE,
    "a TIFF of an unsupported kind (8 bits, compression JPEG 2000), or damaged; save "
    "it as JPEG or PNG": grey(8, compression=34712),
    "a TIFF of an unsupported kind (64 bits, compression 1), or damaged; save it as "
    "JPEG or PNG": grey(64, 3),
    "32-bit grey values have no fixed white; save it with 8 or 16 bits, unsigned": grey(32, 3),
    "signed 16-bit grey values have no fixed white; save it with 8 or 16 bits, unsigned": grey(
        16, 2
    ),
    "a BMP of an unsupported kind (pixel depth 7); save it as JPEG or PNG": patch(
        picture(kind="BMP"), 28, b"\7"
    ),
    "400 megapixels, above the limit of 178; make it smaller": save_image(
        Image.new("1", (20_000, 20_000)), "PNG"
    ),
    "camera raw, which is not supported; convert it to JPEG or PNG": tiff(
        bytes(4), 2, 2, {254: 1, 330: 8}
    ),
}


@pytest.mark.parametrize("words", WORDS)
def test_each_kind_of_file_is_told_as_what_it_is(words: str) -> None:
    image = cache_writer.decode_to_square("a.jpg", WORDS[words], 16, "white")
    assert image.pixels is None and image.error == words


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_file_that_is_cut_or_damaged_is_told_so_wherever(image_format: str) -> None:
    data = picture(200, 150, kind=image_format)
    head = HEAD.format(image_format)
    for end in np.linspace(60, len(data) - 30, 40).astype(int).tolist():
        image = cache_writer.decode_to_square("a", data[:end], 16, "white").error
        assert image in (CUT, head, DAMAGED), (end, image)
    if image_format != "GIF":
        assert cache_writer.decode_to_square("a", data[: len(data) // 2], 16, "white").error == CUT


def test_damage_within_is_told_without_pillows_words() -> None:
    data = picture(200, 150, kind="PNG")
    rng, words = np.random.default_rng(0), set[str]()
    for _ in range(60):
        at = int(rng.integers(45, len(data) - 20))
        words.add(
            cache_writer.decode_to_square("a", patch(data, at, b"\xff\0\xff"), 16, "white").error
        )
    assert words <= {"", DAMAGED, CUT, HEAD.format("PNG")} and DAMAGED in words
