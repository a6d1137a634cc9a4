"""Read YAML as DVC does: numbers and booleans by the rules of YAML 1.2.

PyYAML follows YAML 1.1, in which `3e-3` and `1e-05` are strings, `no` is False and `1:30` is 90.
"""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

MERGE = "tag:yaml.org,2002:merge"
NOT_VALUES = (ValueError, KeyError, AttributeError)  # of 2026-13-45, !!bool x, !!timestamp x
CONFLICT = re.compile(r"^(?:<{7}|\|{7}|={7}|>{7})(?: .*)?$", re.M)
# letters that web pages, word processors and Chinese keyboards put for ASCII ones
LOOKALIKES = re.compile("[\u00a0\u2000-\u200d\u202f\u3000\ufeff\uff1a\uff0c\u2018-\u201f]")
FITS = "this line does not fit those above it: compare how far they are indented"
REASONS = [  # PyYAML's context: problem; whether the context is the place; what to write
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
    (".*undefined alias '(.*)'", False, r"*\1 stands for nothing: there is no &\1 above it"),
    (".*for the tag '(.*)'", False, r"the tag \1 is not taken: write the value itself"),
    (".*second occurrence", False, "two anchors (&) have this name: rename one of them"),
    (".*single document", False, "a second document begins at `---`: keep one"),
]


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2; keys must be texts that differ."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """The value; where it is none of its type, an error that has the line."""
        try:
            content: object = super().construct_object(node, deep)
        except NOT_VALUES as error:
            kind = node.tag.rpartition(":")[2]
            raise wrong(f"{node.value!r} is no value of the type {kind}", node) from error
        return content

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping, once its keys are known to be texts that differ."""
        seen: set[object] = set()
        for place, _ in node.value:
            if place.tag == MERGE:
                raise wrong("merge keys (<<) are not taken: write the merged keys out here", place)
            key = self.construct_object(place, deep=True)
            if not isinstance(key, str) or key in seen:
                fault = "stands twice" if isinstance(key, str) else "must be text, so quote it"
                raise wrong(f"the key {key!r} {fault}", place)
            seen.add(key)
        return super().construct_mapping(node, deep)


def wrong(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    """An error at the place of a node."""
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+", "-+0123456789"),
    "float": (
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
}


def construct_int(loader: Loader, node: yaml.ScalarNode) -> int:
    """An integer: a leading zero is decimal, as in YAML 1.2; octal is written 0o17."""
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if len(digits) > 1000:  # far more are not even printed
        raise wrong(f"a number of {len(digits):,} digits", node)
    for prefix, base in (("0b", 2), ("0o", 8), ("0x", 16)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits)


# without YAML 1.1's rules for these types: add_implicit_resolver only adds, the first rule wins
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[1] not in SCALARS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_pattern, _first) in SCALARS.items():
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )
Loader.add_constructor("tag:yaml.org,2002:int", construct_int)


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
        content = yaml.load(text, Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(
            f"{where}: not readable as YAML: {one_line(reason(error, text), 300)}"
        ) from error
    if content is None:
        raise ValueError(f"{where}: empty: `key: value` lines are expected in it")
    if not isinstance(content, dict):
        what = "a list" if isinstance(content, list) else one_line(repr(content), 80)
        raise ValueError(f"{where}: `key: value` lines are expected at its top level, not {what}")
    return content


def reason(error: yaml.YAMLError | RecursionError, text: str) -> str:
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
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    problem = f"{error.context or ''}: {error.problem}"
    for pattern, is_context, words in REASONS:
        if match := re.match(pattern, problem):
            mark = (error.context_mark if is_context else None) or error.problem_mark
            return error_place(match.expand(words) + lookalike(text, mark), mark)
    return error_place(error.problem or error.context or "", error.problem_mark)


def lookalike(text: str, mark: yaml.Mark | None) -> str:
    """A letter of the line that only looks like a space, a colon, a comma or a quote."""
    line = text.splitlines()[mark.line : mark.line + 1] if mark else []
    letter = LOOKALIKES.search(line[0].removeprefix("\ufeff")) if line else None
    return f" (U+{ord(letter[0]):04X} in this line only looks like one)" if letter else ""


def error_place(words: str, mark: yaml.Mark | None) -> str:
    """The words, with the line and the column."""
    return f"{words}, line {mark.line + 1}, column {mark.column + 1}" if mark else words
