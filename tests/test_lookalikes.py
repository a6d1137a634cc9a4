"""Labels that look alike."""

import unicodedata

import pytest

from pawprint.core.findings import Findings
from pawprint.data import lookalikes

CAFE = "caf\u00e9"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Cat", "cat"),
        ("great dane", "great  dane"),
        ("great dane", "great\u00a0dane"),
        ("cat", "cat\u200b"),
        ("cat", "\ufeffcat"),
        (CAFE, unicodedata.normalize("NFD", CAFE)),
        ("cat", "c\u0430t"),
        ("CAT", "\u0421\u0410\u0422"),
        ("alpha", "\u03b1lph\u03b1"),
        ("stra\u00dfe", "STRASSE"),
        ("cat", "\uff43\uff41\uff54"),
        ("great_dane", "great-dane"),
        ("\u0130zmir", "izmir"),
    ],
)
def test_labels_that_look_alike_are_named_with_their_counts(first: str, second: str) -> None:
    findings = Findings()
    lookalikes.check({first: 3, second: 2, "other": 1}, findings)
    (note,) = findings.notes
    assert note.startswith("1 groups of labels look alike, but are different classes: ")
    assert "(3)" in note and "(2)" in note and "other" not in note and note.isprintable()


@pytest.mark.parametrize(
    "labels", [("cat", "cats"), ("-1", "1"), ("resume", "r\u00e9sum\u00e9"), ("1-2", "12")]
)
def test_labels_that_differ_to_the_eye_are_not(labels: tuple[str, ...]) -> None:
    findings = Findings()
    lookalikes.check(dict.fromkeys(labels, 1), findings)
    assert findings.notes == []


def test_letters_of_another_script_are_shown_by_their_codes() -> None:
    findings = Findings()
    lookalikes.check({"cat": 3, "c\u0430t": 2}, findings)
    assert "cat (3) = 'c\\u0430t' (2)" in findings.notes[0]
