"""A user's folder: links are followed, what is lost is an error, the tar is as it was."""

import hashlib
import os
import socket
from pathlib import Path

import pytest

from pawprint.storage import archives, folders
from tests.conftest import picture

JPEG = picture()


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("cat/1.jpg", "dog/1.jpg"):
        write(tmp_path / "pets" / name)
    return tmp_path / "pets"


def write(path: Path, data: bytes = JPEG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def pack_folder(folder: Path) -> tuple[list[str], list[str]]:
    """The images in the tar, and the notes."""
    notes = folders.pack(folder, folder.parent / "packed.tar")
    return archives.image_names(folder.parent / "packed.tar"), notes


def refusal(folder: Path) -> str:
    with pytest.raises(ValueError) as caught:
        pack_folder(folder)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_plain_folder_is_packed_as_before(tmp_path: Path) -> None:
    """The hash that blocks of datasets.yaml hold; worked out with the version before links."""
    for name in ("b/2.jpg", "a/1.jpg", "labels.csv", ".hidden/x.jpg"):
        write(tmp_path / "pets" / name, name.encode())
    assert pack_folder(tmp_path / "pets")[1] == ["1 hidden image is left out: .hidden/x.jpg"]
    digest = hashlib.sha256((tmp_path / "packed.tar").read_bytes()).hexdigest()
    assert digest == "b6aa127c8fb7cf5be1c33b83a35e1a1863d0132b44abaf058370e198556e04f0"


def test_links_to_files_and_folders_are_followed_wherever_they_lead(pets: Path) -> None:
    store = write(pets.parent / "store/.git/annex/key", JPEG)
    (pets / "cat/2.jpg").symlink_to(store)
    write(pets.parent / "elsewhere/1.jpg")
    (pets / "fox").symlink_to(pets.parent / "elsewhere", target_is_directory=True)
    os.link(store, pets / "dog/2.jpg")
    assert pack_folder(pets) == (
        ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg", "fox/1.jpg"],
        [],
    )


def test_a_folder_reached_by_two_links_is_taken_twice(pets: Path) -> None:
    write(pets.parent / "shared/1.jpg")
    for name in ("fox", "wolf"):
        (pets / name).symlink_to(pets.parent / "shared")
    assert pack_folder(pets)[0][2:] == ["fox/1.jpg", "wolf/1.jpg"]


def test_links_in_a_circle_are_not_followed_and_named(pets: Path) -> None:
    (pets / "cat/up").symlink_to(pets)
    (pets / "cat/self").symlink_to(".")
    names, notes = pack_folder(pets)
    assert names == ["cat/1.jpg", "dog/1.jpg"]
    assert notes == ["2 links are not followed, because they lead in a circle: cat/self, cat/up"]


@pytest.mark.parametrize(
    ("target", "remedy"),
    [
        ("../../.git/annex/objects/Wk/SHA256E-s1--0.jpg", "git annex get ."),
        ("/mnt/.dvc/cache/files/md5/00/11", "dvc pull"),
        ("/mnt/nas/2.jpg", "mount the disk"),
    ],
)
def test_images_that_are_links_to_nothing_are_an_error(
    pets: Path, target: str, remedy: str
) -> None:
    (pets / "dog/2.jpg").symlink_to(target)
    message = refusal(pets)
    assert (
        f"1 of its files and folders cannot be read: dog/2.jpg (a broken link to {target})"
        in message
    )
    assert remedy in message and "or remove them" in message


def test_a_class_folder_that_is_a_link_to_nothing_is_an_error(pets: Path) -> None:
    (pets / "fox").symlink_to("/mnt/nas/fox")
    assert "fox (a broken link to /mnt/nas/fox)" in refusal(pets)


def test_a_link_to_itself_is_an_error(pets: Path) -> None:
    (pets / "dog/2.jpg").symlink_to("2.jpg")
    assert "dog/2.jpg (a broken link to 2.jpg" in refusal(pets)


def test_another_file_that_is_lost_is_a_note(pets: Path) -> None:
    (pets / "notes.txt").symlink_to("/mnt/notes.txt")
    (pets / ".hidden").symlink_to("/mnt/x")
    assert pack_folder(pets)[1] == ["1 file is left out (not readable): notes.txt"]


def test_what_dvc_or_icloud_has_not_brought_is_an_error(pets: Path) -> None:
    write(pets / "fox.dvc", b"outs:\n- md5: 0\n  path: fox\n")
    write(pets / "cat.dvc", b"outs:\n- md5: 0\n  path: cat\n")  # its folder is here
    write(pets / "dog/.2.jpg.icloud", b"bplist00")
    message = refusal(pets)
    assert "2 of its files and folders" in message
    assert "fox (only fox.dvc is here: `dvc pull fox.dvc`)" in message
    assert "dog/2.jpg (only .2.jpg.icloud is here: download it from iCloud), fox" in message
    assert message.endswith("); or remove them")


@pytest.fixture
def close_folder(pets: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file and a folder that may not be read, for whoever runs the tests (root may all)."""
    write(pets / "fox/1.jpg")
    read, scan = Path.read_bytes, os.scandir

    def read_bytes(path: Path) -> bytes:
        if path == pets / "dog/1.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    def scandir(path: Path) -> object:
        if path == pets / "fox":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    monkeypatch.setattr(os, "scandir", scandir)
    return pets


def test_what_may_not_be_read_is_an_error(close_folder: Path) -> None:
    assert "1 of its files and folders cannot be read: fox/ (Permission denied)" in refusal(
        close_folder
    )
    (close_folder / "fox/1.jpg").unlink()
    (close_folder / "fox").rmdir()
    assert "dog/1.jpg (Permission denied); restore them" in refusal(close_folder)


def test_sockets_and_pipes_are_named(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(pets / "cat/pipe.jpg")
    monkeypatch.chdir(pets)  # a socket's path is bounded
    with socket.socket(socket.AF_UNIX) as result:
        result.bind("s.jpg")
    message = pack_folder(pets)[1]
    assert message == ["2 files are left out (socket, pipe or device): cat/pipe.jpg, s.jpg"]


def test_empty_folders_are_named(pets: Path) -> None:
    (pets / "fox").mkdir()
    write(pets / "wolf/.DS_Store")
    assert pack_folder(pets)[1] == [
        "2 folders are empty: fox, wolf",
        "1 system file or folder is ignored: .DS_Store 1",
    ]


def test_what_systems_leave_is_neither_packed_nor_looked_into(pets: Path) -> None:
    before = pack_folder(pets)[0]
    whole = (pets.parent / "packed.tar").read_bytes()
    write(pets / "dog/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg")
    write(pets / "$RECYCLE.BIN/S-1-5/x.jpg")
    write(pets / "cat/Thumbs.db", b"\xd0\xcf")
    (pets / "lost+found").symlink_to("/nowhere")
    names, notes = pack_folder(pets)
    assert names == before
    assert (pets.parent / "packed.tar").read_bytes() == whole
    assert notes == [
        "4 system files and folders are ignored: "
        "$RECYCLE.BIN 1, @eaDir 1, Thumbs.db 1, lost+found 1"
    ]


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pets/fox").mkdir(parents=True)
    write(tmp_path / "pets/.old/1.jpg")
    assert refusal(tmp_path / "pets") == (
        f"{tmp_path / 'pets'}: no file in this folder; 1 hidden image is left out: .old/1.jpg; "
        "1 folder is empty: fox; check `url` in datasets.yaml"
    )
