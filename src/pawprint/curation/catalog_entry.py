"""A block of datasets.yaml as text: appended, or its hash and count rewritten, all else untouched.

Whatever is written is read again first: a change of anything else is an error, not a file.
"""

import io
import sys
from collections.abc import Iterator, Mapping
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
            "line, and so cannot stand in datasets.yaml; rename it"
        )
    return value


def append_entry(path: Path, name: str, content: Content) -> None:
    """Add a block at the end of the file.

    Raises:
        ValueError: the file is not as a person would write it, such as one mapping in braces.
    """
    text = _text(path)
    end = _line_end(text)
    lines = format_entry(name, content)
    gap = "" if text.endswith("\n") else end
    whole = text + gap + end + lines.replace("\n", end)
    _write(path, whole, {**yaml_file.load(path), name: content}, lines)


def update_entry(path: Path, name: str, sha256: str, count: int, csv: str | None = None) -> None:
    """Set the block's `sha256` (added, or in the place of `md5`) and, if it has one, its `count`.

    With `csv`, that of the label's own file too, `label.sha256`.

    Raises:
        ValueError: it is written in a way in which these cannot be found, or has both hashes.
    """
    text, content = _text(path), yaml_file.load(path)
    old = content[name]
    images = {key: setting for key, setting in old["pictures"].items() if key != "md5"}
    new = {**old, "pictures": {**images, "sha256": sha256}}
    new |= {"count": count} if "count" in old else {}
    new |= {"label": {**old["label"], "sha256": csv}} if csv else {}
    # from the end on, so that the places of the other edits stay true
    for start, stop, instead in sorted(_edits(text, name, sha256, count, csv), reverse=True):
        text = text[:start] + instead + text[stop:]
    by_hand = f"sha256: {sha256}, count: {count}" + (f", label.sha256: {csv}" if csv else "")
    _write(path, text, {**content, name: new}, by_hand)


def _edits(text: str, name: str, sha256: str, count: int, csv: str | None) -> Iterator[Edit]:
    # places in the text: to load and dump the file would drop a person's own layout
    block = _entries(_entries(yaml_file.reader().compose(text))[name][1])
    if csv:
        yield _edit(text, _entries(block["label"][1])["sha256"], "sha256", csv)
    if "count" in block:
        yield _edit(text, block["count"], "count", count)
    section = block["pictures"][1]
    assert isinstance(section, MappingNode)
    images = _entries(section)
    if old := images.get("sha256") or images.get("md5"):
        yield _edit(text, old, "sha256", sha256)
        return
    key, value = images["url"]
    after, new = value.end_mark.index, format_entry("sha256", sha256).rstrip()
    if section.flow_style:
        yield after, after, f", {new}"
        return
    after += len(text[after:].partition("\n")[0].rstrip("\r"))
    yield after, after, f"{_line_end(text)}{' ' * key.start_mark.column}{new}"


def _edit(text: str, entry: Entry, name: str, value: str | int) -> Edit:
    """Another value for an entry, and another key where it has another one."""
    (start, colon), (at, stop) = ((node.start_mark.index, node.end_mark.index) for node in entry)
    key = text[start:colon] if entry[0].value == name else name
    between, stop = text[colon:at], at + len(text[at:stop].rstrip())  # a block's line end stays
    if at == stop:  # an empty value: its place is that of what follows
        between, stop = ": ", text.find(":", colon) + 1  # none: then refused
    return start, stop, key + between + format_entry("k", value).removeprefix("k:").strip()


def _entries(node: Node) -> dict[str, Entry]:
    """The entries of a mapping, by their keys."""
    assert isinstance(node, MappingNode)  # checked by catalog.load_dataset_entry
    return {key.value: (key, value) for key, value in node.value}


def _write(path: Path, text: str, expected: Content, instead: str) -> None:
    """Replace the file, once the new text is known to say what is expected and no more."""
    try:
        is_right = yaml_file.parse(text, str(path)) == expected
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(
            f"{path}: cannot be changed as it is written; put there by hand: {instead}"
        )
    files.write_text(path, text)


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:  # with its own line ends
        return file.read()


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
