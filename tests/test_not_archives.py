"""Files that are no archive of images: each is told what it is, and what to do."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from pawprint.storage import archives, tar_members
from tests.conftest import picture
from tests.test_file_type import HEIC, PAGE, POINTER

JPEG = picture()


def make_zip(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def make_tar(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in files.items():
            tar_members.add_file(archive, name, data)
    return file.getvalue()


def refusal(data: bytes, path: Path) -> str:
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        archives.listing(path, "https://site/x")
    message = str(caught.value)
    assert message.startswith("https://site/x: ") and message.isprintable() and "\n" not in message
    return message.removeprefix("https://site/x: ")


NO_ARCHIVE = "not an archive that can be read (tar, tar.gz, tar.bz2, tar.xz, zip)"
NO_PICTURE = "no image in this archive or folder"
SEVERAL = make_zip(
    {"a.zip": make_zip({}), "b.tar.gz": gzip.compress(b"x"), "c.rar": b"Rar!\x1a\x07"}
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (JPEG, "a single image (JPEG), not an archive; give the folder that contains it"),
        (
            HEIC,
            "HEIC, not an archive that can be read (tar, tar.gz, tar.bz2, tar.xz, zip); convert it",
        ),
        (PAGE, "a web page (HTML: Sign in), not an archive; a server sent it instead"),
        (b'{"error": "no such file"}', 'JSON ({"error": "no such file"}), not an archive'),
        (b"<Error><Code>AccessDenied</Code></Error>", "XML (AccessDenied), not an archive"),
        (POINTER, "a pointer of Git LFS, not an archive that can be read"),
        (b"cat,dog\r\n1,2\r\n", "text (cat,dog), not an archive that can be read"),
        (b"", "empty (0 bytes), not an archive that can be read"),
        (bytes(2048), "only zero bytes, not an archive; the copy or download was interrupted"),
        (b"%PDF-1.7", "PDF, not an archive that can be read"),
        (b"Rar!\x1a\x07\1\0", "a rar archive, but only tar, tar.gz, tar.bz2, tar.xz, zip can be"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive, but only tar"),
        (b"\x28\xb5\x2f\xfd" + bytes(9), "a zst archive, but only tar"),
        (gzip.compress(JPEG), "one file (JPEG) packed by gz, not a tar"),
        (bz2.compress(b"a,b\n"), "one file (text) packed by bz2, not a tar"),
        (lzma.compress(make_zip({"a.jpg": JPEG})), "one file (a zip archive) packed by xz"),
        (
            gzip.compress(make_tar({"a.jpg": JPEG}))[:-200],
            f"{NO_ARCHIVE}: it is truncated: it ends too",
        ),
        (
            make_zip({"a.jpg": JPEG})[:-30],
            f"{NO_ARCHIVE}: it is truncated or damaged; download it again, join",
        ),
        (b"\1\2\3\4" * 200, f"{NO_ARCHIVE}: it starts with the bytes 01 02 03 04 01 02 03 04;"),
        (make_zip({}), f"{NO_PICTURE}: it is empty; supported are JPEG, PNG"),
        (make_zip({"in.zip": b"PK\3\4"}), f"{NO_PICTURE}, but another archive, in.zip: unpack it"),
        (make_tar({"p/in.zip": b"PK\3\4"}), f"{NO_PICTURE}, but another archive, p/in.zip"),
        (SEVERAL, f"{NO_PICTURE}, but 3 other archives: a.zip, b.tar.gz, c.rar; unpack them"),
        (make_zip({"a.heic": HEIC}), f"{NO_PICTURE}: 1 file is not used: HEIC 1 (a.heic); convert"),
    ],
)
def test_each_is_told_what_it_is(data: bytes, message: str, tmp_path: Path) -> None:
    assert refusal(data, tmp_path / "x").startswith(message)


def test_a_zip_beside_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(make_zip({"a.jpg": JPEG, "in.zip": make_zip({})}))
    listing = archives.listing(tmp_path / "x")
    assert [(file.name, file.reason) for file in listing.unused] == [("in.zip", "a zip archive")]


def test_an_encrypted_zip_is_told_so(tmp_path: Path) -> None:
    data = bytearray(make_zip({"a": JPEG}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    assert "unpack it with its password" in refusal(bytes(data), tmp_path / "x")


def test_a_packing_that_python_does_not_know_is_told(tmp_path: Path) -> None:
    data = bytearray(make_zip({"a": JPEG}))
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + at] = 9  # Deflate64, as Windows has it for large files
    assert refusal(bytes(data), tmp_path / "x").startswith("packed with an unknown method")


def test_folders_in_a_zip_of_windows_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(
        make_zip({"pets\\": b"", "pets\\cat\\": b"", "pets\\cat\\1.jpg": JPEG})
    )
    listing = archives.listing(tmp_path / "x")
    assert (listing.images, listing.unused, listing.others) == (["pets/cat/1.jpg"], [], [])
