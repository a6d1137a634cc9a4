"""A block of datasets.yaml as text: appended, or its hash and count rewritten, all else untouched.

Whatever is written is read again first: a change of anything else is an error, not a file.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pawprint.core import files, yaml_file

Content = Mapping[str, Any]
Edit = tuple[int, int, str]  # from here to there in the text, what stands there then


def format_entry(name: str, content: Content) -> str:
    """The lines of a block, its sections two levels deep.

    Raises:
        ValueError: a text holds what cannot stand in one line.
    """
    lines = [f"{name}:"]
    for key, value in content.items():
        if isinstance(value, Mapping):
            lines += [
                f"  {key}:",
                *(f"    {one}: {format_scalar(cell)}" for one, cell in value.items()),
            ]
        else:
            lines.append(f"  {key}: {format_scalar(value)}")
    return "\n".join(lines) + "\n"


def format_scalar(value: str | int | Sequence[str]) -> str:
    r"""A value in YAML: a text without quotes where it is the same text without them.

    >>> [format_scalar(value) for value in (1797, r"^(\d)_\d+\.png$", "007", "it's # 1")]
    ['1797', '^(\\d)_\\d+\\.png$', "'007'", "'it''s # 1'"]
    >>> format_scalar(["val", "13", "a, b"])
    "[val, '13', 'a, b']"
    """
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_quote(one) for one in value) + "]"
    assert isinstance(value, str | int)
    if isinstance(value, int):
        return str(value)
    if not value.isprintable():
        raise ValueError(
            f"{yaml_file.one_line(value, 80)}: holds letters that cannot be shown in one line, and "
            "so cannot stand in datasets.yaml; rename it"
        )
    try:
        # the reader decides: YAML has many rules on what is a number, a comment or a truth value
        is_plain = yaml_file.parse(f"k: {value}\n", "") == {"k": value}
    except ValueError:
        is_plain = False
    # single quotes: in double ones the backslashes of a regular expression are escapes
    return value if is_plain else "'" + value.replace("'", "''") + "'"


def _quote(value: str) -> str:
    """A text as an entry of a list in brackets."""
    plain = format_scalar(value)
    # within brackets a comma or a brace ends a text that has no quotes
    is_word = all(letter.isalnum() or letter in "_-" for letter in value)
    return plain if plain != value or is_word else "'" + value.replace("'", "''") + "'"


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
    # places in the text: to load and dump the file would drop a person's comments and quotes
    entries = _entries(_entries(yaml.compose(text, yaml_file.Loader))[name][1])
    if csv:
        value = _entries(entries["label"][1])["sha256"][1]
        yield value.start_mark.index, value.end_mark.index, format_scalar(csv)
    if "count" in entries:
        value = entries["count"][1]
        yield value.start_mark.index, value.end_mark.index, str(count)
    section = entries["pictures"][1]
    assert isinstance(section, yaml.MappingNode)
    images, written = _entries(section), f"sha256: {format_scalar(sha256)}"
    old = images.get("sha256") or images.get("md5")
    if old:
        yield old[0].start_mark.index, old[1].end_mark.index, written
        return
    key, value = images["url"]
    if section.flow_style:
        yield value.end_mark.index, value.end_mark.index, f", {written}"
        return
    after = text.find("\n", value.end_mark.index)
    # at the line's end, behind a comment that may follow the URL
    at = len(text) if after < 0 else after - (text[after - 1] == "\r")
    yield at, at, f"{_line_end(text)}{' ' * key.start_mark.column}{written}"


def _entries(node: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Key and value of each entry of a mapping, as nodes with their places in the text."""
    assert isinstance(node, yaml.MappingNode)  # checked by catalog.load_dataset_entry
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
