"""Read YAML as DVC does, with ruamel.yaml: numbers and booleans by the rules of YAML 1.2.

In YAML 1.1, PyYAML's, `3e-3` and `1e-05` are strings, `no` is False and `1:30` is 90.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node
from ruamel.yaml.reader import ReaderError

MERGE = "tag:yaml.org,2002:merge"
NOT_VALUES = (ValueError, KeyError, IndexError)  # of 2026-13-45, !!bool x, !!int ''
UNEXPECTED = (AssertionError, KeyError, OverflowError)  # ruamel.yaml's of %YAML 1.3, "\UFFFFFFFF"
CONFLICT = re.compile(r"^(?:<{7}|\|{7}|={7}|>{7})(?: .*)?$", re.M)
# letters that web pages, word processors and Chinese keyboards put for ASCII ones
LOOKALIKES = re.compile("[\u00a0\u2000-\u200d\u202f\u3000\ufeff\uff1a\uff0c\u2018-\u201f]")
FITS = "this line does not fit those above it: compare how far they are indented"
REASONS = [  # ruamel.yaml's context: problem; whether the context is the place; what to write
    (r".*character '\\t' that", False, "a tab: indent with spaces, and write a space after `:`"),
    (r".*character '(.+)' that", False, r"a value that begins with \1 must stand in quotes"),
    (r".*scanning an (alias|anchor)", True, "a value that begins with * or & must stand in quotes"),
    (r".*scanning a block scalar", True, "a value that begins with | or > must stand in quotes"),
    (r".*simple key: could not", True, "a key must end with a colon and a space, as in `lr: 0.1`"),
    (
        *(".*mapping values are not", False),
        "a colon where none may be: the line above lacks its own, the indent differs from its, or "
        "a text with a colon and a space in it must stand in quotes",
    ),
    (".*unexpected (end|document)", True, "a quote that is opened here is not closed"),
    (
        *(".*unknown escape character", False),
        r"\\ in double quotes is special: use single quotes, in which it stands for itself",
    ),
    (".*block mapping: .*found '<scalar>'", False, "a quote too many, or one above is not closed"),
    (".*block|: expected '<doc", False, FITS),
    (".*parsing a flow", True, "a bracket that is opened here is not closed"),
    (
        *(".*undefined alias '(.*)'", False),
        r"*\1 stands for nothing: there is no &\1 above it; a value that begins with * or & must "
        "stand in quotes",
    ),
    (".*for the tag '(.*)'", False, r"the tag \1 is not taken: write the value itself"),
    (".*unhashable key", False, "a key must be text, so quote it"),
    (".*single document", False, "a second document begins at `---`: keep one"),
]


class Constructor(SafeConstructor):
    """ruamel.yaml's safe one; keys must be texts that differ, anchors must differ too."""

    def construct_object(self, node: Node, deep: bool = False) -> object:
        """The value; where it is none of its type, an error that has the line."""
        last = self.composer.anchors.get(node.anchor, node)
        if last is not node:
            raise wrong("two anchors (&) have this name: rename one of them", last)
        kind = str(node.tag).rpartition(":")[2]
        if kind == "int" and len(node.value) > 1000:  # far more are not even printed
            raise wrong(f"a number of {len(node.value):,} digits", node)
        try:
            content: object = super().construct_object(node, deep)
        except NOT_VALUES as error:
            raise wrong(f"{node.value!r} is no value of the type {kind}", node) from error
        return content

    def flatten_mapping(self, node: MappingNode) -> None:
        """A merge key is an error; no other key is changed."""
        for key, _ in node.value:
            if key.tag == MERGE:
                raise wrong("merge keys (<<) are not taken: write the merged keys out here", key)
        super().flatten_mapping(node)

    def check_mapping_key(
        self, node: MappingNode, key_node: Node, mapping: dict[str, Any], key: object, value: object
    ) -> bool:
        """True; a key that is no text or stands twice is an error."""
        if not isinstance(key, str) or key in mapping:
            fault = "stands twice" if isinstance(key, str) else "must be text, so quote it"
            raise wrong(f"the key {key!r} {fault}", key_node)
        return True


def wrong(problem: str, node: Node) -> ConstructorError:
    """An error at the place of a node."""
    return ConstructorError(None, None, problem, node.start_mark)


Constructor.add_constructor("tag:yaml.org,2002:omap", Constructor.construct_undefined)


def reader() -> YAML:
    """ruamel.yaml's loader, in Python alone: that in C has other messages."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    yaml.composer.warn_double_anchors = False  # an error of the constructor's
    return yaml


def one_line(text: str, most: int) -> str:
    """The text in printable letters, without its middle where it is longer than `most`."""
    safe = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return safe if len(safe) <= most else f"{safe[: most - 20]} … {safe[-17:]}"


def flatten(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested keys as one level of dotted names.

    >>> flatten({"lr": 0.1, "frozen": {"epochs": 3}})
    {'lr': 0.1, 'frozen.epochs': 3}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of dotted keys.

    >>> nest({"lr": 0.1, "frozen.epochs": 3})
    {'lr': 0.1, 'frozen': {'epochs': 3}}
    """
    whole: dict[str, Any] = {}
    for key, value in values.items():
        *above, last = key.split(".")
        section = whole
        for part in above:
            section = section.setdefault(part, {})
        section[last] = value
    return whole


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, a key stands twice, or its top level is not a mapping.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: no such file here; run from the project's root"
        ) from error
    except UnicodeDecodeError as error:
        data = path.read_bytes()
        if b"\0" in data[:4]:
            what = "it is UTF-16 or UTF-32"
        else:
            line = data.count(b"\n", 0, error.start) + 1
            what = f"a letter is not UTF-8 (byte 0x{data[error.start]:02x}), line {line}"
        raise ValueError(f"{path}: not readable as YAML: {what}: save the file as UTF-8") from error


def parse(text: str, where: str) -> dict[str, Any]:
    """The mapping in a text that was read from `where`.

    Raises:
        ValueError: it is not YAML, a key stands twice, or its top level is not a mapping.
    """
    try:
        content = reader().load(text)
    except (YAMLError, RecursionError, *UNEXPECTED) as error:
        raise ValueError(
            f"{where}: not readable as YAML: {one_line(reason(error, text), 300)}"
        ) from error
    if content is None:
        raise ValueError(f"{where}: empty: `key: value` lines are expected in it")
    if not isinstance(content, dict):
        what = "a list" if isinstance(content, list) else one_line(repr(content), 80)
        raise ValueError(f"{where}: `key: value` lines are expected at its top level, not {what}")
    return content


def reason(error: Exception, text: str) -> str:
    """What is wrong, what to write instead, and the line."""
    if isinstance(error, RecursionError):
        return "brackets or sections are nested too deeply"
    if conflicts := [text.count("\n", 0, mark.start()) + 1 for mark in CONFLICT.finditer(text)]:
        return (
            "an unfinished merge of git: keep one of its sides, and remove the lines <<<<<<<, "
            f"======= and >>>>>>>, line {conflicts[0]} to line {conflicts[-1]}"
        )
    if isinstance(error, ReaderError):
        utf16 = " (is the file UTF-16? save it as UTF-8)" if not error.character else ""
        line = text.count("\n", 0, error.position) + 1
        return f"the letter U+{error.character:04X} may not stand in it{utf16}, line {line}"
    if not isinstance(error, MarkedYAMLError):
        return f"ruamel.yaml cannot read it: {error!r}"
    problem = f"{error.context or ''}: {error.problem}"
    for pattern, is_context, words in REASONS:
        if match := re.match(pattern, problem):
            mark = (error.context_mark if is_context else None) or error.problem_mark
            return error_place(match.expand(words) + lookalike(text, mark), mark)
    return error_place(error.problem or error.context or "", error.problem_mark)


def lookalike(text: str, mark: StringMark | None) -> str:
    """A letter of the line that only looks like a space, a colon, a comma or a quote."""
    line = re.split("\r\n?|\n", text)[mark.line : mark.line + 1] if mark else []
    letter = LOOKALIKES.search(line[0].removeprefix("\ufeff")) if line else None
    return f" (U+{ord(letter[0]):04X} in this line only looks like one)" if letter else ""


def error_place(words: str, mark: StringMark | None) -> str:
    """The words, with the line and the column."""
    return f"{words}, line {mark.line + 1}, column {mark.column + 1}" if mark else words
