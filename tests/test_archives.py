import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pawprint.storage import archives, folders, image_files

Tar = Callable[..., Path]
FILES = {"images/b.JPG": b"b", "./images/a.png": b"a", "images/._a.png": b"", "notes.txt": b"n"}


@pytest.fixture(params=["tar", "tar.gz", "zip"])
def archive(request: pytest.FixtureRequest, tar: Tar, tmp_path: Path) -> Path:
    if request.param != "zip":
        return tar(FILES, f"pictures.{request.param}").rename(tmp_path / "pictures")
    with zipfile.ZipFile(tmp_path / "pictures", "w") as file:
        for name, data in FILES.items():
            file.writestr(name, data)
    return tmp_path / "pictures"


def test_pictures_are_listed_sorted_whatever_the_archive(archive: Path) -> None:
    assert archives.image_names(archive) == ["images/a.png", "images/b.JPG"]


def test_contents_come_in_the_archives_order(archive: Path) -> None:
    targets = ["images/a.png", "images/b.JPG", "absent.jpg"]
    assert list(archives.read_files(archive, targets)) == [
        ("images/b.JPG", b"b"),
        ("images/a.png", b"a"),
    ]


def test_a_text_may_have_a_byte_order_mark_and_must_be_utf8(tar: Tar) -> None:
    archive = tar({"a.txt": "\ufeffä 1".encode(), "b.txt": "ä".encode("latin-1")})
    assert archives.read_texts(archive, {"train": "a.txt"}) == {"train": "ä 1"}
    with pytest.raises(ValueError, match=r"^b.txt: byte 1 is not UTF-8; save the file as UTF-8"):
        archives.read_texts(archive, {"train": "b.txt"})


def test_a_word_means_a_path_else_a_file_name_else_a_stem() -> None:
    known = archives.match_names(
        ["x.jpg", "a/x.jpg", "a/y.jpg", "b/y.jpg", "a/x.jpg.png", "c/x.png"]
    )
    assert known["x.jpg"] == ["x.jpg"]  # not a/x.jpg, nor a/x.jpg.png
    assert known["x"] == ["x.jpg", "a/x.jpg", "c/x.png"]
    assert known["y.jpg"] == known["y"] == ["a/y.jpg", "b/y.jpg"]
    assert "y.png" not in known


@pytest.mark.parametrize("name", [".hidden.jpg", "a/.git/x.jpg", "__MACOSX/x.jpg", "x.mat", "jpg"])
def test_what_is_no_picture_is_left_out(name: str) -> None:
    assert not image_files.is_candidate(name)


def test_no_picture_says_what_counts_as_one(tar: Tar) -> None:
    with pytest.raises(
        ValueError, match=r"no image.* \.md 1; supported are JPEG.*check `url` in datasets.yaml"
    ):
        archives.image_names(tar({"readme.md": b""}))


def test_a_name_given_twice_is_named(tar: Tar) -> None:
    with pytest.raises(ValueError, match=r"1 names occur twice, such as 'a.jpg'"):
        archives.image_names(tar({"a.jpg": b"1", "./a.jpg": b"2"}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("cut", "not an archive that can be read"),
        ("text", r"a web page \(HTML: 404\), not an archive"),
        ("empty", r"empty \(0 bytes\), not an archive"),
    ],
)
def test_a_damaged_archive_is_one_line(tar: Tar, tmp_path: Path, damage: str, message: str) -> None:
    good = tar({f"{i}.jpg": bytes(5000) for i in range(3)}, "pictures.tar.gz").read_bytes()
    bad = {"cut": good[: len(good) // 2], "text": b"<html>404</html>", "empty": b""}[damage]
    path = tmp_path / "pictures"
    path.write_bytes(bad)
    with pytest.raises(ValueError, match=f"^{path}: {message}.* check `url` in") as caught:
        archives.image_names(path)
    assert len(str(caught.value).splitlines()) == 1


def test_packing_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    packed = []
    for order in (1, -1):
        folder = tmp_path / f"folder{order}"
        for name in ["cats/1.jpg", "dogs/1.jpg", ".hidden/x.jpg"][::order]:
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_bytes(name.encode())
        folders.pack(folder, tmp_path / f"{order}.tar")
        packed.append((tmp_path / f"{order}.tar").read_bytes())
    assert packed[0] == packed[1]
    assert archives.image_names(tmp_path / "1.tar") == ["cats/1.jpg", "dogs/1.jpg"]


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file in this folder"):
        folders.pack(tmp_path, tmp_path / "x.tar")


def test_the_count_of_the_catalogue_is_checked(tar: Tar) -> None:
    path = tar({"a.jpg": b""})
    archives.check_count(path, 1)
    archives.check_count(path, None)
    with pytest.raises(ValueError, match=r"1 images, but datasets.yaml has count: 2"):
        archives.check_count(path, 2)


def test_texts_are_found_by_their_member(tar: Tar) -> None:
    path = tar({"annotations/test.txt": b"a 1\n"})
    assert archives.read_texts(path, {"test": "annotations/test.txt"}) == {"test": "a 1\n"}
    with pytest.raises(ValueError, match=r"not in this archive: train.txt; fix `lists`"):
        archives.read_texts(path, {"train": "train.txt"})


def test_a_zip_in_a_tar_is_a_tar(tar: Tar) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("x.jpg", b"x")
    contents: Mapping[str, bytes] = {"a.jpg": b"a", "z.zip": inner.getvalue()}
    assert archives.image_names(tar(contents)) == ["a.jpg"]
