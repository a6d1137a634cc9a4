"""One message for everything that is wrong with a checked mapping: key, value, fix."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from pawprint.core import yaml_file

Model = TypeVar("Model", bound=BaseModel)
Node = dict[str, Any]  # of a JSON schema, in which pydantic tells what a key may be
ABSENT = object()
KINDS = {
    **{"string": "text", "boolean": "true or false", "null": "empty", "object": "a section"},
    "array": "a list of texts, with quotes around numbers ['13']",
}
SIDES = r"^\d{2,4}x\d{2,4}$"
FILLED = r"^[\s\S]+$"  # a text that is not empty
BOUNDS = {
    **{"minimum": "at least", "exclusiveMinimum": "above"},
    **{"maximum": "at most", "exclusiveMaximum": "below"},
}


class Section(BaseModel):
    """A group of keys; unknown, missing and mistyped keys are errors."""

    # strict: else pydantic takes true for 1, as in `supersample: true`, and '3' for 3
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    example: ClassVar[str] = "docs/own-data.md shows a whole block"  # for whom a key is missing


class Refused(Exception):
    """The cause of the ValueError: `model` rejected the content."""

    def __init__(self, model: type[BaseModel]) -> None:
        """Store the model."""
        super().__init__(model.__name__)
        self.model = model


def one_of(names: Iterable[str]) -> BeforeValidator:
    """A validator for one name out of a list; its message gives the whole list."""
    allowed = tuple(names)

    def check(value: object) -> object:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    return BeforeValidator(check)


def validate(model: type[Model], content: object, source: str) -> Model:
    """The content of a file, validated as `model`.

    Raises:
        ValueError: one line per wrong key, all keys at once; each line starts with `source`.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = error_lines(model, content, error, source.endswith("params.yaml"))
    text = "\n".join(f"{source}: {yaml_file.one_line(line, 1000)}" for line in lines)
    raise ValueError(text) from Refused(model)


def error_lines(
    model: type[BaseModel], content: object, error: ValidationError, is_dvcs: bool
) -> list[str]:
    """One line for each wrong key, in the order of the keys, even if it has several alternatives.

    Args:
        model: the model that rejected it.
        content: what was rejected.
        error: why.
        is_dvcs: whether `dvc exp run -S` can set these keys.
    """
    whole = model.model_json_schema()
    lines = []
    for entry in error.errors():
        path = key_path(whole, entry["loc"])
        message = entry["msg"].removeprefix("Value error, ")
        rule = " or ".join(describe_rule(node) for node in schema_nodes(whole, path))
        if entry["type"] == "value_error" and is_section(whole, path):
            lines.append(message)  # it is about several keys, and names them
            continue
        if entry["type"] == "extra_forbidden":
            message = f"unknown key{suggest_key(whole, path)}; remove it"
        elif entry["type"] == "missing":
            message = f"is missing: it must be {rule}; {getattr(model, 'example', '')}"
        elif entry["type"] != "value_error":
            message = f"must be {rule}"
            message += by_dvc(path, lookup(content, path), rule) if is_dvcs else ""
        lines.append(error_line(content, path, message))
    # pydantic has an error for each alternative of a key, such as a number or `auto`
    return list(dict.fromkeys(lines))


def by_dvc(path: tuple[str, ...], value: object, rule: str) -> str:
    """How to write the value for `dvc exp run -S`, if its syntax caused the error."""
    key = ".".join(path)
    # `-S unfrozen.lr_min=` sets an empty text, not null
    if value == "" and rule.endswith(KINDS["null"]):
        return f"; to leave it empty: -S {key}=null"
    if rule.startswith(KINDS["string"]) and isinstance(value, int | float):
        return f"; to set it as text, quote it: -S \"{key}='{value}'\""
    return ""


def error_line(content: object, path: tuple[str, ...], message: str) -> str:
    """`key` is value: what is wrong, or what is allowed."""
    if not path:
        return message
    value, key = lookup(content, path), yaml_file.one_line(".".join(path), 80)
    return f"`{key}`{'' if value is ABSENT else format_value(value)} {message}"


def format_value(value: object) -> str:
    """` is value:`, shortened."""
    if isinstance(value, Mapping):
        return " is a section:"
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        return " is a list:"
    written = repr(value).replace("\\\\", "\\")  # a pattern as it stands in the file
    return f" is {'empty' if value is None else yaml_file.one_line(written, 80)}:"


def describe_rule(node: Node) -> str:
    """The type and the range of a value."""
    if node.get("type") == "string" and "description" in node:
        return str(node["description"])  # of a section it is the docstring
    if "enum" in node or "const" in node:
        return " or ".join(repr(value) for value in node.get("enum", [node.get("const")]))
    if node.get("pattern") == SIDES:
        return "HEIGHTxWIDTH such as 240x320"
    if node.get("pattern") == FILLED:
        return KINDS["string"]
    if pattern := node.get("pattern"):
        digits = re.fullmatch(r"\^\[0-9a-f\]\{(\d+)\}\$", pattern)
        return f"{digits[1]} hex digits (0-9, a-f)" if digits else f"text that matches {pattern}"
    if node["type"] == "object" and "properties" in node:
        return f"a section with the keys {', '.join(node['properties'])}"
    if node["type"] in KINDS:
        return KINDS[node["type"]]
    bounds = " and ".join(f"{word} {node[key]}" for key, word in BOUNDS.items() if key in node)
    if node.keys() >= {"minimum", "maximum"}:
        bounds = f"from {node['minimum']} to {node['maximum']}"
    finite = "" if node.keys() & {"maximum", "exclusiveMaximum"} else "finite "
    return f"a {'whole ' if node['type'] == 'integer' else finite}number {bounds}".rstrip()


def schema_nodes(whole: Node, path: Iterable[str]) -> list[Node]:
    """The alternatives of a key; empty if there is no such key."""
    nodes = [whole]
    for key in path:
        known = [node["properties"][key] for node in nodes if key in node.get("properties", {})]
        listed = [option for node in known for option in node.get("anyOf", [node])]
        nodes = [resolve_ref(whole, node) for node in listed]
    return nodes


def resolve_ref(whole: Node, node: Node) -> Node:
    """The section that a node refers to, or the node itself."""
    if "$ref" not in node:
        return node
    section: Node = whole["$defs"][node["$ref"].rpartition("/")[2]]
    return section


def is_section(whole: Node, path: Iterable[str]) -> bool:
    """Whether this is a group of keys, or the whole file."""
    return any("properties" in node for node in schema_nodes(whole, path))


def key_path(whole: Node, location: Iterable[str | int]) -> tuple[str, ...]:
    """The keys where an error is, without pydantic's names of alternatives."""
    path: tuple[str, ...] = ()
    for step in location:
        if not is_section(whole, path):
            break
        path += (str(step),)
    return path


def lookup(content: object, path: Iterable[str]) -> object:
    """The value at `path` in nested mappings, or ABSENT."""
    for key in path:
        if not isinstance(content, Mapping) or key not in content:
            return ABSENT
        content = content[key]
    return content


def suggest_key(whole: Node, path: tuple[str, ...]) -> str:
    """` (did you mean …?)` if there is a similar known key."""
    known = [key for node in schema_nodes(whole, path[:-1]) for key in node["properties"]]
    near = difflib.get_close_matches(path[-1], known, 1)
    return f" (did you mean `{near[0]}`?)" if near else ""
