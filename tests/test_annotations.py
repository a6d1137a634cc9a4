"""Labels from a CSV among the pictures, and every fault of one that a person may make."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pawprint.core.findings import Findings
from pawprint.data import label_csv
from pawprint.data.catalog import Table
from pawprint.storage import archives

Tar = Callable[..., Path]
TABLE = Table("labels.csv", "fname", ["breed"], None, False)
PICTURES = ["a/1.jpg", "a/2.jpg", "b/2.jpg", "b/3.png"]


def read(
    tar: Tar, content: str | bytes, file: str = "labels.csv", table: Table = TABLE
) -> tuple[dict[str, str], Findings]:
    data = content.encode() if isinstance(content, str) else content
    archive = tar({file: data, **dict.fromkeys(PICTURES, b"")})
    findings = Findings()
    result = label_csv.match_rows(archive, archives.image_names(archive), table, findings)
    return {name: row.text for name, row in result.items()}, findings


WHOLE = "breed,fname\ncat,a/1.jpg\ndog,a/2.jpg\ncat,b/2.jpg\n"


@pytest.mark.parametrize("name", ["b/3.png", "3.png", "3", "./b/3.png", " 3.png "])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_row_names_a_picture_by_path_file_name_or_stem(tar: Tar, name: str, ends: str) -> None:
    cells, actual = read(tar, (WHOLE + f'"a, big dog",{name}\n').replace("\n", ends))
    assert cells == {"a/1.jpg": "cat", "a/2.jpg": "dog", "b/2.jpg": "cat", "b/3.png": "a, big dog"}
    assert actual == Findings()


def test_without_a_table_there_are_no_cells(tmp_path: Path) -> None:
    assert label_csv.match_rows(tmp_path / "absent", [], None, Findings()) == {}


def test_paths_also_start_at_the_folder_of_the_csv(tar: Tar) -> None:
    rows = "fname,breed\n1.jpg,cat\n2.jpg,dog\nb/3.png,cat\n"
    cells, actual = read(
        tar, rows, "a/labels.csv", Table("./a/labels.csv", "fname", ["breed"], None, False)
    )
    assert cells == {"a/1.jpg": "cat", "a/2.jpg": "dog", "b/3.png": "cat"}
    assert [error.split(":")[0] for error in actual.errors] == [
        "1 images have no row in ./a/labels.csv"
    ]


def test_a_byte_order_mark_empty_lines_and_short_rows_do_no_harm(tar: Tar) -> None:
    rows = "fname,breed,note\n1,cat\n\na/2.jpg,dog,x\n,,\nb/2.jpg,cat,\n3,dog\n"
    cells, actual = read(tar, b"\xef\xbb\xbf" + rows.encode())
    assert list(cells.values()) == ["cat", "dog", "cat", "dog"] and actual == Findings()


def test_all_that_is_wrong_with_the_rows_is_said_at_once_with_its_lines(tar: Tar) -> None:
    rows = "fname,breed\n1.jpg,cat\na/1.jpg,dog\n2.jpg,dog\n3.png,\n9.jpg,cat\n1,cat\n"
    cells, actual = read(tar, rows)
    assert cells == {"a/1.jpg": "cat"}
    assert actual.errors == [
        "1 rows of labels.csv may mean several images: 2.jpg (line 4): a/2.jpg or b/2.jpg; "
        "write their paths there",
        "1 rows of labels.csv have an empty breed: 3.png (line 5); fill it, or remove these rows",
        "1 rows of labels.csv give an image a second label: a/1.jpg (line 3): cat, then dog; "
        "keep one row for each image",
    ]
    assert actual.notes == ["1 rows of labels.csv have no image: 9.jpg (line 6)"]


def test_pictures_without_a_row_are_counted_and_named(tar: Tar) -> None:
    _, actual = read(tar, "fname,breed\n1.jpg,cat\n")
    (error,) = actual.errors
    assert error.startswith("3 images have no row in labels.csv: a/2.jpg, b/2.jpg, b/3.png; add")
    assert "fix `label` in datasets.yaml" in error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,breed\n", "labels.csv: has no column fname; its first line has file, breed (the"),
        ("fname breed\n", "has no column fname, breed; its first line has fname breed (the sep"),
        ("fname,breed,breed\n", "has twice the column breed; its first line has"),
        ("", "has no column fname, breed; its first line has none"),
        (b"fname,breed\n1.jpg,k\xe4fer\n", "labels.csv: byte 20 is not UTF-8; save the file as"),
        ("fname,breed\n".encode("utf-16"), "labels.csv: byte 1 is not UTF-8"),
        (
            'fname,breed\n1.jpg,"cat\n',
            "line 2: a quote opens here and its cell continues to the file",
        ),
        ('fname,breed\n1.jpg,"c"at\n', "labels.csv: line 2: not a CSV"),
        ("fname,breed\n1.jpg," + "x" * 200_000, "labels.csv: line 2: not a CSV (field larger"),
        ("fname,breed\n1.jpg,cat,big\n", "1 rows have more cells than the first line: line 2;"),
        ("\x1b[2J,\x00\n", "has no column fname, breed; its first line has \\x1b[2J, \\x00"),
    ],
)
def test_what_cannot_be_read_is_one_line(tar: Tar, content: str | bytes, message: str) -> None:
    cells, actual = read(tar, content)
    (error,) = actual.errors
    assert cells == {} and message in error, error
    assert error.isprintable() and len(error) < 500


def test_a_file_that_is_not_there_is_told_the_ones_that_are(tar: Tar) -> None:
    _, actual = read(tar, WHOLE, "data/Labels.CSV")
    assert actual.errors[0].startswith(
        "labels.csv: not in the archive or folder; the CSV files there: data/Labels.CSV; fix"
    )
    _, actual = read(tar, WHOLE, "labels.txt")
    assert "there is no CSV; fix `label` in datasets.yaml" in actual.errors[0]


def test_a_csv_that_tells_the_split_may_leave_pictures_out(tar: Tar) -> None:
    table = Table("labels.csv", "fname", ["breed"], "side", False)
    cells, actual = read(tar, "fname,breed,side\n1.jpg,cat,train\n", table=table)
    assert cells == {"a/1.jpg": "cat"} and not actual.errors
    (note,) = actual.notes
    assert note.startswith("3 of 4 images have no row in labels.csv and are left out: a/2.jpg")
