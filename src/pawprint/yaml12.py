"""Read YAML as DVC does: numbers and booleans by the rules of YAML 1.2.

PyYAML follows YAML 1.1, in which `3e-3` and `1e-05` are strings, `no` is False and `1:30` is 90.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2; keys must be texts that differ."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping, once its keys are known to be texts that differ."""
        seen: set[object] = set()
        for place, _ in node.value:
            key = self.construct_object(place, deep=True)
            if not isinstance(key, str) or key in seen:
                fault = "stands twice" if isinstance(key, str) else "must be text, so quote it"
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} {fault}", place.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


UNREADABLE = (  # PyYAML raises the others of 2026-13-45, !!bool x, !!timestamp x and [[[[…
    *(yaml.YAMLError, ValueError, KeyError, AttributeError, RecursionError),
)
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
        raise yaml.constructor.ConstructorError(
            None, None, f"a number of {len(digits):,} digits", node.start_mark
        )
    for prefix, base in (("0b", 2), ("0o", 8), ("0x", 16)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits)


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


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, a key stands twice, or its top level is not a mapping.
    """
    try:
        return parsed(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: no such file here; run from the project's root"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not readable as YAML: {error}") from error


def parsed(text: str, where: str) -> dict[str, Any]:
    """The mapping in a text that was read from `where`.

    Raises:
        ValueError: it is not YAML, a key stands twice, or its top level is not a mapping.
    """
    try:
        content = yaml.load(text, Loader)
    except UNREADABLE as error:
        said = one_line(" ".join(str(error).split()), 300)
        raise ValueError(f"{where}: not readable as YAML: {said}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{where}: `key: value` lines are expected at its top level")
    return content
