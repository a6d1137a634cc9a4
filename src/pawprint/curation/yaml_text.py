"""YAML files as text: values replaced where they stand, all else untouched.

Whatever is written is read again first: a change of anything else is an error, not a file.
"""

import io
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.nodes import MappingNode, Node

from pawprint.core import files, yaml_file

Content = Mapping[str, Any]
Entry = tuple[Node, Node]  # key and value, with their places in the text
Edit = tuple[int, int, str]  # from here to there in the text, what stands there then


def format_entry(name: str, content: object) -> str:
    r"""The lines of a block or of one key; a text stands in quotes where it needs them.

    >>> print(format_entry("mine", {"label": {"pattern": r"^(\d)_.+$", "valid": ["val", "13"]}}))
    mine:
      label:
        pattern: ^(\d)_.+$
        valid: [val, '13']
    <BLANKLINE>

    Raises:
        ValueError: a text holds what cannot stand in one line.
    """
    yaml, lines = YAML(), io.StringIO()
    yaml.width = sys.maxsize  # long texts stay in one line
    yaml.dump({name: _printable(content)}, lines)
    return lines.getvalue()


def _printable(value: object) -> object:
    """The value, its lists to be written in brackets; a text that is not shown is an error."""
    if isinstance(value, Mapping):
        return {key: _printable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        items = CommentedSeq(map(_printable, value))
        items.fa.set_flow_style()
        return items
    if not str(value).isprintable():
        raise ValueError(
            f"{yaml_file.one_line(str(value), 80)}: holds letters that cannot be shown in one "
            "line, and so cannot stand in a YAML file here; rename it"
        )
    return value


def read_text(path: Path) -> str:
    """The text of a file, with its own line ends."""
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def line_end(text: str) -> str:
    """The line end that the text has."""
    return "\r\n" if "\r\n" in text else "\n"


def entries(node: Node) -> dict[str, Entry]:
    """The entries of a mapping, by their keys."""
    assert isinstance(node, MappingNode)  # checked by whoever reads the file's values
    return {key.value: (key, value) for key, value in node.value}


def replace_value(text: str, entry: Entry, name: str, value: object) -> Edit:
    """Another value for an entry, and another key where it has another one."""
    (start, colon), (at, stop) = ((node.start_mark.index, node.end_mark.index) for node in entry)
    key = text[start:colon] if entry[0].value == name else name
    between, stop = text[colon:at], at + len(text[at:stop].rstrip())  # a block's line end stays
    if at == stop:  # an empty value: its place is that of what follows
        between, stop = ": ", text.find(":", colon) + 1  # none: then refused
    return start, stop, key + between + format_entry("k", value).removeprefix("k:").strip()


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits, whose places are those of the text as it is given."""
    # from the end on, so that the places of the other edits stay true
    for start, stop, instead in sorted(edits, reverse=True):
        text = text[:start] + instead + text[stop:]
    return text


def check_text(path: Path, text: str, expected: Content, instead: str) -> None:
    """Check that a new text says what is expected and no more.

    Raises:
        ValueError: it does not; `instead` is what to put there by hand.
    """
    try:
        is_right = yaml_file.parse(text, str(path)) == expected
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(
            f"{path}: cannot be changed as it is written; put there by hand: {instead}"
        )


def write_checked(path: Path, text: str, expected: Content, instead: str) -> None:
    """Replace the file, once the new text is known to say what is expected and no more."""
    check_text(path, text, expected, instead)
    files.write_text(path, text)
