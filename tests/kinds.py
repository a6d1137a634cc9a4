"""Right and wrong params, by strategies that are read off the model, so that a new key has one."""

import math
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union

from hypothesis import assume
from hypothesis import strategies as st
from PIL import ImageColor
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from pawprint.core import params, yaml_file
from pawprint.core.params import Params
from tests.conftest import ROOT

Place = tuple[str, ...]  # the keys on the way to a value
Content = dict[str, Any]
# what no annotation tells: a closed list, and names that -S takes as they are
TEXTS = {
    ("arch",): st.sampled_from(params.ARCHITECTURES),
    ("presize", "background"): st.sampled_from([*ImageColor.colormap]).filter(str.isalpha)
    | st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True),
    ("weights",): st.from_regex(r"[A-Za-z][A-Za-z0-9_./-]{0,30}", fullmatch=True),
}


@dataclass(frozen=True)
class Kind:
    """One alternative of a key: a type or some literals, its range or pattern."""

    type: Any
    marks: tuple[Any, ...] = ()

    def bounds(self, *names: str) -> list[float]:
        return [getattr(mark, name) for mark in self.marks for name in names if hasattr(mark, name)]

    @property
    def pattern(self) -> str:
        marks = [mark for mark in self.marks if isinstance(mark, StringConstraints)]
        return str(marks[0].pattern) if marks else ""

    def fits(self, value: object) -> bool:
        """Whether a value is of this kind: the slower second way."""
        if typing.get_origin(self.type) is Literal:
            return any(value is one or value == one for one in typing.get_args(self.type)) and (
                not isinstance(value, bool | float)
            )
        if self.type is float:
            numbers = isinstance(value, int | float) and not isinstance(value, bool)
            return numbers and self.holds(typing.cast(float, value))
        if type(value) is not self.type:
            return False
        if self.type is int:
            return self.holds(typing.cast(int, value))
        return not self.pattern or bool(re.fullmatch(self.pattern, str(value)))

    def holds(self, number: float) -> bool:
        finite = self.bounds("lt", "le") or abs(number) < math.inf
        return (
            bool(finite)
            and all(number > low for low in self.bounds("gt"))
            and all(number >= low for low in self.bounds("ge"))
            and all(number < high for high in self.bounds("lt"))
            and all(number <= high for high in self.bounds("le"))
        )


def flat_marks(marks: tuple[Any, ...]) -> tuple[Any, ...]:
    """Bounds and patterns, also those inside of pydantic's Field."""
    inner = [mark.metadata if isinstance(mark, FieldInfo) else [mark] for mark in marks]
    return tuple(mark for some in inner for mark in some)


def kinds(annotation: Any, marks: tuple[Any, ...] = ()) -> list[Kind]:
    """The alternatives of an annotation."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return kinds(args[0], flat_marks(args[1:]) + marks)
    if origin in (Union, UnionType):
        return [kind for one in args for kind in kinds(one, marks)]
    return [Kind(annotation, marks)]


def is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def leaves(model: type[BaseModel], above: Place = ()) -> dict[Place, list[Kind]]:
    """Every key that holds a value, and what it may be."""
    actual: dict[Place, list[Kind]] = {}
    for name, field in model.model_fields.items():
        if is_section(field.annotation):
            actual |= leaves(typing.cast(type[BaseModel], field.annotation), (*above, name))
        else:
            actual[*above, name] = kinds(field.annotation, flat_marks(tuple(field.metadata)))
    return actual


LEAVES = leaves(Params)
SECTIONS: list[Place] = [
    (name,) for name, field in Params.model_fields.items() if is_section(field.annotation)
]


def of_kind(path: Place, kind: Kind) -> st.SearchStrategy[Any]:
    """Right values; an error for a kind that this test does not know yet."""
    low, high = (
        max(kind.bounds("gt", "ge"), default=None),
        min(kind.bounds("lt", "le"), default=None),
    )
    if typing.get_origin(kind.type) is Literal:
        return st.sampled_from(typing.get_args(kind.type))
    if kind.type is int:
        return st.integers(
            None if low is None else math.floor(low), 10**12 if high is None else math.ceil(high)
        ).filter(kind.fits)
    if kind.type is float:
        # when DVC sets another key, it changes the last of 14 and more digits before an exponent,
        # and of any number below 1e-307
        reals = st.floats(low, high, allow_nan=False, allow_infinity=False)
        reals = reals.map(lambda number: float(f"{number:.12g}")).filter(kind.fits)
        reals = reals.filter(lambda number: not 0 < abs(number) < 1e-300)
        whole = [number for number in range(-3, 300) if kind.fits(number)]
        return reals | st.sampled_from(whole) if whole else reals
    if kind.type is str:
        return (
            TEXTS[path] if path in TEXTS else st.from_regex(f"(?a:{kind.pattern})", fullmatch=True)
        )
    return {bool: st.booleans(), NoneType: st.none()}[kind.type]


def right(path: Place) -> st.SearchStrategy[Any]:
    return st.one_of(*(of_kind(path, kind) for kind in LEAVES[path]))


JUNK: list[Any] = [
    *(None, True, False, "", "abc", "3", "1e-3", "auto\n", "\x1b[2J", "ÿ" * 5000, [], [1], {}),
    *({"a": 1}, {"flip": {}}, math.nan, math.inf, -math.inf, -1, 0, 1, 1.5, -0.5, 32.0, 10**30),
    *(-(2**70), [None] * 1000, "f" * 63, "F" * 64, "cuda:", "cpu "),
]


def wrong(path: Place) -> st.SearchStrategy[Any]:
    """Values of a wrong type, out of range, or just beyond its end."""
    ends = {end for kind in LEAVES[path] for end in kind.bounds("gt", "ge", "lt", "le")}
    beyond = [end + step for end in sorted(ends) for step in (-1, 0, 1, -1e-9, 1e-9)]
    known = {("arch",): params.ARCHITECTURES, ("presize", "background"): ImageColor.colormap}

    def is_wrong(value: object) -> bool:
        if path in known:
            return not isinstance(value, str) or value.lower() not in known[path]
        return not any(kind.fits(value) for kind in LEAVES[path])

    tried = st.sampled_from([*JUNK, *beyond]) | st.floats() | st.integers() | st.text(max_size=9)
    return tried.filter(is_wrong)


def put(content: Content, path: Place, value: Any) -> None:
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


def take(content: Mapping[str, Any], path: Place) -> Any:
    """What stands there."""
    for key in path:
        content = content[key]
    return content


def image_sizes(section: Content) -> list[int]:
    """Of its size, px."""
    return [int(side) for side in str(section["size"] or 0).split("x")]


def consistent(content: Content) -> Content:
    """The same, with what several keys must agree on."""
    asked = (content, content["evaluate"])
    for section in asked:
        if isinstance(section["size"], str):
            section["size"] = "x".join(
                str(min(max(int(x), 32), 2048)) for x in image_sizes(section)
            )
    longest = [max(image_sizes(section), default=0) for section in asked]
    targets = max(*longest, content["presize"]["size"])
    content["presize"]["size"] = targets
    content["batch_size"] = max(content["batch_size"], 2 * content["processes"])
    finder, unfrozen = content["lr_find"], content["unfrozen"]
    finder["start"], finder["end"] = sorted((finder["start"], finder["end"]))
    assume(finder["start"] < finder["end"])
    if unfrozen["lr_max"] == "half":
        unfrozen["lr_min"] = None
    elif unfrozen["lr_min"] and unfrozen["lr_max"] != "auto":
        unfrozen["lr_min"], unfrozen["lr_max"] = sorted((unfrozen["lr_min"], unfrozen["lr_max"]))
    if content["weights"] and params.is_file_name(content["weights"]):
        content["weights_sha256"] = content["weights_sha256"] or "0" * 64
    return content


@st.composite
def right_files(draw: st.DrawFn) -> Content:
    """Any params that are right."""
    content = yaml_file.load(ROOT / "presets/digits.yaml")
    for path in LEAVES:
        put(content, path, draw(right(path)))
    return consistent(content)


NEW_KEYS = st.from_regex(r"[A-Za-zäß_][A-Za-z0-9 ._-]{0,20}", fullmatch=True).map(str.strip)


@st.composite
def faults(draw: st.DrawFn) -> tuple[Content, set[str]]:
    """Params in which some keys are wrong, and the names of these."""
    content = yaml_file.load(ROOT / "presets/digits.yaml")
    named = set[Place]()
    for path in draw(st.lists(st.sampled_from(SECTIONS), max_size=2, unique=True)):
        replaced = draw(st.sampled_from([None, 3, "x", [], [1], True, math.nan, "ABSENT"]))
        put(content, path, replaced)
        named.add(path)
    keys = draw(st.lists(st.sampled_from(sorted(LEAVES)), min_size=1, max_size=12, unique=True))
    for path in keys:
        if path[:1] not in named:
            put(content, path, draw(st.just("ABSENT") | wrong(path)))
            named.add(path)
    for above in draw(st.lists(st.sampled_from([(), *SECTIONS]), max_size=3, unique=True)):
        known = Params.model_fields if not above else content[above[0]]
        key = draw(NEW_KEYS)
        if above not in named and key not in known:
            put(content, (*above, key), draw(st.sampled_from(JUNK)))
            named.add((*above, key))
    for path in named:
        if take(content, path) == "ABSENT":
            section = take(content, path[:-1])
            del section[path[-1]]
    return content, {".".join(path) for path in named}
