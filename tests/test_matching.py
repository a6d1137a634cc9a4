"""Which pictures a cell means."""

from pathlib import PurePosixPath

import pytest

from pawprint.data import matching

NAMES = ["top/train/1.jpg", "top/train/2.jpg", "top/val/1.jpg", "top/val/3.png"]


@pytest.mark.parametrize(
    ("cells", "folder", "taken"),
    [
        (["top/train/1.jpg", "top/val/1.jpg"], ".", ""),
        (["train/1.jpg", "val/1.jpg"], ".", ""),  # the pictures' top folder may be missing
        (["train/1", "val/1"], ".", ""),
        (["train\\1.jpg", "./val/1.jpg"], ".", ""),
        (["1.jpg", "../val/1.jpg"], "top/train", "-"),
        (["/kaggle/input/x/train/1.jpg", "/kaggle/input/x/val/1.jpg"], ".", "/kaggle/input/x/"),
        (["C:\\d\\train\\1.jpg", "C:\\d\\val\\1.jpg"], ".", "C:/d/"),
        (["https://h.org/d/train/1.jpg?k=1", "https://h.org/d/val/1.jpg"], ".", "h.org/d/"),
    ],
)
def test_a_cell_is_a_path_from_somewhere(cells: list[str], folder: str, taken: str) -> None:
    hits, prefix = matching.hits(cells, matching.index_names(NAMES), PurePosixPath(folder))
    if taken == "-":  # no path leads upwards
        assert hits[0] == ["top/train/1.jpg"]
        return
    assert hits == [["top/train/1.jpg"], ["top/val/1.jpg"]] and prefix == taken


def test_folders_that_differ_are_never_taken_off() -> None:
    hits, prefix = matching.hits(
        ["a/2.jpg", "b/3.png"], matching.index_names(NAMES), PurePosixPath(".")
    )
    assert hits == [[], []] and prefix == ""


def test_file_names_and_stems_may_mean_several() -> None:
    hits, _ = matching.hits(
        ["1", "2", "3.png", "9"], matching.index_names(NAMES), PurePosixPath(".")
    )
    assert [len(some) for some in hits] == [2, 1, 1, 0]
