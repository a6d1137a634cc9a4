"""datasets.yaml: where each dataset's images are and how an image gets its label."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pawprint.core import schema, yaml_file
from pawprint.core.schema import Section
from pawprint.data.source import Lists, Sha256, Source

FILE = Path("datasets.yaml")
Entry = TypeVar("Entry", bound=Section)


def is_label_pattern(pattern: str) -> str:
    """Return the pattern if it is a regular expression with a group for the label."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from error
    if groups < 1:
        raise ValueError("must have a group, (…), around the label")
    return pattern


Pattern = Annotated[str, AfterValidator(is_label_pattern)]


@dataclass(frozen=True)
class Table:
    """A CSV next to the images, and some of its columns."""

    file: str  # its path in the archive or folder
    name: str  # the column that names a picture: by its path, its file name or that without suffix
    labels: Sequence[str]  # the column of the labels, or those of points: x, y, x, y ...
    split: str | None  # the column that says train, valid or test, or is_valid: True, False
    may_be_empty: bool  # whether a picture without any label is legal
    separator: str | None = None  # between several labels

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, `name` first."""
        return (self.name, *self.labels, *([self.split] if self.split else []))


class LabelRule(Section):
    """How to read a label: from a file's name, folder or path, a CSV row, or a head's pose.

    `pattern` finds the label in that text. A CSV is given by `file` (with `sha256` if it is not in
    the archive of images) and its columns `name`, `label` (for points a list: x, y) and, if it has
    one, `split`; `separator` separates several labels. `group` finds in the path what must stay on
    one side of the split; `valid` and `test` name the groups that `label.split: official` evaluates
    on, the others train.
    """

    # `from` is a keyword of Python, so the field has another name
    source: Literal["name", "folder", "path", "csv", "biwi"] = Field(alias="from")
    pattern: Pattern | None = None
    file: str | None = None
    sha256: Sha256 | None = None
    name: str | None = None
    label: str | list[str] | None = None
    separator: Annotated[str, StringConstraints(min_length=1)] | None = None
    split: str | None = None
    group: Pattern | None = None
    valid: Annotated[list[str], Field(min_length=1)] | None = None
    test: Annotated[list[str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def names_need_a_pattern(self) -> "LabelRule":
        """Check two keys together."""
        examples = {"name": r"^(.+)_\d+\.jpg$", "path": "([^/]+)/[^/]+/[^/]+$"}
        if self.source in examples and self.pattern is None:
            raise ValueError(f"label.pattern is missing, such as {examples[self.source]}")
        return self

    @model_validator(mode="after")
    def a_csv_needs_its_columns(self) -> "LabelRule":
        """Check five keys together."""
        options: dict[str, object] = {"file": self.file, "name": self.name, "label": self.label}
        absent = [f"label.{key}" for key, value in options.items() if not value]
        options |= {"split": self.split, "sha256": self.sha256}
        extra = [f"label.{key}" for key, value in options.items() if value is not None]
        if self.source == "csv" and absent:
            raise ValueError(
                f"label.from: csv needs {', '.join(absent)} too: file: labels.csv (next to the "
                "images), name: and label: (columns in its first line)"
            )
        if self.source != "csv" and extra:
            raise ValueError(f"{', '.join(extra)}: only for label.from: csv; remove it")
        return self

    @model_validator(mode="after")
    def valid_and_test_are_groups(self) -> "LabelRule":
        """Check four keys together."""
        for key, some in (("valid", self.valid), ("test", self.test)):
            if some is not None and self.group is None:
                raise ValueError(
                    f"label.{key} names groups: give label.group too, such as ^(\\d+)/"
                )
            if some is not None and self.split is not None:
                raise ValueError(f"label.split and label.{key} both define a split; remove one")
        if both := sorted({*(self.valid or ())} & {*(self.test or ())}):
            raise ValueError(
                f"label.valid and label.test both name {', '.join(both)}, but a group must be on "
                "one side of the split; remove it from one of them"
            )
        return self

    @property
    def outside(self) -> Source | None:
        """The CSV, if it is not in the archive of images."""
        if self.file is None or self.sha256 is None:
            return None
        return Source(url=self.file, sha256=self.sha256)

    @property
    def table(self) -> Table | None:
        """The CSV; None if the label comes from a name."""
        if self.file is None or self.name is None or self.label is None:
            return None
        columns = [self.label] if isinstance(self.label, str) else self.label
        # with several labels an empty cell says something: none of the classes is in the image
        is_several = self.separator is not None
        return Table(self.file, self.name, columns, self.split, is_several, self.separator)

    @property
    def words(self) -> str:
        """Where the label comes from, such as: ^(.+)_ on its name; column breed of labels.csv."""
        columns = self.label if isinstance(self.label, str) else ", ".join(self.label or [])
        named = {
            **{"name": "its name", "folder": "its folder", "path": "its path"},
            "biwi": "its pose",
        }
        origin = f"column {columns} of {self.file}" if self.file else named[self.source]
        shown = f"{self.pattern} on {origin}" if self.pattern else origin
        return yaml_file.one_line(shown, 300)


class DatasetEntry(Section):
    """A dataset: each image has one `label`, any number of `labels`, `points` or a `number`."""

    pictures: Source
    label: LabelRule
    target: Literal["label", "labels", "points", "number"] = "label"
    lists: Lists | None = None
    count: int | None = None
    licence: str | None = None

    @model_validator(mode="after")
    def the_rule_gives_the_target(self) -> "DatasetEntry":
        """Check two keys together."""
        rule = self.label
        columns = rule.label if isinstance(rule.label, list) else []
        gives_points = rule.source == "biwi" or bool(columns)
        if self.target == "points" and not gives_points:
            raise ValueError("target: points needs columns of a CSV, such as label.label: [x, y]")
        if len({*columns}) < len(columns):
            raise ValueError("label.label names a column twice; name each column once")
        if self.target != "points" and gives_points:
            raise ValueError(
                f"this label rule gives points, but the block has target: {self.target}; set "
                "target: points, or give label.label one column"
            )
        if len(columns) % 2:
            raise ValueError("label.label must name an even number of columns, as in [x, y]")
        if self.target == "labels" and rule.separator is None:
            raise ValueError("target: labels needs label.separator, such as ' '")
        if self.target != "labels" and rule.separator is not None:
            raise ValueError(
                "label.separator is for several labels, but the block has target: "
                f"{self.target}; set target: labels, or remove label.separator"
            )
        if self.target == "points" and rule.pattern is not None:
            raise ValueError("label.pattern does not apply to points; remove it")
        return self


def load_dataset_entry(name: str, path: Path = FILE) -> DatasetEntry:
    """The block of one image dataset; raises the errors of `load_entry`."""
    return load_entry(DatasetEntry, name, path)


def load_entry(entry_type: type[Entry], name: str, path: Path) -> Entry:
    """The block of one dataset.

    Raises:
        FileNotFoundError: there is no datasets.yaml here.
        ValueError: no such block, or some of its keys are wrong; the message names every one.
    """
    content = yaml_file.load(path)
    if name not in content:
        known = ", ".join(sorted(content))
        raise ValueError(
            f"{path}: no block `{name}`, which params.yaml asks for (dataset: {name}); "
            f"add it, or choose one of {known}"
        )
    # this block alone: an error in another one must not stop a training that does not use it
    return schema.validate(entry_type, content[name], f"{path}: {name}")
