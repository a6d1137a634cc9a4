import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawprint.core.findings import Findings
from pawprint.data import label_table, labels
from pawprint.data.catalog import LabelRule

PETS = r"^(.+)_\d+\.jpg$"


def rule(source: str, pattern: str | None) -> LabelRule:
    csv = {"file": "x.csv", "name": "x", "label": "y"} if source == "csv" else {}
    return LabelRule.model_validate({"from": source, "pattern": pattern, **csv})


def test_the_pattern_splits_at_the_last_number() -> None:
    names = ["images/american_pit_bull_terrier_12.jpg", "images/Egyptian_Mau_191.jpg"]
    findings = Findings()
    assert labels.extract_targets(names, rule("name", PETS), "label", findings) == [
        "american_pit_bull_terrier",
        "Egyptian_Mau",
    ]
    assert not findings.errors


def test_all_unmatched_names_are_reported_with_their_count_and_the_first() -> None:
    names = ["a_1.jpg", *(f"bad{i}.png" for i in range(7)), "b_2.jpg"]
    findings = Findings()
    assert labels.extract_targets(names, rule("name", PETS), "label", findings)[1:8] == [None] * 7
    (error,) = findings.errors
    assert error.startswith("7 of 9 images get no label from label.pattern")
    assert "bad0.png, bad1.png, bad2.png, bad3.png, bad4.png and 2 more" in error
    assert "fix the rule in datasets.yaml" in error


def test_an_empty_label_is_no_label() -> None:
    findings = Findings()
    assert labels.extract_targets(
        ["_1.jpg"], rule("name", r"^(.*)_\d+\.jpg$"), "label", findings
    ) == [None]
    assert len(findings.errors) == 1


def test_the_folder_names_the_class_with_or_without_a_pattern() -> None:
    names = ["root/n01-cat/1.jpg", "root/n02-dog/1.jpg"]
    assert labels.extract_targets(names, rule("folder", None), "label", Findings()) == [
        "n01-cat",
        "n02-dog",
    ]
    assert labels.extract_targets(names, rule("folder", r"-(.+)$"), "label", Findings()) == [
        "cat",
        "dog",
    ]
    assert labels.extract_targets(
        ["1.jpg"], rule("folder", None), "label", findings := Findings()
    ) == [None]
    assert "label.from: folder" in findings.errors[0]


def test_a_csvs_cell_is_the_label_or_holds_it() -> None:
    cells, findings = {"1.jpg": "n01-cat", "2.jpg": "n02-dog"}, Findings()
    assert labels.extract_targets(
        ["1.jpg", "2.jpg"], rule("csv", None), "label", findings, cells
    ) == [
        "n01-cat",
        "n02-dog",
    ]
    assert labels.extract_targets(
        ["2.jpg", "1.jpg"], rule("csv", r"-(.+)$"), "label", findings, cells
    ) == [
        "dog",
        "cat",
    ]
    assert labels.extract_targets(["3.jpg"], rule("csv", None), "label", findings, cells) == [
        None
    ]  # said by annotations
    assert not findings.errors
    assert labels.extract_targets(["1.jpg"], rule("csv", r"_(.+)$"), "label", findings, cells) == [
        None
    ]
    assert findings.errors[0].startswith(
        "1 of 1 images get no label from label.pattern _(.+)$: 1.jpg"
    )
    assert "1.jpg (n01-cat); fix these cells of x.csv, fix the rule" in findings.errors[0]


@pytest.mark.parametrize("cell", ["=HYPERLINK(1)", "cat\x1b[2J"])
def test_a_hostile_cell_is_refused(cell: str) -> None:
    findings = Findings()
    labels.extract_targets(["1.jpg"], rule("csv", None), "label", findings, {"1.jpg": cell})
    (error,) = findings.errors
    assert error.startswith("1 labels cannot be used: ") and "rename these cells" in error
    assert error.isprintable()


def test_a_pattern_is_shown_as_it_was_written() -> None:
    findings = Findings()
    labels.extract_targets(["x"], rule("name", "(\\d)\x1b"), "label", findings)
    assert r"from label.pattern (\d)\x1b: x;" in findings.errors[0]


def table(*rows: tuple[str, str, str]) -> pd.DataFrame:
    names, words, splits = map(list, zip(*rows, strict=True))
    return label_table.labels_table(names, words, splits)


def test_rows_without_label_or_split_are_left_out() -> None:
    rows = label_table.labels_table(["a", "b", "c"], ["x", None, "y"], ["train", "valid", None])
    assert rows.to_dict("records") == [{"name": "a", "label": "x", "split": "train"}]


def test_counts_are_by_class_and_split_with_capitals_first() -> None:
    counted = label_table.class_counts(
        table(("1", "cat", "train"), ("2", "Birman", "valid"), ("3", "cat", "train"))
    )
    assert counted.index.tolist() == ["Birman", "cat"]
    assert counted.columns.tolist() == ["train", "valid", "test"]
    assert counted.to_numpy().tolist() == [[0, 1, 0], [2, 0, 0]]


def test_classes_absent_from_train_stop_and_absent_from_valid_are_noted() -> None:
    findings = Findings()
    rows = table(("1", "a", "train"), ("2", "b", "valid"), ("3", "c", "train"), ("4", "a", "valid"))
    label_table.check_classes(label_table.class_counts(rows), rows, findings)
    assert [error.split(";")[0] for error in findings.errors] == [
        "1 of 3 classes have no image in train, so they cannot be learned: b"
    ]
    assert [note.split(":")[-1] for note in findings.notes] == [" c"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("1", "a", "train"), ("2", "a", "valid")],
            "all images are of one class, a, but a classifier",
        ),
        ([("1", "a", "train"), ("2", "b", "train")], "no image in valid"),
    ],
)
def test_what_cannot_be_trained_or_judged_stops(
    rows: list[tuple[str, str, str]], message: str
) -> None:
    findings = Findings()
    label_table.check_classes(label_table.class_counts(table(*rows)), table(*rows), findings)
    assert any(error.startswith(message) for error in findings.errors)


def test_equal_bytes_across_the_split_are_found_and_within_a_side_are_not() -> None:
    rows = table(("1", "a", "train"), ("2", "a", "valid"), ("3", "b", "train"), ("4", "b", "train"))
    hashes = {"1": "x", "2": "x", "3": "y", "4": "y"}
    assert label_table.duplicates_across_splits(rows, hashes) == [["1", "2"]]


@pytest.mark.parametrize(("rule", "kind"), [("warn", "notes"), ("error", "errors")])
def test_duplicates_warn_or_stop(rule: str, kind: str) -> None:
    findings = Findings()
    label_table.check_duplicates([["1", "2"]], rule, findings)
    assert "1 groups of images with equal bytes" in getattr(findings, kind)[0]
    assert "1 = 2" in getattr(findings, kind)[0]


def test_findings_stop_with_every_error_on_its_own_line() -> None:
    Findings(notes=["only a note"]).stop()
    with pytest.raises(ValueError, match="^first\nsecond$"):
        Findings(errors=["first", "second"]).stop()


@given(st.lists(st.sampled_from(["train", "valid", "test"]), min_size=1, max_size=30))
def test_the_summary_adds_up(splits: list[str]) -> None:
    rows = label_table.labels_table(
        [str(i) for i in range(len(splits))], ["a"] * len(splits), splits
    )
    metrics = label_table.summary(rows, label_table.class_counts(rows), len(splits) + 2, 0)
    assert (
        metrics["train"] + metrics["valid"] + metrics["test"] + metrics["in_no_split"]
        == metrics["pictures"]
    )
    assert metrics["in_no_split"] == 2
