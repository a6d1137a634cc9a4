"""YAML as editors, git and other tools leave it: read, or told with its line and what to write."""

import io
import sys
from pathlib import Path

import pytest
from dvc.utils.serialize import parse_yaml
from ruamel.yaml import YAML

from pawprint.core import yaml_file
from tests.conftest import ROOT

WRONG = {  # the file, what is said, and where
    "a tab at the start": ("a:\n  b: 1\n\tc: 2\n", "a tab: indent with spaces", 3),
    "a tab after spaces": ("a:\n  \tb: 1\n", "a tab: indent with spaces", 2),
    "a tab after the colon": ("a:\t1\n", "write a space after `:`", 1),
    "no colon": ("a: 1\nlr 0.002\nb: 2\n", "a key must end with a colon and a space", 2),
    "no colon in a section": ("a:\n  b: 1\n  c 2\n", "a key must end with a colon and a", 3),
    "no colon at the end": ("a: 1\nlr 0.002\n", "a key must end with a colon and a space", 2),
    "no colon in line 1": ("lr 0.002\nb: 2\n", "the line above lacks its own", 2),
    "no space": ("a: 1\nlr:0.002\nb: 2\n", "a key must end with a colon and a space", 2),
    "too far in": ("a:\n  b: 1\n   c: 2\n", "the indent differs", 3),
    "not far enough": ("a:\n  b: 1\n c: 2\n", "compare how far they are indented", 3),
    "a first line that is indented": (" a: 1\nb: 2\n", "compare how far they are indented", 2),
    "a section of an INI": ("[a]\nb = 1\n", "compare how far they are indented", 2),
    "an open quote": ('a: 1\nb: "x\nc: 2\nd: 3\n', "a quote that is opened here is not closed", 2),
    "an open quote, and others": ("a: 'x\nb: 'y'\n", "a quote too many, or one above is not", 2),
    "an apostrophe": ("a: 'it's'\n", "a quote too many", 1),
    "a pattern in double quotes": ('a: "\\d+"\n', "use single quotes", 1),
    "an open bracket": ("a: [1, 2\nb: 3\n", "a bracket that is opened here is not closed", 1),
    "an open brace": ("a: {x: 1\nb: 3\n", "a bracket that is opened here is not closed", 1),
    "a colon in a text": ("a: 1\nb: x: y\n", "a text with a colon and a space in it must", 2),
    "an @": ("a: @x\n", "a value that begins with @ must stand in quotes", 1),
    "a percent": ("a: %x\n", "a value that begins with % must stand in quotes", 1),
    "a pattern of files": ("a: *.jpg\n", "begins with \\* or & must stand in quotes", 1),
    "a bar": ("a: |x\n", "begins with \\| or > must stand in quotes", 1),
    "an alias of nothing": ("a: *x\n", r"\*x stands for nothing: there is no &x above it", 1),
    "an anchor twice": ("a: &x 1\nb: &x 2\n", "two anchors \\(&\\) have this name", 2),
    "a tag of another tool": ("a: 1\nb: !env X\n", "the tag !env is not taken: write the value", 2),
    "a date that is none": ("a: 2026-13-45\n", "'2026-13-45' is no value of the type timestamp", 1),
    "a tag of a mapping's": ("a: !!omap [b: 1, b: 2]\n", "omap is not taken: write the value", 1),
    "a number without digits": ("a: !!int ''\n", "'' is no value of the type int", 1),
    "a section as a key": ("a: 1\n{{ b }}: 2\n", "a key must be text, so quote it", 2),
    "two documents": ("a: 1\n---\nb: 2\n", "a second document begins at `---`: keep one", 2),
    "a key twice": ("a: 1\nb:\n  c: 1\n  c: 2\n", "the key 'c' stands twice", 4),
    "a section twice": ("a: {x: 1}\na: {y: 2}\n", "the key 'a' stands twice", 2),
    "a merge key": (
        *("base: &b\n  x: 1\nmine:\n  <<: *b\n", r"merge keys \(<<\) are not taken: write the"),
        4,
    ),
    "merge keys in a list": ("b: &b {x: 1}\nm: {<<: [*b]}\n", "write the merged keys out here", 2),
    "a conflict": (
        *("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n", "an unfinished merge of"),
        2,
    ),
    "a conflict in line 1": ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", "keep one of", 1),
    "a conflict of three sides": (
        *("a:\n  b: 1\n<<<<<<< A\n  c: 1\n||||||| B\n=======\n>>>>>>> C\n", "keep one of its"),
        3,
    ),
    "a mark that is left over": ("a: 1\nb: 1\n>>>>>>> other\n", "an unfinished merge of git", 3),
    "a space that does not break": (
        "a: 1\nlr:\u00a00.1\nb: 2\n", r"colon and a space, .* \(U\+00A0 in this line only looks", 2
    ),
    "a colon of full width": ("a: 1\nlr\uff1a 1\n", r"\(U\+FF1A in this line only looks", 2),
    "one below another line end": (
        *("a: x\u2028y\nb\uff1a 1\n", r"colon and a space, .* \(U\+FF1A in this line"),
        2,
    ),
    "a control letter": ("a: 1\nb: \x07\n", r"the letter U\+0007 may not stand in it", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_in_our_words_with_its_line(name: str) -> None:
    text, words, line = WRONG[name]
    for end in ("\n", "\r\n"):
        with pytest.raises(ValueError, match=words) as error:
            yaml_file.parse(text.replace("\n", end), "params.yaml")
        message = str(error.value)
        assert message.startswith("params.yaml: not readable as YAML: ") and "\n" not in message
        assert f", line {line}" in message and "unicode string" not in message


@pytest.mark.parametrize(
    "text", ["%YAML 1.3\n---\na: 1\n", 'a: "\\UFFFFFFFF"\n', "a:\n%YAML 1.3\n---\n"]
)
def test_what_breaks_the_reader_itself_is_one_line_too(text: str) -> None:
    with pytest.raises(ValueError, match="^p: not readable as YAML: .*") as error:
        yaml_file.parse(text, "p")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"), ("# only\n", "empty"), ("~\n", "empty"), ("- a\n", "level, not a list"),
        ("lr:0.1\n", "level, not 'lr:0.1'"), ("5\n", "level, not 5"), ("a = 1\n", "not 'a = 1'"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_mapping_is_told_what_it_is(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"params.yaml: .*{what}"):
        yaml_file.parse(text, "params.yaml")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        *((code, "it is UTF-16 or UTF-32") for code in ("utf-16", "utf-16-le", "utf-16-be")),
        ("utf-32", "it is UTF-16 or UTF-32"),
        ("latin-1", r"a letter is not UTF-8 \(byte 0xe9\), line 2"),
        ("cp437", r"a letter is not UTF-8 \(byte 0x82\), line 2"),
    ],
)
def test_another_encoding_is_named_with_what_to_do(
    tmp_path: Path, encoding: str, words: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("a: 1\nb: é\n".encode(encoding))
    with pytest.raises(ValueError, match=f"params.yaml: .*{words}: save the file as UTF-8"):
        yaml_file.load(path)


def test_utf16_that_is_ascii_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("a: 1\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match="is the file UTF-16"):
        yaml_file.load(path)


GOOD = {
    "windows": "a: 1\r\nb:\r\n  c: x\r\n",
    "a mark of the byte order": "\ufeffa: 1\n",
    "no last line end": "a: 1\nb: 2",
    "a start and an end": "---\na: 1\n...\n",
    "an anchor and its alias": "a: &x 0.1\nb: *x\n",
    "a section by alias": "a: &x {b: 1}\nc: *x\n",
    "YAML 1.1, where it says so": "%YAML 1.1\n---\na: yes\nb: 1:30\nc: 017\n",
    "separators that end no line": "a: x\u2028y\x85z\nb: 1\n",
    "an anchor with a point": "a: &x.y 1\nb: *x.y\n",
    "a set": "a: !!set {b, c}\n",
    "JSON": '{"a": 1, "b": [1, 2]}',
    "marks of git in a text": "a: |\n  <<<<<<< HEAD\n",
    "a merge key as a text": '"<<": 1\n',
}


FILES = [*ROOT.glob("*params.yaml"), *ROOT.glob("presets/*"), *ROOT.glob("collab/presets/*")]
FILES += [ROOT / "collab/params.yaml", ROOT / "datasets.yaml", ROOT / "collab/datasets.yaml"]


@pytest.mark.parametrize("path", sorted(FILES), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_ours_is_read_as_dvc_reads_it_and_written_back_alike(path: Path) -> None:
    """`dvc exp run -S` writes params.yaml so; nothing writes a whole datasets.yaml."""
    text = path.read_text()
    assert yaml_file.load(path) == parse_yaml(text, path)
    yaml, copy = YAML(), io.StringIO()
    yaml.width = sys.maxsize if path.name == "datasets.yaml" else 80
    yaml.dump(yaml.load(text), copy)
    assert copy.getvalue() == text


@pytest.mark.parametrize("name", GOOD)
def test_what_dvc_reads_is_read_alike(tmp_path: Path, name: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(GOOD[name].encode())
    assert yaml_file.load(path) == parse_yaml(path.read_text(encoding="utf-8-sig"), path)
