"""Which files `pawprint predict FOLDER` takes, and what it says of the others."""

import os
import sys
from pathlib import Path

import pytest

from pawprint.cli import main
from pawprint.inference import predict
from tests.test_folders import write
from tests.test_image_files import HEIC


def test_a_folder_gives_its_images_by_content_and_the_rest_is_noted(tmp_path: Path) -> None:
    for name in ("a/1.jfif", "a/2", "b.JPG", "@eaDir/b.JPG/thumb.jpg", ".old/3.jpg"):
        write(tmp_path / "in" / name)
    write(tmp_path / "in/c.heic", HEIC)
    (tmp_path / "in/linked").symlink_to(write(tmp_path / "store/4.jpg").parent)
    notes = list[str]()
    paths = predict.expand_paths([str(tmp_path / "in")], notes)
    assert [path.relative_to(tmp_path / "in").as_posix() for path in paths] == [
        *["a/1.jfif", "a/2", "b.JPG", "linked/4.jpg"]
    ]
    assert notes == [
        f"{tmp_path / 'in'}: 1 hidden image is left out: .old/3.jpg",
        f"{tmp_path / 'in'}: 1 system file or folder is ignored: @eaDir 1",
        f"{tmp_path / 'in'}: 1 file is not used: HEIC 1 (c.heic); convert HEIC to JPEG or PNG",
    ]


def test_an_image_that_is_lost_is_reported_as_one_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path / "1.jpg")
    (tmp_path / "2.jpg").symlink_to("nowhere.jpg")
    paths = predict.expand_paths([str(tmp_path)])
    assert [path.name for path in paths] == ["1.jpg", "2.jpg"]
    assert predict.read_image(paths[1], 8, None).error == "No such file or directory"


def test_a_file_that_may_not_be_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "1.jpg")
    write(tmp_path / "2")

    def head(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(predict, "head", head)
    assert [path.name for path in predict.expand_paths([str(tmp_path)])] == ["1.jpg", "2"]


def test_a_folder_that_may_not_be_read_is_not_said_to_be_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def iterdir(path: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    assert predict.read_image(tmp_path, 8, None).error == "no images in this folder"
    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert predict.read_image(tmp_path, 8, None).error == "Permission denied"


def test_a_pattern_that_means_folders_gives_their_images(tmp_path: Path) -> None:
    for name in ("in/a/1.jpg", "in/b/2.jpg", "in/3.jpg"):
        write(tmp_path / name)
    paths = predict.expand_paths([os.path.join(tmp_path, "in", "*")])  # noqa: PTH118 - as typed
    assert [path.name for path in paths] == ["3.jpg", "1.jpg", "2.jpg"]


def test_notes_go_to_stderr_and_leave_the_answers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "1.jpg")
    write(tmp_path / "c.heic", HEIC)
    monkeypatch.setattr(predict, "predict_files", lambda *given: iter(()))
    monkeypatch.setattr(sys, "argv", ["pawprint", "predict", "--json", str(tmp_path)])
    main.main()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"pawprint: note: {tmp_path}: 1 file is not used: HEIC 1 (c.heic); "
        "convert HEIC to JPEG or PNG\n"
    )
