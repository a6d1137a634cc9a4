"""Archives that mean harm: refused in one line, or read without harm."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from pawprint.core.findings import Findings
from pawprint.data import labels
from pawprint.data.catalog import LabelRule
from pawprint.storage import archives, sanitize, tar_members
from pawprint.vision import cache_writer
from tests.conftest import picture

GOOD = picture()
Written = tuple[str, bytes | None, dict[str, object]]  # name, data, fields of the tar's header


def make_tar(path: Path, *members: Written) -> Path:
    """A tar with these members, whatever they are."""
    with tarfile.open(path, "w", errors="surrogateescape", encoding="utf-8") as archive:
        for name, data, fields in members:
            header = tarfile.TarInfo(name)
            header.size = len(data or b"")
            for key, value in fields.items():
                setattr(header, key, value)
            archive.addfile(header, io.BytesIO(data or b""))
    return path


def read(path: Path) -> dict[str, bytes]:
    return dict(archives.read_files(path, archives.image_names(path)))


def refusal(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1 and str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x.jpg", "/etc/x.jpg", "a/../../x.jpg", "C:\\x.jpg", "..\\x.jpg"]
)
def test_a_path_that_leaves_the_folder_is_only_a_name(tmp_path: Path, name: str) -> None:
    actual = read(make_tar(tmp_path / "in.tar", (name, GOOD, {})))
    assert list(actual.values()) == [GOOD]
    assert [path.name for path in tmp_path.iterdir()] == ["in.tar"]  # nothing is ever unpacked


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_a_link_or_a_device_under_a_pictures_name_is_refused(tmp_path: Path, kind: bytes) -> None:
    link: Written = ("b.jpg", None, {"type": kind, "linkname": "/etc/passwd"})
    message = refusal(make_tar(tmp_path / "in.tar", ("a.jpg", GOOD, {}), link))
    assert "'b.jpg' is a link or a device, not a file" in message


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("b.jpg")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert "is a link" in refusal(tmp_path / "in.zip")


@pytest.mark.parametrize(
    "name", ["a\nb.jpg", "a\x1b[2Jb.jpg", "a\rb.jpg", "a\x7f.jpg", "\x9bm.jpg"]
)
def test_control_characters_in_a_name_are_refused(tmp_path: Path, name: str) -> None:
    assert "contains a control character" in refusal(
        make_tar(tmp_path / "in.tar", (name, GOOD, {}))
    )


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert "is not UTF-8" in refusal(make_tar(tmp_path / "in.tar", (name, GOOD, {})))


def test_names_that_differ_in_case_alone_are_two_pictures(tmp_path: Path) -> None:
    actual = read(make_tar(tmp_path / "in.tar", ("a.jpg", GOOD, {}), ("A.jpg", b"other", {})))
    assert actual == {"A.jpg": b"other", "a.jpg": GOOD}


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    message = refusal(make_tar(tmp_path / "in.tar", ("a.jpg", GOOD, {}), ("./a.jpg", b"", {})))
    assert "occur twice" in message


class Zeros(io.RawIOBase):
    """So many zero bytes."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self.left)
        buffer[:size] = bytes(size)
        self.left -= size
        return size


@pytest.fixture
def least(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that a bomb reaches in less time."""
    monkeypatch.setattr(archives, "MAX_BYTES", 8 << 20)


@pytest.mark.usefixtures("least")
def test_a_bomb_of_bytes_in_a_tar_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("a.jpg")
    header.size = archives.MAX_BYTES + 1
    with tarfile.open(tmp_path / "in.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.addfile(header, Zeros(header.size))
    assert (tmp_path / "in.tar.gz").stat().st_size < 1e5
    assert "more than the limit of 8,388,608" in refusal(tmp_path / "in.tar.gz")


@pytest.mark.usefixtures("least")
def test_a_bomb_of_bytes_in_a_zip_is_refused(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.jpg", "w", force_zip64=True) as file,
    ):
        for _ in range(archives.MAX_BYTES // (1 << 20) + 1):
            file.write(bytes(1 << 20))
    assert "more than the limit of 8,388,608" in refusal(tmp_path / "in.zip")


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(10_000_000))
    whole = (tmp_path / "in.zip").read_bytes()
    size = struct.pack("<I", 10_000_000)
    assert whole.count(size) == 2  # in the local header and in the directory
    (tmp_path / "in.zip").write_bytes(whole.replace(size, struct.pack("<I", 100)))
    assert "not an archive that can be read" in refusal(tmp_path / "in.zip")


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 8 << 30  # only its head is there
    path = make_tar(tmp_path / "in.tar", ("a.jpg", GOOD, {}))
    whole = path.read_bytes().rstrip(b"\0")
    whole += bytes(-len(whole) % 512)
    path.write_bytes(whole + header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "a header of 8,589,934,592 bytes" in refusal(tmp_path / "in.tar")


def test_very_many_tiny_entries_are_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "in.tar.gz", "w:gz", compresslevel=1) as archive:
        for i in range(20_000):
            archive.addfile(tarfile.TarInfo(f"{i}.txt"))
        tar_members.add_file(archive, "a.jpg", GOOD)
    assert read(tmp_path / "in.tar.gz") == {"a.jpg": GOOD}


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("a.jpg", GOOD)
    whole = bytearray((tmp_path / "in.zip").read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(mark) + at] |= 1  # the flag of an encrypted entry
    (tmp_path / "in.zip").write_bytes(whole)
    assert "encrypted" in refusal(tmp_path / "in.zip")


def test_a_zip_in_a_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.gz").write_bytes(gzip.compress(b"PK\x03\x04" + bytes(100)))
    assert "one file (a zip archive) packed by gz, not a tar" in refusal(tmp_path / "in.gz")


def png(width: int, height: int) -> bytes:
    """A black picture of 1 bit a pixel, of few bytes whatever its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + (width + 7) // 8) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_bomb_of_pixels_is_named_and_not_decoded() -> None:
    small, bomb = png(40, 30), png(20_000, 10_000)
    assert len(bomb) < 30_000
    assert cache_writer.decode_to_square("a.png", small, 16, "white").pixels is not None
    image = cache_writer.decode_to_square("b.png", bomb, 16, "white")
    assert image.pixels is None and "200 megapixels" in image.error


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("=HYPERLINK(\"x\")", "would be a formula in a spreadsheet"),
        ("+cmd|' calc'!A0", "would be a formula in a spreadsheet"),
        ("-2+3+cmd|' calc'!A0", "would be a formula in a spreadsheet"),
        ("@SUM(1+1)*cmd", "would be a formula in a spreadsheet"),
        ("cat\tdog", "contains a control character"),
        ("-1", ""), ("+1", ""), ("@home", ""), ("a=b", ""), ("<script>alert(1)</script>", ""),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_refused(tmp_path: Path, text: str, why: str) -> None:
    assert sanitize.name_error(text) == why
    findings = Findings()
    rule = LabelRule.model_validate({"from": "name", "pattern": r"^(.+)_\d+\.jpg$"})
    labels.extract_targets([f"{text}_1.jpg"], rule, "label", findings)
    assert [why in error for error in findings.errors] == ([True] if why else [])


def test_a_name_that_a_spreadsheet_would_run_is_refused(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "in.tar", ("=cmd|'!A0.jpg", GOOD, {}))
    assert "would be a formula in a spreadsheet" in refusal(path)
