"""One message for everything that is wrong with a checked mapping: key, value, remedy."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

Model = TypeVar("Model", bound=BaseModel)
ABSENT = object()


class Section(BaseModel):
    """A group of keys: unknown, missing and mistyped ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def one_of(names: Iterable[str]) -> AfterValidator:
    """A validator for one name of a closed list, which its message gives whole."""
    allowed = tuple(names)

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    return AfterValidator(check)


def only(allowed: int, why: str) -> AfterValidator:
    """A validator for the one value that works so far."""

    def check(value: int) -> int:
        if value != allowed:
            raise ValueError(f"must be {allowed}: {why}")
        return value

    return AfterValidator(check)


def checked(model: type[Model], content: Mapping[str, Any], source: str) -> Model:
    """The mapping as `model`.

    Raises:
        ValueError: one line a wrong key, all keys at once; `source` stands before each.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = problems(model, content, error)
    raise ValueError("\n".join(f"{source}: {line}" for line in lines))


def problems(model: type[BaseModel], content: object, error: ValidationError) -> list[str]:
    """A line for each wrong key, in the order of the keys; alternatives of one key are joined."""
    wrong: dict[tuple[str, ...], list[str]] = {}
    for entry in error.errors():
        if entry["type"] == "value_error" and not is_leaf(content, entry["loc"]):
            wrong.setdefault(("", entry["msg"]), []).append(remedy(entry["msg"]))
            continue
        path = key_path(content, entry["loc"])
        if entry["type"] == "extra_forbidden":
            text = f"unknown key{suggestion(model, path)}; remove it"
        elif entry["type"] == "missing":
            text = "is missing; presets/digits.yaml has every key of params.yaml, README a block"
        else:
            text = remedy(entry["msg"])
        wrong.setdefault(path, []).append(text)
    return [line(content, path, texts) for path, texts in wrong.items()]


def line(content: object, path: tuple[str, ...], texts: list[str]) -> str:
    """`key: value: what is wrong, or how it may be`."""
    said = ", or ".join(dict.fromkeys(texts))
    if path[0] == "":
        return said
    value = found(content, path)
    shown = "" if value is ABSENT or isinstance(value, dict) else f" is {value!r}:"
    return f"`{'.'.join(path)}`{shown} {said}"


def remedy(message: str) -> str:
    """Pydantic's sentence as a rule: `Input should be …` becomes `must be …`."""
    said = message.removeprefix("Value error, ").replace("Input should be", "must be")
    said = said.replace(
        "String should match pattern '^[0-9a-f]{", "must be hex digits, '^[0-9a-f]{"
    )
    return said.replace("String should match pattern", "must match the pattern")


def found(content: object, path: Iterable[object]) -> object:
    """What stands at `path` in nested mappings, or ABSENT."""
    for key in path:
        if not isinstance(content, Mapping) or key not in content:
            return ABSENT
        content = content[key]
    return content


def is_leaf(content: object, location: tuple[str | int, ...]) -> bool:
    """Whether the error is about one value, not about a section or the whole file."""
    return bool(location) and not isinstance(found(content, location), Mapping)


def key_path(content: object, location: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys of an error's place, without the names that pydantic gives to alternatives."""
    path = [str(location[0])]
    for step in location[1:]:
        if not isinstance(found(content, path), Mapping):
            break
        path.append(str(step))
    return tuple(path)


def suggestion(model: type[BaseModel], path: tuple[str, ...]) -> str:
    """` (did you mean …?)` where a known key is near."""
    for step in path[:-1]:
        inner = model.model_fields[step].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        model = inner
    near = difflib.get_close_matches(path[-1], model.model_fields, 1)
    return f" (did you mean `{near[0]}`?)" if near else ""
