"""Heads are real: written by Pillow, zipfile, tarfile and friends, or typed from the formats."""

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile

import pytest
from PIL import Image

from pawprint.storage.file_type import HEAD_BYTES, HEADS, identify
from pawprint.vision import decode

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
JXL = b"\0\0\0\x0cJXL \r\n\x87\n"
PAGE = b"\xef\xbb\xbf\n<!-- a login --><!DOCTYPE html><html><body>Sign in</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def save_image(image_format: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (40, 30)).save(file, image_format)
    return file.getvalue()


def head(data: bytes) -> bytes:
    return data[:HEAD_BYTES]


@pytest.mark.parametrize("image_format", decode.FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_the_six_formats_that_presize_decodes_are_images(image_format: str, mode: str) -> None:
    file_type = identify(head(save_image(image_format, mode)))
    assert (file_type.name, file_type.is_image) == (image_format, True)


def test_no_other_type_is_an_image() -> None:
    named = {file_type.name for _, file_type in HEADS if file_type.is_image}
    assert named | {"BMP", "TIFF"} == set(decode.FORMATS)


@pytest.mark.parametrize(
    ("image_format", "name"),
    [
        *[("AVIF", "AVIF"), ("JPEG2000", "JPEG 2000"), ("ICO", "ICO"), ("PPM", "PPM")],
        *[("EPS", "EPS"), ("DDS", "DDS"), ("PDF", "PDF"), ("QOI", "QOI")],
    ],
)
def test_other_formats_that_pillow_writes_are_named(image_format: str, name: str) -> None:
    data = save_image(image_format)
    file_type = identify(head(data))
    assert (file_type.name, file_type.is_image) == (name, False)


def tiff(*tags: tuple[int, int], order: str = "<") -> bytes:
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (HEIC, "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x1cftypisom\0\0\0\0isomavc1mp41", "a video (MP4)"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video (MOV)"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "camera raw"),
        (JXL, "JPEG XL"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"8BPS\0\1" + bytes(6), "PSD"),
        (b"II*\0\x10\0\0\0CR\2\0", "camera raw"),
        (b"IIRO\x08\0\0\0", "camera raw"),
        (tiff((254, 1), (256, 160), (330, 500)), "camera raw"),  # as a NEF or an ARW has it
        (tiff((254, 1), (330, 500), order=">"), "camera raw"),
        (tiff((254, 0), (50706, 0x401)), "camera raw"),  # DNGVersion
        (tiff((254, 0), (256, 160), (330, 500)), "TIFF"),  # a pyramid, whose first image is whole
        (PAGE, "a web page (HTML)"),
        ("<html>".encode("utf-16"), "a web page (HTML)"),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html>', "a web page (HTML)"),
        (b'<?xml version="1.0"?><svg width="1">', "SVG"),
        (b"<html><body><svg >", "a web page (HTML)"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
        (b"<annotation><folder>x</folder>", "XML"),
        (json.dumps({"message": "Not Found"}).encode(), "JSON"),
        (b"[\n  1, 2]", "JSON"),
        (b"[.ShellClassInfo]\r\nIconFile=x", "text"),
        (b"[null hypothesis]", "JSON"),
        (POINTER, "a pointer of Git LFS"),
        (b"/annex/objects/SHA256E-s12--ab.jpg\n", "a pointer of git-annex"),
        (b"outs:\n- md5: 0123\n  path: pets\n", "a pointer of DVC"),
        (b"Rar!\x1a\x07\1\0", "a rar archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\x28\xb5\x2f\xfd", "a zst archive"),
        (gzip.compress(b"x", mtime=0), "a gz archive"),
        (bz2.compress(b"x"), "a bz2 archive"),
        (lzma.compress(b"x"), "an xz archive"),
        (b"RIFF\0\0\0\0WAVEfmt ", "sound"),
        (b"RIFF\0\0\0\0AVI LIST", "a video (AVI)"),
        (b"\0\5\26\7\0\2\0\0Mac OS X", "AppleDouble (macOS's own)"),
        (b"\0\0\0\1Bud1", "a .DS_Store (macOS's own)"),
        (bytes(300), "only zero bytes"),
        (b"", "empty (0 bytes)"),
        ("Größe, naïve".encode() + "é".encode()[:1], "text"),  # cut within a letter
        (b"a,b\r\n1,2\r\n", "text"),
        (b"BM, the British Museum, " + bytes(20), "unknown"),
        (b"\xff\xd9\1nothing", "unknown"),
        ("naïve, in an older encoding".encode("latin-1"), "text"),
        (b"P5 is a page", "text"),
        (b"IInstitute", "text"),
        (b"\0\0\1\0\0\0", "unknown"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, name: str) -> None:
    file_type = identify(data)
    assert file_type.name == name
    assert file_type.is_image == (name == "TIFF")


def test_archives_are_told_apart() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("x", b"")
    assert identify(head(file.getvalue())).name == "a zip archive"
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    assert identify(head(file.getvalue())).name == "a tar archive"


def test_a_name_tells_a_raw_file_that_looks_like_any_tiff() -> None:
    data = head(save_image("TIFF"))
    assert identify(data, "a/IMG_1.PEF").name == "camera raw"
    assert identify(data, "a/IMG_1.tif").is_image


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (HEIC, "convert it to JPEG or PNG"),
        (PAGE, "download it again"),
        (POINTER, "`git lfs pull`"),
        (b"", "copy it again"),
        (b"Rar!\x1a\x07\1\0", "unpack it"),
    ],
)
def test_the_advice_says_what_helps(data: bytes, advice: str) -> None:
    assert advice in identify(data).advice


@pytest.mark.parametrize("length", [1, 2, 3, 8, 11, 15])
def test_a_head_that_is_cut_is_no_error(length: int) -> None:
    for image_format in decode.FORMATS:
        identify(save_image(image_format)[:length])
    identify(HEIC[:length])
    identify(tiff((254, 1))[:length])
