"""The text of a CSV as rows."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawprint.data import csv_text


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\n1;2,3\n", [["a", "b"], ["1;2", "3"]]),
        ("a;b\n1,5;3\n", [["a", "b"], ["1,5", "3"]]),
        ("a\tb\r\n1, 2\t3\r\n", [["a", "b"], ["1, 2", "3"]]),
        ("sep=;\r\na;b\r\n1;2\r\n", [["a", "b"], ["1", "2"]]),
        ('"a;x",b\n1,2\n', [["a;x", "b"], ["1", "2"]]),
        ("a\n1\n", [["a"], ["1"]]),
        (",a\n0,x\n", [["", "a"], ["0", "x"]]),
    ],
)
def test_the_first_line_tells_what_ends_a_cell(content: str, rows: list[list[str]]) -> None:
    assert [row for _, row in csv_text.parse(content, "x.csv")] == rows


def test_lines_are_counted_from_the_files_first() -> None:
    assert [line for line, _ in csv_text.parse("sep=;\na;b\n\n1;2\n", "x")] == [2, 4]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('f,l\n"a.jpg,cat\nb.jpg,cat\n', 2),
        ('f,l\na.jpg,"cat\nb.jpg,cat\n', 2),
        ('f,l\n"a.jpg,cat\nb.jpg,cat\n"c.jpg",dog\n', 2),  # the next quote is taken for its end
        ('f,l\n"a\nb","c ""d"""\nb.jpg,"cat\n', 4),
        ('sep=;\nf;l\na.jpg;"cat\n', 3),
        ('f,l\n"a,b\n' + "c,d\n" * 50_000, 2),  # longer than a cell may be
        ('f;l\n"a.jpg;cat\r\nb.jpg;cat\r\n', 2),
    ],
)
def test_a_quote_that_is_not_closed_is_named_by_the_line_where_it_opens(
    content: str, line: int
) -> None:
    with pytest.raises(ValueError, match=rf"^x.csv: line {line}: a quote opens here.*close this"):
        csv_text.parse(content, "x.csv")


def test_letters_after_a_closing_quote_are_named_by_their_line() -> None:
    with pytest.raises(ValueError, match=r"^x.csv: line 4: not a CSV \(.*fix this line"):
        csv_text.parse('f,l\n"a\nb",c\nd,"e"f\n', "x.csv")


@given(st.text('",;a\n', max_size=30))
def test_a_text_is_what_pythons_reader_makes_of_it_or_an_error_with_a_line(text: str) -> None:
    end = csv_text.ending(text.partition("\n")[0])
    try:
        rows = [*csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=end)]
    except csv.Error:
        with pytest.raises(ValueError, match=r"^x: line \d+: (a quote opens|not a CSV)") as caught:
            csv_text.parse(text, "x")
        number = int(str(caught.value).split()[2].rstrip(":"))
        assert '"' in text.split("\n")[number - 1]
    else:
        actual = [row for _, row in csv_text.parse(text, "x")]
        assert actual == [[c.strip() for c in row] for row in rows if any(c.strip() for c in row)]
