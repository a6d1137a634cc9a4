"""Ratings as a table: layouts, titles, faults, and which ratings judge."""

import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawprint.core.findings import Findings
from pawprint.data import splits
from pawprint.ratings import rating_file
from pawprint.ratings.dataset import vocabulary
from pawprint.ratings.table import count_ratings, read_noise, split_ratings

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def read(path: Path, actual: Findings | None = None, **given: Any) -> pd.DataFrame:
    lines = {"file": None, "columns": {}, "titles": None} | given
    actual = actual or Findings()
    table = rating_file.read_ratings(path, **lines, findings=actual)
    actual.stop()
    return table


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


U_DATA = b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\t878887116\n"
U_ITEM = (
    "242|Kolya (1996)|24-Jan-1997||http://us.imdb.com/M/title-exact?Kolya%20(1996)|0|1\n"
    "302|Misérables, Les (1995)|01-Jan-1995||http://us.imdb.com|0|0\n"
    "377|Kolya (1996)|||http://us.imdb.com|0|0\n"
).encode("latin-1")


def test_movielens_is_read_in_its_published_layout(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "ratings", {"ml-100k/u.data": U_DATA, "ml-100k/u.item": U_ITEM})
    findings = Findings()
    table = read(path, findings, file="ml-100k/u.data", titles=("ml-100k/u.item", "latin-1"))
    assert table.to_dict("list") == {
        "user": ["196", "186", "22"],
        "item": ["Kolya (1996)", "Misérables, Les (1995)", "Kolya (1996)"],
        "rating": [3, 3, 1],
        "time": [881250949, 891717742, 878887116],
    }
    assert findings.notes == ["1 titles belong to several items, which count as one: Kolya (1996)"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("7,a,4.5\n8,b,3\n", {}),
        ("who,what,stars\n7,a,4.5\n8,b,3\n", {}),
        ("\ufeffuser;item;rating\r\n7;a;4.5\r\n\r\n8;b;3\r\n", {}),
        ("7::a::4.5\n8::b::3", {}),
        ("stars,who,what\n4.5,7,a\n3,8,b\n", {"user": "who", "item": "what", "rating": "stars"}),
        ('id,who,what,stars\n1,7,"a",4.5\n2,8,b,3\n',
         {"user": "who", "item": "what", "rating": "stars"}),
    ],
)  # fmt: skip
def test_any_table_of_user_item_and_rating_works(
    tmp_path: Path, text: str, columns: dict[str, str]
) -> None:
    (tmp_path / "mine.csv").write_text(text, newline="")
    table = read(tmp_path / "mine.csv", columns=columns)
    assert table.to_dict("list") == {"user": ["7", "8"], "item": ["a", "b"], "rating": [4.5, 3.0]}


def test_a_quoted_comma_is_part_of_a_title_and_movies_csv_is_a_list_of_titles(
    tmp_path: Path,
) -> None:
    movies = b'movieId,title,genres\n1,"American President, The (1995)",Comedy|Drama\n'
    files = {"r.csv": b"userId,movieId,rating,timestamp\n5,1,4.0,9\n6,2,3.5,8\n", "m.csv": movies}
    findings = Findings()
    table = read(make_zip(tmp_path / "z", files), findings, file="r.csv", titles=("m.csv", "utf-8"))
    assert table["item"].tolist() == ["American President, The (1995)", "2"]
    assert table["time"].tolist() == [9, 8]
    assert findings.notes == ["1 items have no title: 2"]


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("hello\n", {}, "its first line is 'hello', without a separator .*; fix `table`"),
        ("", {}, r"not a table of ratings, but empty \(0 bytes\); .*copy it again"),
        (
            "<!DOCTYPE html><html>",
            {},
            r"not a table of ratings, but a web page .*download it again",
        ),
        ('[{"user": 1, "item": 2}]', {}, "not a table of ratings, but JSON; "),
        (LFS, {}, "not a table of ratings, but a pointer of Git LFS; .*`git lfs pull`"),
        ("sep=;\nu;i;r\n1;2;3\n", {}, "its first line 'sep=;' is only for spreadsheets; remove it"),
        (
            'u,i,r\n1,2,3\n1,"3,4\n5,6,1\n',
            {},
            "line 3: a quote opens here and its cell continues to",
        ),
        ("a,b\n1,2\n", {}, "too few columns: its first line has a, b; fix"),
        ("u,i,r\n1,2,3\n", {"columns": {"user": "u", "item": "x", "rating": "r"}}, "column x"),
        (
            "u,i,r\n1,2,3\n",
            {"file": "u.data"},
            r"`ratings\.url` in datasets\.yaml; .* leave table\.file empty",
        ),
        (
            "1,2,3\n1,2,3,4,5\n",
            {},
            "line 2 has 5 cells, but the lines before it have 3; fix this line",
        ),
        ("1,2,3\n4,,x\n,6,inf\n", {}, "1 ratings have a user that is empty: line 3 \\(''\\)"),
        ("1,2,3\n4,,x\n,6,inf\n", {}, "1 ratings have a item that is empty: line 2 \\(''\\)"),
        ("1,2,3\n4,,x\n,6,inf\n", {}, r"2 ratings have a rating that is no number: line 2 \('x'\)"),
        ("1,2,3,9\n4,5,1,now\n", {}, r"1 ratings have a time that is no number: line 2 \('now'\)"),
        ("1,\x07,3\n", {}, r"1 names cannot be used \(control characters\): '\\x07'"),
        ("user,item,rating\n", {}, "no rating in the table; fix"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, text: str, given: dict[str, Any], message: str
) -> None:
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "mine.csv", **given)


def test_a_file_that_the_archive_lacks_is_told_with_those_it_has(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z", {"ml-1m/ratings.dat": b"1::2::3::4"})
    with pytest.raises(ValueError, match=r"u.data: not in the archive, which has ml-1m/ratings"):
        read(path, file="u.data")


def test_a_workbook_of_excel_is_named(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "r.xlsx", {"xl/workbook.xml": b"<x/>"})
    with pytest.raises(ValueError, match="r.xlsx: a workbook of Excel; save its sheet as CSV UTF"):
        read(path)


def test_a_member_that_is_no_table_is_named(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z", {"r.csv": LFS.encode()})
    with pytest.raises(ValueError, match="r.csv: not a table of ratings, but a pointer of Git LFS"):
        read(path, file="r.csv")


def test_an_archive_needs_the_name_of_its_table(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z", {"a/r.csv": b"1,2,3"})
    with pytest.raises(ValueError, match=r"z: an archive or a folder, of a/r.csv; name the table"):
        read(path)


def test_ratings_of_the_same_user_and_item_all_count(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("1,a,3\n1,a,4\n2,a,4\n")
    findings = Findings()
    assert read(tmp_path / "mine.csv", findings)["rating"].tolist() == [3, 4, 4]
    assert findings.notes == ["1 ratings repeat a pair of user and item; all of them count"]


def test_a_title_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("1,+1 (2013),3\n1,=cmd,4\n")
    findings = Findings()
    assert read(tmp_path / "mine.csv", findings)["item"].tolist() == ["'+1 (2013)", "'=cmd"]
    assert findings.notes[0].startswith("2 names would be formulas in a spreadsheet")


def test_the_random_split_is_fastais() -> None:
    table = pd.DataFrame({"user": list("abcdefghij"), "rating": range(10)})
    assert split_ratings(table, "random", 0.2, 42) == splits.random_split(10, 0.2, 42)


def time_jobs(users: str, times: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"user": list(users), "item": "x", "rating": 1.0, "time": times})


def test_the_latest_ratings_are_valid() -> None:
    image_sizes = split_ratings(time_jobs("abcde", [5, 9, 1, 9, 7]), "time", 0.4, 0)
    assert image_sizes == ["train", "valid", "train", "valid", "train"]
    image_sizes = split_ratings(time_jobs("abcde", [5, 9, 9, 9, 7]), "time", 0.4, 0)
    assert image_sizes == [
        "train",
        "train",
        "valid",
        "valid",
        "train",
    ]  # of equal times the later rows


def test_the_latest_rating_of_each_user_is_valid_but_not_the_only_one() -> None:
    image_sizes = split_ratings(time_jobs("abacbb", [3, 2, 1, 5, 2, 1]), "one", 0.2, 0)
    assert image_sizes == ["valid", "train", "train", "train", "valid", "train"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5)), min_size=5, max_size=40))
def test_one_is_left_out_of_every_user_who_has_two(rows: list[tuple[str, int]]) -> None:
    table = time_jobs("".join(user for user, _ in rows), [time for _, time in rows])
    try:
        table["split"] = split_ratings(table, "one", 0.2, 0)
    except ValueError:
        assert not table["user"].duplicated().any()
        return
    for _, own in table.groupby("user"):
        valid = own[own["split"] == "valid"]
        assert len(valid) == min(len(own) - 1, 1)
        assert all(valid["time"] == own["time"].max()) or len(own) == 1


def test_a_split_that_cannot_be_made_is_told() -> None:
    with pytest.raises(ValueError, match="time needs the time of each rating: name its column"):
        split_ratings(time_jobs("ab", [1, 2]).drop(columns="time"), "time", 0.5, 0)
    with pytest.raises(ValueError, match="leaves train or valid empty, of 3 ratings"):
        split_ratings(time_jobs("abc", [1, 2, 3]), "random", 0.2, 0)
    with pytest.raises(ValueError, match="split.rule: one leaves train or valid empty"):
        split_ratings(time_jobs("abc", [1, 2, 3]), "one", 0.2, 0)


def test_names_are_sorted_as_numbers_only_where_all_are() -> None:
    assert vocabulary(["10", "9", "9"]) == ["9", "10"]
    assert vocabulary(["10", "9", "x"]) == ["10", "9", "x"]


def test_the_noise_is_that_of_made_ratings_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("1,2,3\n")
    assert read_noise(tmp_path / "mine.csv") is None
    assert read_noise(make_zip(tmp_path / "z", {"ml-100k/u.data": U_DATA})) is None
    result = {"planted/planted.json": b'{"noise": 0.25}'}
    assert read_noise(make_zip(tmp_path / "made", result)) == 0.25


def test_a_split_counts_what_it_has() -> None:
    table = pd.DataFrame({"user": list("aab"), "item": list("xyx")})
    table["split"] = ["train", "valid", "train"]
    assert count_ratings(table) == {
        "ratings": 3, "users": 2, "items": 2, "train": 2, "valid": 1,
    }  # fmt: skip
