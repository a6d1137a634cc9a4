"""Words that say train, valid or test."""

import pytest

from pawprint.core.findings import Findings
from pawprint.data import split_words


@pytest.mark.parametrize(
    ("text", "column", "split"),
    [
        *((text, "split", "train") for text in ("train", " Training ", "TRAIN", "trainval")),
        *((text, "x", "valid") for text in ("val", "Valid", "VALIDATION", "dev", "eval")),
        *((text, "Usage", "test") for text in ("test", "Testing", "PublicTest", "PrivateTest")),
        *((text, "is_valid", "valid") for text in ("True", "1", "yes", "TRUE ", "1.0")),
        *((text, "is_valid", "train") for text in ("False", "0", "no", "0.0")),
        *(("1", "is_train", "train"), ("0", "is_train", "valid")),
        *(("True", "is_test", "test"), ("False", "is_test", "train")),
        *((text, "fold", None) for text in ("2", "", "maybe", "train/test", "unlabeled")),
        ("test tube", "split", None),
    ],
)
def test_a_cell_says_its_split(text: str, column: str, split: str | None) -> None:
    assert split_words.cell_split(text, column) == split


def test_other_words_are_an_error_that_lists_the_allowed_ones() -> None:
    findings = Findings()
    texts = {"a": "Val", "b": "holdout", "c": ""}
    assert split_words.parse_splits(["a", "b", "c", "d"], texts, "split", findings) == [
        "valid",
        None,
        None,
        None,
    ]
    (error,) = findings.errors
    assert error.startswith(
        "column split contains an empty cell, holdout; allowed are train (training"
    )
    assert "test (testing)" in error and "True, 1, yes or False, 0, no" in error


def test_groups_are_on_the_side_that_names_them_and_absent_ones_are_errors() -> None:
    findings = Findings()
    groups = ["tr", "va", "te", None]
    result = split_words.of_groups(groups, ["va", "gone"], ["te", "lost"], findings, "fix it")
    assert result == ["train", "valid", "test", "train"]
    assert findings.errors == [
        "label.valid: no image is in group gone; fix it",
        "label.test: no image is in group lost; fix it",
    ]
