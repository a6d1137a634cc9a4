import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pawprint.core.findings import Findings
from pawprint.data import lists, splits
from pawprint.data.hash_split import hash_split
from pawprint.data.splits import Annotations


def test_random_is_fastais_for_7390_pictures_and_seed_42(vectors: dict[str, Any]) -> None:
    expected = vectors["random_splitter_n7390_seed42"]
    order = splits.permutation(7390, 42)
    n = expected["n_valid"]
    assert order[:10] == expected["valid_first10"]
    assert order[n : n + 10] == expected["train_first10"]
    for rows, key in ((order[:n], "valid"), (order[n:], "train")):
        digest = hashlib.sha256(np.asarray(rows, dtype="<i8").tobytes()).hexdigest()
        assert digest == expected[f"{key}_sha256_int64le"]
    image_sizes = splits.random_split(7390, 0.2, 42)
    assert {i for i, side in enumerate(image_sizes) if side == "valid"} == set(order[:n])


def test_permutation_of_ten_is_fastais(vectors: dict[str, Any]) -> None:
    assert splits.permutation(10, 42) == vectors["random_splitter_n10_seed42"]["perm"]


@given(st.integers(0, 3000), st.integers(0, 2**32 - 1))
def test_permutation_equals_torch(n: int, seed: int) -> None:
    torch.manual_seed(seed)
    assert splits.permutation(n, seed) == torch.randperm(n).tolist()


@given(st.integers(0, 500), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_random_gives_valid_its_share_rounded_down(n: int, share: float, seed: int) -> None:
    assert splits.random_split(n, share, seed).count("valid") == int(share * n)


@given(st.lists(st.integers(4, 20), min_size=2, max_size=6), st.integers(0, 99))
def test_stratified_keeps_each_class_within_one_picture(sizes: list[int], seed: int) -> None:
    labels = [f"class {i}" for i, size in enumerate(sizes) for _ in range(size)]
    image_sizes = splits.stratified_split(labels, 0.4, seed)
    assert len(image_sizes) == len(labels)
    for i, size in enumerate(sizes):
        own = [s for s, label in zip(image_sizes, labels, strict=True) if label == f"class {i}"]
        assert abs(own.count("valid") - 0.4 * size) <= 1.5


def test_stratified_names_classes_of_one_picture() -> None:
    with pytest.raises(ValueError, match=r"1 targets have only one image.*: cat; add images"):
        splits.stratified_split(["dog", "dog", "cat"], 0.5, 0)


def test_stratified_says_when_valid_is_too_small() -> None:
    with pytest.raises(ValueError, match=r"valid_fraction 0.1 of 6 images gives 0 for valid"):
        splits.stratified_split(["a", "a", "b", "b", "c", "c"], 0.1, 0)


NAMES = [f"images/{stem}.jpg" for stem in ("a_1", "a_2", "a_3", "b_1", "b_2", "b_3")]


def test_official_takes_test_as_listed_and_draws_valid_from_train() -> None:
    findings = Findings()
    own = {"train": ["a_1", "a_2", "b_1", "b_2"], "test": ["a_3"]}
    image_sizes = splits.official_split(NAMES, own, 0.25, 42, findings)
    assert image_sizes[2] == "test"
    assert image_sizes[5] is None
    assert sorted(s for s in image_sizes if s) == ["test", "train", "train", "train", "valid"]
    assert not findings.errors
    assert findings.notes == [
        "1 of 6 images are in none of the dataset's own lists and are left out: images/b_3.jpg"
    ]


def test_official_keeps_a_list_for_valid() -> None:
    own = {"train": ["a_1", "b_1"], "valid": ["a_2.jpg"], "test": ["images/b_2.jpg"]}
    image_sizes = splits.official_split(NAMES, own, 0.9, 42, Findings())
    assert image_sizes == ["train", "valid", None, "train", "test", None]


def test_official_reports_listed_names_without_a_picture_and_pictures_listed_twice() -> None:
    findings = Findings()
    splits.official_split(NAMES, {"train": ["a_1", "gone"], "test": ["a_1"]}, 0.2, 42, findings)
    assert "1 listed names have no image: gone" in findings.notes
    assert findings.errors[0].startswith("1 images are in two of the dataset's own lists: a_1;")


def test_official_does_not_guess_which_of_two_pictures_a_list_means() -> None:
    findings, names = Findings(), ["a/1.jpg", "b/1.jpg", "b/1.png", "2.jpg"]
    own = {"train": ["a/1.jpg", "1.png"], "valid": ["1", "1.jpg", "2"]}
    assert splits.official_split(names, own, 0.2, 42, findings) == ["train", None, "train", "valid"]
    (error,) = findings.errors
    assert error.startswith("2 names in the dataset's own lists may mean several images: 1, 1")
    assert "write their paths there" in error


def test_lists_are_read_by_their_first_word_and_comments_left_out(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("#Image CLASS-ID\nAbyssinian_100 1 1 1\n\nbeagle_1 2 2 1\n")
    assert lists.read(tmp_path) == {"train": ["Abyssinian_100", "beagle_1"]}


def test_official_without_lists_says_where_to_name_them(tmp_path: Path) -> None:
    findings = Findings()
    image_sizes = splits.assign_splits(
        "official", NAMES, Annotations(["a"] * 6, None, None), tmp_path, 0.5, 42, findings
    )
    assert image_sizes == [None] * 6  # nothing is said of a split that there is not
    assert "add `lists` (or label.split, label.valid) to its block" in findings.errors[0]


def test_a_split_of_groups_without_valid_draws_it_from_train_and_says_so(tmp_path: Path) -> None:
    own, findings = ["train"] * 10 + ["test"] * 2, Findings()
    lines = Annotations(["a"] * 12, [*own], None)
    image_sizes = splits.assign_splits("official", ["x"] * 12, lines, tmp_path, 0.2, 42, findings)
    assert image_sizes[:10] == splits.random_split(10, 0.2, 42) and image_sizes[10:] == ["test"] * 2
    assert findings.notes[0].startswith(
        "the dataset's own split has no valid: 2 of train's 10 imag"
    )


@pytest.mark.parametrize("has_lists", [True, False])
def test_a_split_of_its_own_that_is_not_used_is_a_note(tmp_path: Path, has_lists: bool) -> None:
    findings = Findings()
    if has_lists:
        (tmp_path / "train.txt").write_text("a_1\n")
    lines = Annotations(["a"] * 6, None if has_lists else ["train", "valid"] * 3, None)
    splits.assign_splits("random", NAMES, lines, tmp_path, 0.5, 42, findings)
    assert "but label.split: random in params.yaml does not use it" in findings.notes[0]
    assert findings.notes[0].endswith("-S label.split=official")
    splits.assign_splits(
        "random", NAMES, Annotations(["a"] * 6, None, None), tmp_path / "x", 0.5, 42, findings
    )
    assert len(findings.notes) == 1


def test_lists_may_name_paths_from_the_pictures_folder_without_a_suffix() -> None:
    names, findings = ["images/cat/1.jpg", "images/cat/2.jpg", "images/dog/1.jpg"], Findings()
    own = {"train": ["cat/1", "dog/1"], "valid": ["cat/2"]}
    assert splits.official_split(names, own, 0.2, 42, findings) == ["train", "valid", "train"]
    assert findings == Findings()


@pytest.mark.parametrize("rule", ["random", "stratified", "group"])
def test_pictures_without_a_target_take_no_part_in_a_draw(tmp_path: Path, rule: str) -> None:
    lines = Annotations([None, "a", "b", None, "a", "b"], None, ["x", "1", "1", "x", "2", "2"])
    image_sizes = splits.assign_splits(
        rule, NAMES, lines, tmp_path, 0.5, 42, findings := Findings()
    )
    assert findings == Findings() and (image_sizes[0], image_sizes[3]) == (None, None)
    assert sorted(side for side in image_sizes if side) == ["train"] * 2 + ["valid"] * 2


def test_by_hash_an_image_keeps_its_side_whatever_joins_or_goes() -> None:
    hashes = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(400)]
    all_sides = dict(zip(hashes, hash_split(hashes, None, 0.2, 7), strict=True))
    some = hashes[300:] + hashes[:50]
    assert [all_sides[x] for x in some] == hash_split(some, None, 0.2, 7)
    assert 50 < [*all_sides.values()].count("valid") < 110
    assert hash_split(hashes, None, 0.2, 8) != [*all_sides.values()]


def test_by_hash_a_group_is_on_the_side_of_its_smallest_hash() -> None:
    hashes = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(60)]
    groups: list[str | None] = [*("ab"[i % 2] for i in range(40)), *[""] * 10, *[None] * 10]
    sides = hash_split(hashes, groups, 0.5, 0)
    alone = dict(zip(hashes, hash_split(hashes, None, 0.5, 0), strict=True))
    for group in ("a", "b", ""):
        members = [x for x, of in zip(hashes, groups, strict=True) if of == group]
        of_group = {side for side, of in zip(sides, groups, strict=True) if of == group}
        assert of_group == {alone[min(members)]}
    assert sides[50:] == [alone[x] for x in hashes[50:]]
