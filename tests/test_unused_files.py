"""What is said of files that are not used, and when it is an error."""

import pytest

from pawprint.core.findings import Findings
from pawprint.data.catalog import LabelRule
from pawprint.storage import unused_files
from pawprint.storage.image_files import Listing, Unused
from tests.test_image_files import HEIC, JPEG, list_names

PETS = {"pets/cat/1.jpg": JPEG, "pets/dog/1.jpg": JPEG}
FOX = {f"pets/fox/{i}.heic": HEIC for i in range(5)}


def check(files: dict[str, bytes], source: str, **more: str) -> Findings:
    findings = Findings()
    csv = {"file": "x.csv", "name": "n", "label": "l"} if source == "csv" else {}
    pattern = {"pattern": "(.+)_"} if source == "name" else {}
    rule = LabelRule.model_validate({"from": source, **csv, **pattern, **more})
    unused_files.check(list_names(files), rule, findings)
    return findings


def test_files_are_grouped_by_what_they_are_with_what_helps() -> None:
    files = {**PETS, "pets/cat/2.HEIC": HEIC, "pets/cat/3.heic": HEIC, "pets/.4.jpg": JPEG}
    assert check(files, "name").notes == [
        "3 files are not used: hidden 1 (pets/.4.jpg), HEIC 2 (pets/cat/2.HEIC, pets/cat/3.heic); "
        "convert HEIC to JPEG or PNG"
    ]


def test_others_are_counted_by_their_suffix_but_for_the_one_that_is_read() -> None:
    files = {**PETS, "labels.csv": b"a,b", "LICENSE": b"x", "a.TXT": b"x", "b.txt": b"x"}
    assert check(files, "csv", file="labels.csv").notes == [
        "3 other files are not images: .txt 2, without a suffix 1"
    ]
    assert check({**PETS, "labels.csv": b"a,b"}, "csv", file="labels.csv").notes == []


def test_csv_files_that_are_read_by_a_pattern_are_not_counted() -> None:
    listing = list_names({"a/1.jpg": JPEG, "a/m.csv": b"x", "b/m.csv": b"x", "b/n.csv": b"x"})
    assert unused_files.notes(listing, ["*/m.csv"]) == ["1 other file is not an image: .csv 1"]


def test_what_systems_leave_is_counted_by_name() -> None:
    files = {**PETS, "__MACOSX/a": b"", "__MACOSX/b": b"", ".DS_Store": b""}
    assert check(files, "name").notes == [
        "3 system files and folders are ignored: __MACOSX 2, .DS_Store 1"
    ]


def test_a_class_folder_of_which_nothing_can_be_used_is_an_error() -> None:
    actual = check({**PETS, **FOX}, "folder")
    assert actual.errors == [
        "1 folder gives no image, so no class: pets/fox: 5 files, none usable: HEIC 5 "
        "(pets/fox/0.heic, pets/fox/1.heic, pets/fox/2.heic and 2 more); convert HEIC to JPEG or "
        "PNG; or remove it"
    ]
    assert len(actual.notes) == 1


def test_by_another_rule_it_is_a_note() -> None:
    for source in ("name", "csv", "biwi"):
        actual = check({**PETS, **FOX}, source)
        assert not actual.errors and "HEIC 5" in actual.notes[0]


@pytest.mark.parametrize(
    "extra",
    [
        {"pets/1.heic": HEIC},  # above the class folders
        {"1.heic": HEIC},
        {"more/cat/1.heic": HEIC},  # the class has images elsewhere
        {"pets/.old/1.jpg": JPEG},
        {"pets/fox/@eaDir/1.jpg": JPEG},
    ],
)
def test_files_that_take_no_class_away_are_a_note(extra: dict[str, bytes]) -> None:
    actual = check({**PETS, **extra}, "folder")
    assert not actual.errors and len(actual.notes) == 1


def test_with_a_pattern_on_the_folders_its_group_is_the_class() -> None:
    files = {"n1-cat/1.jpg": JPEG, "n2-dog/1.jpg": JPEG, "n3-cat/1.heic": HEIC}
    assert not check(files, "folder", pattern="^n.-(.+)$").errors
    assert check({**files, "n4-fox/1.heic": HEIC}, "folder", pattern="^n.-(.+)$").errors


def test_a_folder_of_texts_is_named_and_no_error() -> None:
    actual = check({**PETS, "pets/docs/a.md": b"x", "pets/docs/b.md": b"x"}, "folder")
    assert actual.errors == []
    assert actual.notes[1] == "1 folder gives no image, so no class: pets/docs"


def test_what_the_poses_rule_reads_is_not_counted() -> None:
    files = {
        "biwi/01/frame_1_rgb.jpg": JPEG,
        "biwi/01/frame_1_pose.txt": b"1",
        "biwi/01/rgb.cal": b"1",
    }
    assert check(files, "biwi").notes == []


def test_names_for_a_terminal_are_shown_safely() -> None:
    listing = Listing(unused=[Unused("a\x1b[2J.heic", "HEIC")], others=["b.\x1b[2J"])
    assert all(line.isprintable() for line in unused_files.notes(listing))
