"""Names in zips that do not say how they are encoded."""

import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from pawprint.storage import archives
from tests.conftest import picture

JPEG = picture()


def write_files(path: Path, raw: bytes, extra: bytes = b"", system: int = 3) -> Path:
    """A zip of one image whose folder has these bytes for a name, without the mark of UTF-8."""
    stand_in = "Z" * len(raw)
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo(f"{stand_in}/1.jpg")
        info.extra, info.create_system = extra, system
        archive.writestr(info, JPEG)
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), raw))
    return path


def test_a_name_in_utf8_that_is_not_marked_is_read(tmp_path: Path) -> None:
    listing = archives.listing(write_files(tmp_path / "x", "Hündin 犬".encode()))
    assert (listing.images, listing.notes) == (["Hündin 犬/1.jpg"], [])


@pytest.mark.parametrize(
    ("text", "encoding"), [("犬", "cp932"), ("Hündin", "cp1252"), ("狗", "gbk")]
)
def test_a_name_in_another_encoding_is_said_to_be_garbled(
    tmp_path: Path, text: str, encoding: str
) -> None:
    listing = archives.listing(write_files(tmp_path / "x", text.encode(encoding)))
    assert len(listing.images) == 1
    assert "1 name in this zip is not marked as UTF-8 and may be garbled" in listing.notes[0]
    assert "7-Zip: -mcu=on" in listing.notes[0]


def test_one_name_that_is_no_utf8_makes_all_of_them_doubtful(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        for stand_in in ("ZZ", "YY"):
            archive.writestr(f"{stand_in}/1.jpg", JPEG)
    data = (tmp_path / "x").read_bytes()
    for raw, text in ((b"ZZ/", "猫/"), (b"YY/", "狗/")):
        data = data.replace(raw, text.encode("gbk"))
    (tmp_path / "x").write_bytes(data)
    assert "2 names in this zip are not marked" in archives.listing(tmp_path / "x").notes[0]


def test_on_windows_utf8_is_a_guess(tmp_path: Path) -> None:
    """猫 in GBK is valid UTF-8, for è."""
    path = write_files(tmp_path / "x", "猫".encode("gbk"), system=0)
    assert "1 name in this zip is not marked" in archives.listing(path).notes[0]


def test_its_unicode_path_wins(tmp_path: Path) -> None:
    raw = "Hündin".encode("cp850")
    data = struct.pack("<BI", 1, zlib.crc32(raw + b"/1.jpg")) + "Hündin/1.jpg".encode()
    extra = struct.pack("<HH", 0x7075, len(data)) + data
    listing = archives.listing(write_files(tmp_path / "x", raw, extra))
    assert (listing.images, listing.notes) == (["Hündin/1.jpg"], [])


def test_a_unicode_path_of_another_name_does_not(tmp_path: Path) -> None:
    data = struct.pack("<BI", 1, 0) + b"other/1.jpg"
    extra = struct.pack("<HH", 0x7075, len(data)) + data
    assert archives.listing(write_files(tmp_path / "x", b"H\x81ndin", extra)).notes


def test_ascii_and_marked_names_are_as_they_are(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("cat/1.jpg", JPEG)
        archive.writestr("Hündin/1.jpg", JPEG)
    listing = archives.listing(tmp_path / "x")
    assert (listing.images, listing.notes) == (["Hündin/1.jpg", "cat/1.jpg"], [])
