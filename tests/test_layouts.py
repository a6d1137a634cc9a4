"""Folders that say a split, and the level of folders that names the class."""

import re

import pytest

from pawprint.data import layouts
from pawprint.data.layouts import SplitFolders, class_rules, split_folders

TWO = ("cat", "dog")


def under(*tops: str, within: str = "{}/1.jpg") -> list[str]:
    return [f"{top}/{within.format(label)}" for top in tops for label in TWO]


@pytest.mark.parametrize(
    ("tops", "words"),
    [
        (("train", "valid", "test"), ("train", "valid", "test")),
        (("Train", "VAL"), ("train", "valid")),
        (("a/b/training", "a/b/testing"), ("train", "test")),
        (("x/seg_train/seg_train", "x/seg_test/seg_test"), ("train", "test")),
        (("train2017", "val2017"), ("train", "valid")),
        (("training_set/training_set", "test_set/test_set"), ("train", "test")),
        (("train_images", "test_images", "dev images"), ("train", "test", "valid")),
        (("s_train", "s_test", "s_pred"), ("train", "test", "test")),
    ],
)
def test_folders_of_a_split_are_known_by_their_words(
    tops: tuple[str, ...], words: tuple[str, ...]
) -> None:
    splits = split_folders(under(*tops))
    assert splits is not None
    assert [splits.split_of(f"{top}/cat/1.jpg") for top in tops] == [*words]
    assert class_rules(under(*tops), splits)[0] == {"from": "folder"}


@pytest.mark.parametrize(
    "folders",
    [
        ("cat", "dog"),
        ("train", "bus", "boat"),
        ("test tube", "train station"),
        ("validated", "trained", "tested"),
        ("train",),
    ],
)
def test_folders_of_classes_say_no_split(folders: tuple[str, ...]) -> None:
    assert split_folders([f"{folder}/1.jpg" for folder in folders]) is None


def test_the_keys_of_a_rule_lead_to_the_outermost_folder_as_it_is_written() -> None:
    names = [*under("top/Train", "top/val"), "top/val/train/9.jpg", "top/test (1)/x/1.jpg"]
    splits = split_folders(names)
    assert splits is not None
    keys = splits.keys
    assert keys["valid"] == ["val"] and keys["test"] == ["test (1)"]
    rows = [m.group(1) for name in names if (m := re.search(keys["group"], name))]
    assert rows == ["Train", "Train", "val", "val", "val", "test (1)"]


def test_beside_folders_of_classes_test_is_one_and_the_others_are_trains() -> None:
    splits = split_folders(["cat/1.jpg", "dog/1.jpg", "test/1.jpg"])
    assert splits == SplitFolders({"test": "test"})
    rows = [re.search(splits.keys["group"], name) for name in ("cat/1.jpg", "a/test/1.jpg")]
    assert [m.group(1) for m in rows if m] == [None, "test"]


def test_a_valid_beside_folders_of_classes_is_one_and_dev_may_be_a_class() -> None:
    assert split_folders(["cat/1.jpg", "val/1.jpg"]) == SplitFolders({"val": "valid"})
    assert split_folders(["cat/1.jpg", "dev/1.jpg"]) is None


def test_a_class_named_train_is_a_class_within_a_split() -> None:
    names = ["train/bus/1.jpg", "train/train/1.jpg", "val/bus/1.jpg", "val/train/1.jpg"]
    splits = split_folders(names)
    assert [layouts.class_folder(name, splits) for name in names] == ["bus", "train"] * 2
    twice = ["train/train/1.jpg", "test/test/1.jpg"]
    assert {layouts.class_folder(name, split_folders(twice)) for name in twice} == {""}


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["cat/2021/1.jpg", "cat/2022/1.jpg", "dog/2021/2.jpg"], "cat cat dog"),
        (["cat/images/1.jpg", "dog/images/2.jpg"], "cat dog"),
        (["x/cat/images/1.jpg", "x/dog/images/2.jpg"], "cat dog"),
        (["ann/session1/1.jpg", "ann/session2/1.jpg", "bob/session1/1.jpg"], "ann ann bob"),
        (["2021/cat/1.jpg", "2022/cat/1.jpg", "2022/dog/1.jpg"], "cat cat dog"),
        (["cat/train/1.jpg", "cat/test/1.jpg", "dog/train/1.jpg"], "cat cat dog"),
        (["train/cat/images/1.jpg", "val/dog/images/1.jpg"], "cat dog"),
        (["train/cat/a/1.jpg", "train/dog/1.jpg", "test/cat/1.jpg"], "cat dog cat"),
        (["cat/images/1.jpg", "dog/2.jpg"], "cat dog"),
        (["cat/2021-05-01/x/1.jpg", "dog/2021-05-01/x/2.jpg"], "cat dog"),
    ],
)
def test_the_level_that_names_the_class_is_proposed(names: list[str], labels: str) -> None:
    splits = split_folders(names)
    rule = class_rules(names, splits)[0]
    if rule["from"] == "folder":
        rows = [layouts.class_folder(name, splits) for name in names]
    else:
        rows = [m.group(1) for name in names if (m := re.search(rule["pattern"], name))]
    assert rows == labels.split()


def test_where_two_levels_may_name_the_class_the_other_one_is_named() -> None:
    names = ["dog/beagle/1.jpg", "dog/pug/1.jpg", "cat/birman/1.jpg"]
    (note,) = layouts.other_levels(names, None)
    assert "innermost folder (beagle 1, pug 1, birman 1)" in note
    assert "(dog 2, cat 1)" in note and "--from-path --pattern '^([^/]+)/'" in note
    assert layouts.other_levels(["cat/1.jpg", "dog/1.jpg"], None) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat/images/1.jpg", "dog/images/1.jpg"], r"folders \(images 2\).*--pattern '\^\("),
        (["cat/2021/1.jpg", "dog/2022/1.jpg"], r"\(2021 1, 2022 1\).*\(cat 1, dog 1\)"),
        (["cat/train/1.jpg", "dog/test/1.jpg", "dog/train/1.jpg"], r"\(\[\^/\]\+\)/\(\?:train"),
    ],
)
def test_dates_and_the_like_are_no_classes(names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layouts.check_class_folder(names, split_folders(names))


def test_mixed_folders_are_a_note_with_the_way_to_keep_them_apart() -> None:
    names = under("train", "val")
    splits = split_folders(names)
    assert splits is not None
    (note,) = layouts.mixed_splits(splits, names)
    assert "train/ (2), val/ (2) are mixed" in note and "--split-folders" in note
    assert "group: ^(?:.*?/)?(train|val)/, valid: [val]" in note
    assert layouts.mixed_splits(splits, names[:2]) == []
