"""Which files are images: by content under any name, and what systems leave is none."""

import pytest

from pawprint.storage import file_type, image_files
from pawprint.storage.file_type import CONVERT
from pawprint.storage.image_files import HIDDEN, Listing, Unused
from tests.conftest import picture

JPEG, HEIC = picture(), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


def list_names(files: dict[str, bytes]) -> Listing:
    listing = Listing()
    for name, data in files.items():
        listing.add(name, True, lambda data=data: data[: file_type.HEAD_BYTES])  # type: ignore[misc]
    return listing.without_backups()


@pytest.mark.parametrize(
    "name",
    [
        *["a.jfif", "a.jpe", "a.JPG", "a.jpg_large", "a.jpg-large", "a", "a.jpg ", "a.jpg.", "a.1"],
        *["a.jpg?w=300", "IMG_1.Jpg", "a.jpg.1", "a.heic", "x/y/a.bin", "\N{DOG FACE}"],
    ],
)
def test_a_jpeg_is_an_image_under_any_name(name: str) -> None:
    assert list_names({name: JPEG}).images == [name]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_so_are_the_other_formats(kind: str) -> None:
    assert list_names({"cat/1": picture(kind=kind)}).images == ["cat/1"]


@pytest.mark.parametrize("data", [b"", HEIC, b"<html>404</html>", b"text"])
@pytest.mark.parametrize("name", ["a.jpg", "a.JFIF", "a.png "])
def test_what_has_an_images_suffix_is_kept_for_presize_to_name(name: str, data: bytes) -> None:
    assert list_names({name: data}).images == [name]


def test_the_head_is_read_only_where_the_name_does_not_tell() -> None:
    def refuse() -> bytes:
        raise AssertionError("read")

    for name in ("a.jpg", ".b.jpg", "Thumbs.db"):
        Listing().add(name, True, refuse)
    with pytest.raises(AssertionError):
        Listing().add("c.txt", True, refuse)


@pytest.mark.parametrize(
    "name",
    [
        *["@eaDir/x.jpg/SYNOPHOTO_THUMB_M.jpg", "cat/@eaDir/1.jpg", "#recycle/1.jpg"],
        *["$RECYCLE.BIN/S-1-5/x.jpg", "System Volume Information/x.jpg", "__MACOSX/cat/._1.jpg"],
        *["cat/._1.jpg", ".ipynb_checkpoints/1.jpg", ".Trash-1000/files/1.jpg", ".Trashes/1.jpg"],
        *[".thumbnails/1.jpg", ".picasaoriginals/1.jpg", "My Previews.lrdata/1.jpg", ".git/1.jpg"],
        *["lost+found/1.jpg", ".AppleDouble/1.jpg", "@Recycle/1.jpg", ".@__thumb/1.jpg"],
        *["Thumbs.db", "cat/desktop.ini", ".DS_Store", "1.jpg:Zone.Identifier", "MVI_1.THM"],
        *["_vti_cnf/1.jpg", "@Recently-Snapshot/1.jpg", "Network Trash Folder/1.jpg", "Icon\r"],
    ],
)
def test_what_systems_leave_is_waste(name: str) -> None:
    listing = list_names({name: JPEG})
    assert not listing.images and not listing.unused and len(listing.waste) == 1


@pytest.mark.parametrize("name", ["recycled/1.jpg", "trash/1.jpg", "thumbs/1.jpg", "git/1.jpg"])
def test_a_class_that_sounds_like_waste_is_none(name: str) -> None:
    assert list_names({name: JPEG}).images == [name]


def test_hidden_images_are_counted_and_not_taken() -> None:
    listing = list_names({".old/1.jpg": JPEG, "cat/.2.jpg": JPEG, ".env": b"text"})
    assert listing.unused == [Unused(".old/1.jpg", HIDDEN), Unused("cat/.2.jpg", HIDDEN)]
    assert not listing.images and not listing.others


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("IMG_1.HEIC", HEIC, "HEIC"),
        ("IMG_1", HEIC, "HEIC"),
        ("a.tga", b"\0\0\2" + bytes(9) + b"\x28\0", "unknown"),
        ("a.avif", b"<html>404</html>", "a web page (HTML)"),
        ("IMG_1", b"", "empty (0 bytes)"),
        ("m.mp4", b"\0\0\0\x1cftypisom\0\0\0\0isomavc1mp41", "a video (MP4)"),
        ("cat.zip", b"PK\3\4", "a zip archive"),
        ("big.bin", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("a.jpg.crdownload", JPEG[:100], "an unfinished download"),
        ("._x/.a.jpg.icloud", b"bplist00", ""),
        (".a.jpg.icloud", b"bplist00", "only in the cloud"),
    ],
)
def test_what_may_be_meant_as_an_image_is_named(name: str, data: bytes, reason: str) -> None:
    assert [file.reason for file in list_names({name: data}).unused] == [reason] * bool(reason)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        *[("labels.csv", b"a,b"), ("README", b"text"), ("a.json", b'{"a": 1}'), ("a.xml", b"<a>")],
        *[("a.xlsx", b"PK\3\4"), ("model.pth", b"PK\3\4"), ("x.exe", b"MZ\1"), ("_DONE.txt", b"")],
    ],
)
def test_tables_and_texts_are_only_counted(name: str, data: bytes) -> None:
    listing = list_names({name: data})
    assert listing.others == [name] and not listing.unused


@pytest.mark.parametrize("end", ["~", ".bak", ".orig", "_original"])
def test_an_older_state_beside_its_image_is_a_backup(end: str) -> None:
    listing = list_names({"a.jpg": JPEG, f"a.jpg{end}": JPEG, f"b.jpg{end}": JPEG})
    assert listing.images == ["a.jpg", f"b.jpg{end}"]
    assert listing.unused == [Unused(f"a.jpg{end}", "a backup copy")]


def test_a_link_without_an_images_suffix_is_named() -> None:
    listing = Listing()
    listing.add("fox", False, lambda: b"")
    assert listing.unused[0].reason == "a link or a device"


@pytest.mark.parametrize(
    ("name", "may"), [("fox", True), ("a.heic", True), ("a.jpg_large", True), ("a.csv", False)]
)
def test_what_cannot_be_seen_may_be_an_image_by_its_name(name: str, may: bool) -> None:
    assert image_files.may_be_image(name) == may


def test_formats_that_are_not_read_are_to_be_converted() -> None:
    assert list_names({"a.tga": b"\0\1"}).unused[0].advice == CONVERT
