"""What a data set says of each picture, with pictures for testing that have no label."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pawprint.core.findings import Findings
from pawprint.data.catalog import DatasetEntry, LabelRule
from pawprint.data.labels import read_targets
from pawprint.data.splits import Annotations

Tar = Callable[..., Path]
SPLIT = ["train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg"]
FLAT = [*SPLIT, "test/1.jpg", "test/2.jpg"]
FOLDER = {"from": "folder"}
GROUPS = {"group": "^(train|val|test)/", "valid": ["val"], "test": ["test"]}


def read(
    names: list[str], rule: Mapping[str, Any], archive: Path = Path("absent"), target: str = "label"
) -> tuple[Annotations, Findings]:
    findings = Findings()
    return read_targets(archive, names, LabelRule.model_validate(rule), findings, target), findings


@pytest.mark.parametrize(
    "rule",
    [
        {**FOLDER, **GROUPS},
        {"from": "path", "pattern": "^(?:train|val|test)/([^/]+)/", **GROUPS},
    ],
)
def test_pictures_for_testing_without_a_label_are_left_out_and_counted(rule: Any) -> None:
    lines, actual = read(FLAT, rule)
    assert lines.targets == ["cat", "dog", "cat", None, None]
    assert lines.splits == ["train", "train", "valid", "test", "test"]
    assert not actual.errors
    assert actual.notes[0].startswith("2 of 5 images are for testing or prediction and have no")
    assert actual.notes[0].endswith("they are left out: test/1.jpg, test/2.jpg")


@pytest.mark.parametrize("inner", ["", "images/", "unknown/", "0/"])
def test_a_rule_by_folder_makes_no_class_of_test(inner: str) -> None:
    names = [*SPLIT, f"test/{inner}1.jpg"]
    lines, actual = read(names, FOLDER)
    assert lines.targets == ["cat", "dog", "cat", None] and not actual.errors
    assert "1 of 4 images are for testing" in actual.notes[0]
    assert "train/ (2), val/ (1) are mixed" in actual.notes[1]
    lines, actual = read(["cat/1.jpg", "dog/1.jpg", f"test/{inner}1.jpg"], FOLDER)
    assert lines.targets == ["cat", "dog", None] and not actual.errors


def test_pictures_of_test_that_have_labels_keep_them() -> None:
    lines, actual = read([*SPLIT, "test/cat/1.jpg"], {**FOLDER, **GROUPS})
    assert lines.targets[-1] == "cat" and actual == Findings()


def test_labels_of_test_that_look_like_trains_are_labels() -> None:
    lines, actual = read([*SPLIT, "test/Cat/1.jpg"], {**FOLDER, **GROUPS})
    assert lines.targets[-1] == "Cat"
    assert [note.split(":")[1] for note in actual.notes] == [
        " Cat (1) = cat (2); if they mean the same class, give them one name"
    ]


def test_pictures_of_train_or_valid_without_a_class_folder_are_an_error() -> None:
    _, actual = read([*FLAT, "val/9.jpg"], FOLDER)
    (error,) = actual.errors
    assert error.startswith("1 of 6 images get no label from label.from: folder: val/9.jpg; they")
    assert "a folder for a split (test/, train/, val/)" in error


def test_names_that_fit_no_pattern_in_test_are_left_out() -> None:
    names = ["train/cat.1.jpg", "train/dog.1.jpg", "test1/1.jpg"]
    lines, actual = read(names, {"from": "name", "pattern": r"^(.+)\.\d+\.jpg$"})
    assert lines.targets == ["cat", "dog", None] and not actual.errors
    assert "1 of 3 images are for testing" in actual.notes[0]


ROWS = "f,y,split\n1.jpg,cat,Train\n2.jpg,dog,train \n3.jpg,cat,val\n4.jpg,,Test\n"
CSV = {"from": "csv", "file": "l.csv", "name": "f", "label": "y"}
NUMBERS = [f"{i}.jpg" for i in (1, 2, 3, 4)]


def test_rows_for_testing_without_a_label_are_left_out_and_counted(tar: Tar) -> None:
    archive = tar({"l.csv": ROWS.encode(), **dict.fromkeys(NUMBERS, b"")})
    lines, actual = read(NUMBERS, {**CSV, "split": "split"}, archive)
    assert lines.targets == ["cat", "dog", "cat", None] and not actual.errors
    assert lines.splits and lines.splits[:3] == ["train", "train", "valid"]
    assert actual.notes == [
        "1 rows of l.csv are for testing and have no label, so their images are left out: 4.jpg"
    ]
    _, actual = read(NUMBERS, CSV, archive)
    assert actual.errors[0].startswith("1 rows of l.csv have an empty y: 4.jpg (line 5)")


@pytest.mark.parametrize("label", ["?", "-1"])
def test_a_stand_in_for_the_labels_of_test_is_no_class(tar: Tar, label: str) -> None:
    rows = ROWS.replace(",,Test", f",{label},Test")
    archive = tar({"l.csv": rows.encode(), **dict.fromkeys(NUMBERS, b"")})
    lines, actual = read(NUMBERS, {**CSV, "split": "split"}, archive)
    assert lines.targets == ["cat", "dog", "cat", None] and not actual.errors
    assert f"a label that no other has ({label}); they are left out: 4.jpg" in actual.notes[0]


def test_of_several_labels_test_is_left_out_where_none_of_it_has_any(tar: Tar) -> None:
    rule = {**CSV, "split": "split", "separator": " "}
    archive = tar({"l.csv": ROWS.encode(), **dict.fromkeys(NUMBERS, b"")})
    lines, actual = read(NUMBERS, rule, archive, "labels")
    assert lines.targets == ["cat", "dog", "cat", None] and "1 rows of l.csv" in actual.notes[0]
    more = ROWS + "5.jpg,cat,test\n"
    archive = tar({"l.csv": more.encode(), **dict.fromkeys([*NUMBERS, "5.jpg"], b"")})
    lines, actual = read([*NUMBERS, "5.jpg"], rule, archive, "labels")
    assert lines.targets == ["cat", "dog", "cat", "", "cat"] and not actual.notes


def test_pictures_of_a_folder_for_testing_need_no_row(tar: Tar) -> None:
    names = ["test/9.jpg", "train/1.jpg", "train/2.jpg"]
    archive = tar({"train.csv": b"f,y\n1,cat\n2,dog\n", **dict.fromkeys(names, b"")})
    lines, actual = read(names, {**CSV, "file": "train.csv"}, archive)
    assert lines.targets == [None, "cat", "dog"] and not actual.errors
    assert actual.notes[0].startswith("1 of 3 images are in a folder for testing and have no row")


def test_csv_files_of_one_name_in_the_folders_of_a_split_are_read_together(tar: Tar) -> None:
    names = [f"{split}/{i}.jpg" for split in ("test", "train") for i in (1, 2)]
    tables = {
        "train/m.csv": b"f,y\n1.jpg,cat\n2.jpg,dog\n",
        "test/m.csv": b"y,f\ndog,1.jpg\ncat,2\n",
    }
    archive = tar({**tables, **dict.fromkeys(names, b"")})
    lines, actual = read(names, {**CSV, "file": "*/m.csv", **GROUPS, "valid": ["train"]}, archive)
    assert lines.targets == ["dog", "cat", "cat", "dog"] and actual == Findings()
    lines, actual = read(names, {**CSV, "file": "train/m.csv"}, archive)
    assert lines.targets == [None, None, "cat", "dog"]
    assert actual.notes[0].startswith(
        "only train/m.csv is read; other files of the same name: test/m.csv;"
    )
    broken = {**tables, "test/m.csv": b"y,f\ndog,1.jpg\n,2\n"}
    _, actual = read(
        names, {**CSV, "file": "*/m.csv"}, tar({**broken, **dict.fromkeys(names, b"")})
    )
    assert "1 rows of */m.csv have an empty y: 2 (test/m.csv line 3)" in actual.errors[0]


def test_a_csv_of_another_part_of_the_split_is_named(tar: Tar) -> None:
    tables = {"train.csv": b"f,y\n1,cat\n2,dog\n", "test.csv": b"f,y\n3,cat\n", "meta.csv": b"a\n"}
    archive = tar({**tables, **dict.fromkeys(["1.jpg", "2.jpg"], b"")})
    _, actual = read(["1.jpg", "2.jpg"], {**CSV, "file": "train.csv"}, archive)
    assert actual.notes[0].startswith("only train.csv is read; next to it is another part of the")
    assert "split: test.csv; to use it too, join them" in actual.notes[0]


@pytest.mark.parametrize(
    ("source", "pattern", "message"),
    [
        ("name", r"/([^/]+)_\d+.jpg$", "sees only the file's name, here a_1.jpg, without"),
        ("name", r"^images/(.+)_", "`from: path` (pawprint new --from-path) sees the whole path"),
        ("folder", r"^x/(\w+)", "sees only the innermost folder's name, here images, without"),
        ("path", r"/([a-z]+)_\d+.jpg$", "paths here start without a slash, and (?:^|/)"),
    ],
)
def test_a_pattern_meant_for_the_path_is_told_what_it_sees(
    source: str, pattern: str, message: str
) -> None:
    names = ["x/images/a_1.jpg"] if source == "folder" else ["images/a_1.jpg"]
    names = ["a_1.jpg"] if source == "path" else names
    _, actual = read(names, {"from": source, "pattern": pattern})
    assert message in actual.errors[0]


def test_a_pattern_that_fits_the_name_has_no_such_hint() -> None:
    _, actual = read(["i/a_1.jpg", "i/b.jpg"], {"from": "name", "pattern": r"^(.+)_\d+.jpg$"})
    assert "sees only" not in actual.errors[0]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"from": "path"}, r"label.pattern is missing, such as \(\[\^/\]\+\)/"),
        ({**FOLDER, "test": ["a"]}, "label.test names groups: give label.group too"),
        ({**FOLDER, **GROUPS, "test": ["val", "x"]}, "label.valid and label.test both name val"),
        ({**CSV, **GROUPS, "split": "s"}, "label.split and label.valid both define a split"),
        ({**FOLDER, "sha256": "a" * 64}, "label.sha256: only for label.from: csv"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(keys: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DatasetEntry.model_validate({"pictures": {"url": "x"}, "label": keys})
