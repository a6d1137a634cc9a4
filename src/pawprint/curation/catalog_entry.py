"""A block of datasets.yaml as text: appended, or its hash and count rewritten, all else untouched.

Whatever is written is read again first: a change of anything else is an error, not a file.
"""

from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml.nodes import MappingNode

from pawprint.core import yaml_file
from pawprint.curation import yaml_text
from pawprint.curation.yaml_text import Content, Edit, entries, replace_value

VERSIONS = ("sha256", "md5", "manifest")


def append_entry(path: Path, name: str, content: Content) -> None:
    """Add a block at the end of the file.

    Raises:
        ValueError: the file is not as a person would write it, such as one mapping in braces.
    """
    text = yaml_text.read_text(path)
    end = yaml_text.line_end(text)
    lines = yaml_text.format_entry(name, content)
    gap = "" if text.endswith("\n") else end
    whole = text + gap + end + lines.replace("\n", end)
    yaml_text.write_checked(path, whole, {**yaml_file.load(path), name: content}, lines)


def update_entry(
    path: Path, name: str, version: tuple[str, str], count: int, csv: str | None = None
) -> None:
    """Set the block's version (added, or in the place of another) and, if it has one, its `count`.

    The version is `sha256` of an archive or `manifest`, and its hash.

    With `csv`, that of the label's own file too, `label.sha256`.

    Raises:
        ValueError: it is written in a way in which these cannot be found, or has both hashes.
    """
    text, content = yaml_text.read_text(path), yaml_file.load(path)
    old = content[name]
    images = {key: setting for key, setting in old["pictures"].items() if key not in VERSIONS}
    new = {**old, "pictures": images | dict([version])}
    new |= {"count": count} if "count" in old else {}
    new |= {"label": {**old["label"], "sha256": csv}} if csv else {}
    text = yaml_text.apply_edits(text, _edits(text, name, version, count, csv))
    by_hand = f"{': '.join(version)}, count: {count}" + (f", label.sha256: {csv}" if csv else "")
    yaml_text.write_checked(path, text, {**content, name: new}, by_hand)


def _edits(
    text: str, name: str, version: tuple[str, str], count: int, csv: str | None
) -> Iterator[Edit]:
    # places in the text: to load and dump the file would drop a person's own layout
    block = entries(entries(yaml_file.reader().compose(text))[name][1])
    if csv:
        yield replace_value(text, entries(block["label"][1])["sha256"], "sha256", csv)
    if "count" in block:
        yield replace_value(text, block["count"], "count", count)
    section = block["pictures"][1]
    assert isinstance(section, MappingNode)
    images = entries(section)
    if old := next((images[key] for key in VERSIONS if key in images), None):
        yield replace_value(text, old, *version)
        return
    key, value = images["url"]
    after, new = value.end_mark.index, yaml_text.format_entry(*version).rstrip()
    if section.flow_style:
        yield after, after, f", {new}"
        return
    after += len(text[after:].partition("\n")[0].rstrip("\r"))
    yield after, after, f"{yaml_text.line_end(text)}{' ' * key.start_mark.column}{new}"
