"""The arithmetic of the benchmarks, by hand, and their file of results."""

from pathlib import Path

import pytest

from benchmarks import pairs, results


def run(predicted: str, actual: str, seconds: float = 1.0) -> pairs.Run:
    """Pictures 0, 1, … of classes that are letters."""
    return {
        "seconds": seconds,
        "memory": 2**30,
        "predicted": {str(i): letter for i, letter in enumerate(predicted)},
        "actual": {str(i): letter for i, letter in enumerate(actual)},
    }


def test_errors_are_paired_by_split_and_picture() -> None:
    mine = pairs.wrong([run("aab", "aaa"), run("bbb", "bba")])
    theirs = pairs.wrong([run("bab", "aaa"), run("bba", "bba")])
    assert mine.tolist() == [False, False, True, False, False, True]
    mean, low, high = pairs.difference(mine, theirs)
    assert mean == pytest.approx((-1 + 1) / 6)
    assert low < mean < high


def test_equal_sides_differ_by_nothing() -> None:
    mine = pairs.wrong([run("abab", "aabb")])
    assert pairs.difference(mine, mine) == (0, 0, 0)


def test_the_interval_counts_a_picture_of_many_splits_once() -> None:
    # one picture of ten is wrong by ours alone, in each of 4 splits: as unsure as in one split
    splits = [run("b" + 9 * "a", 10 * "a")] * 4
    good = [run(10 * "a", 10 * "a")] * 4
    many = pairs.difference(pairs.wrong(splits), pairs.wrong(good))
    one = pairs.difference(pairs.wrong(splits[:1]), pairs.wrong(good[:1]))
    assert many == pytest.approx(one)
    assert many[0] == pytest.approx(0.1) and many[2] >= 0.3


def test_the_seeds_of_each_side_are_averaged_and_compared() -> None:
    # of four pictures wrong: 2 and 1 by ours, 1 and none by the peer
    mine, other, peer, others = (
        [run(process, "aaab")] for process in ("bbab", "baab", "aaaa", "aaab")
    )
    message = pairs.with_other_seeds(
        {"ours": mine, "fastai": peer}, {"ours": [other], "fastai": [others]}
    )
    assert "With 2 training seeds a split on either side: ours has 50.00, 25.00 % wrong" in message
    assert "(mean 37.50, sd 17.68; the others by split 25.0); fastai has 25.00, 0.00 %" in message
    assert "less the mean of fastai's: +25.00 points" in message


def test_the_line_of_a_side_has_its_ratio_pair_by_pair() -> None:
    ours = [run("ab", "ab", seconds=2.0), run("ab", "aa", seconds=1.0)]
    peer = [run("ab", "ab", seconds=4.0), run("ab", "ab", seconds=5.0)]
    line = pairs.line("ours", ours, peer)
    assert line == ["ours", "2", "1 / 2 / 2", "2.00 / 3.50 / 5.00", "1.0", "25.00", "0.0, 50.0"]


def test_mistakes_are_counted_either_way_and_the_frequent_ones_come_first() -> None:
    process = {"ours": [run("bacc", "abcb"), run("aacb", "abca")], "fastai": [run("aaca", "abca")]}
    lines = pairs.mistakes(process).splitlines()[2:]
    assert lines == ["| a / b | 4 | 1 |", "| b / c | 1 | 0 |"]


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    results.put("One", "first", file)
    results.put("Two", results.table(("a", "b"), [("1", "2")]), file)
    results.put("One", "second", file)
    results.append("Two", ("a", "b"), ("3", "4"), file)
    results.append("Three", ("c",), ("5",), file)
    assert file.read_text() == (
        "# Results\n\n## One\n\nsecond\n\n## Two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
        "| 3 | 4 |\n\n## Three\n\n| c |\n| --- |\n| 5 |\n"
    )


def test_the_picture_of_the_mistakes_is_drawn(tmp_path: Path) -> None:
    pairs.draw([run("bacc", "abcb"), run("aaca", "abca")], tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_runs_on_other_pictures_are_not_compared() -> None:
    mine, theirs = pairs.wrong([run("ab", "ab")]), pairs.wrong([run("aba", "aba")])
    with pytest.raises(ValueError, match="do not have the same images"):
        pairs.difference(mine, theirs)
