"""What the columns of a CSV seem to hold."""

import pytest

from pawprint.core.findings import Findings
from pawprint.data import columns
from pawprint.data.catalog import Table

TABLE = Table("x.csv", "f", ["y"], None, False)


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["cat", "dog", "cat dog", "dog cat"], " "),
        (["cat dog", "dog cat"], " "),
        (["cat", "dog", "cat,dog"], ","),
        (["cat", "dog", "cat, dog", "fox"], ","),
        (["a|b", "b|c", "a|c", "c|d", "a|d"], "|"),
        (["cat;dog", "dog;cat", "cat"], ";"),
        (["haze primary", "clear primary", "clear water primary", "haze water", "clear water",
          "haze water primary", "primary haze"], " "),
    ],
)  # fmt: skip
def test_cells_with_several_labels_are_seen(cells: list[str], separator: str) -> None:
    actual = columns.combinations(cells * 3)
    assert actual is not None and actual.separator == separator


@pytest.mark.parametrize(
    "cells",
    [
        ["great dane", "golden retriever", "irish setter", "english setter", "gordon setter"],
        ["tench, Tinca tinca", "goldfish, Carassius auratus", "great white shark, white shark"],
        ["panda", "red panda", "fox", "red fox"],
        ["new york", "york", "san francisco", "los angeles"],
        ["1/2", "2/3", "0.5"],
        ["cat", "dog"],
        ["hot dog", "dog", "hot chocolate", "cake"],
        [""],
    ],
)
def test_names_of_several_words_are_no_combinations(cells: list[str]) -> None:
    assert columns.combinations(cells * 3) is None


@pytest.mark.parametrize(
    ("column", "cells", "is_split"),
    [
        ("split", ["train", "val", "train"], True),
        ("anything", ["Training", "PublicTest", "PrivateTest"], True),
        ("is_valid", ["True", "False"], True),
        ("is_test", ["1", "0"], True),
        ("blurred", ["1", "0"], False),
        ("split", ["train", "train"], False),
        ("split", ["train", "no idea"], False),
        ("kind", ["cat", "dog"], False),
    ],
)
def test_a_column_that_says_a_split_is_seen(column: str, cells: list[str], is_split: bool) -> None:
    rows = [["x.jpg", cell] for cell in cells]
    assert columns.split_columns(["f", column], rows) == ([column] if is_split else [])
    assert columns.split_columns(["f", column], rows, [column]) == []


def lines(header: str, *rows: str) -> list[tuple[int, list[str]]]:
    return [(i + 1, row.split(",")) for i, row in enumerate([header, *rows])]


def test_a_split_that_is_not_used_is_a_note_that_names_the_option() -> None:
    findings = Findings()
    columns.check(lines("f,y,phase", "1,cat,train", "2,dog,val"), TABLE, findings, False)
    (note,) = findings.notes
    assert note.startswith("column phase of x.csv seems to be a split (train 1, val 1), which is")
    assert "pawprint new --split-column phase" in note
    columns.check(lines("f,y,phase", "1,cat,train", "2,dog,val"), TABLE, findings, True)
    taken = Table("x.csv", "f", ["y"], "phase", False)
    columns.check(lines("f,y,phase", "1,cat,train", "2,dog,val"), taken, findings, False)
    assert len(findings.notes) == 1


def test_folds_are_a_note() -> None:
    findings = Findings()
    columns.check(lines("f,y,fold", "1,cat,0", "2,dog,1", "3,dog,2"), TABLE, findings, False)
    assert findings.notes[0].startswith(
        "column fold of x.csv seems to number folds (0 1, 1 1, 2 1)"
    )


def test_several_labels_are_a_note_that_names_target_and_separator() -> None:
    findings = Findings()
    rows = ["1,cat", "2,dog", "3,cat dog", "4,dog cat"]
    columns.check(lines("f,y", *rows), TABLE, findings, False)
    assert "2 of 4 cells seem to contain several labels with ' ' between them" in findings.notes[0]
    assert "target: labels, separator: ' ' (pawprint new --separator ' '" in findings.notes[0]
    columns.check(lines("f,y", *rows), Table("x", "f", ["y"], None, True, " "), findings, False)
    assert len(findings.notes) == 1
    columns.check(lines("f,y", *rows), Table("x", "f", ["y"], None, True, "|"), findings, False)
    assert "with separator '|', 2 of 4 classes seem to contain several labels" in findings.notes[1]


def test_columns_of_0_and_1_are_a_class_each() -> None:
    rows = [["1.jpg", "0", "1", "1.0", "0"], ["2.jpg", "1", "0", "0.0", "1"]]
    assert columns.one_hot(["f", "cat", "dog", "fox", "is_valid"], rows) == ["cat", "dog", "fox"]
    assert columns.one_hot(["f", "cat"], [row[:2] for row in rows]) == []


def test_lists_in_brackets_are_a_note() -> None:
    findings = Findings()
    rows = [["1", "['cat', 'dog']"], ["2", "[]"], ["3", "['dog']"]]
    columns.check([(1, ["f", "y"]), *((2, row) for row in rows)], TABLE, findings, False)
    assert "3 of 3 cells are lists such as ['cat', 'dog'], and the whole cell" in findings.notes[0]
