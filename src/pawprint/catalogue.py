"""datasets.yaml: where each data set's pictures lie and how a picture gets its label."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pawprint import schema, yaml12
from pawprint.schema import Section

FILE = Path("datasets.yaml")
Kind = TypeVar("Kind", bound=Section)

Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def is_label_pattern(pattern: str) -> str:
    """The pattern, once it is known to be a regular expression with a group for the label."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from error
    if groups < 1:
        raise ValueError("must hold a group, (…), around the label")
    return pattern


class Source(Section):
    """One archive: an http(s) URL, a local file or a folder, and its hash."""

    url: str
    sha256: Sha256 | None = None
    md5: Md5 | None = None

    @property
    def expected(self) -> tuple[str, str] | None:
        """Algorithm and hexadecimal hash, the stronger one of the two."""
        if self.sha256:
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 else None

    @property
    def is_remote(self) -> bool:
        """Whether the network is needed."""
        return self.url.startswith(("http://", "https://"))

    @property
    def file_name(self) -> str:
        """The last part of the URL or path."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name


class Lists(Source):
    """The data set's own split: an archive (or one file) and the lists in it."""

    train: str
    valid: str | None = None
    test: str | None = None

    def members(self) -> dict[str, str]:
        """The archive's member for each split that has a list."""
        given = {"train": self.train, "valid": self.valid, "test": self.test}
        return {split: member for split, member in given.items() if member}


@dataclass(frozen=True)
class Table:
    """A CSV among the pictures, and two of its columns."""

    file: str  # its path in the archive or folder
    name: str  # the column that names a picture: by its path, its file name or that without suffix
    label: str  # the column of the labels


class Rule(Section):
    """How a label is read: from the file's name, from its folder's name, or from a CSV's row.

    `pattern` picks the label out of that text; a CSV is `file`, its columns `name` and `label`.
    """

    source: Literal["name", "folder", "csv"] = Field(alias="from")
    pattern: Annotated[str, AfterValidator(is_label_pattern)] | None = None
    file: str | None = None
    name: str | None = None
    label: str | None = None

    @model_validator(mode="after")
    def names_need_a_pattern(self) -> "Rule":
        """Checked here, since it takes two keys."""
        if self.source == "name" and self.pattern is None:
            raise ValueError(r"label.pattern is missing, such as ^(.+)_\d+\.jpg$")
        return self

    @model_validator(mode="after")
    def a_csv_needs_its_columns(self) -> "Rule":
        """Checked here, since it takes four keys."""
        given = {"file": self.file, "name": self.name, "label": self.label}
        absent = [f"label.{key}" for key, value in given.items() if not value]
        extra = [f"label.{key}" for key, value in given.items() if value is not None]
        if self.source == "csv" and absent:
            raise ValueError(
                f"label.from: csv needs {', '.join(absent)} too: file: labels.csv (among the "
                "pictures), name: and label: (columns of its first line)"
            )
        if self.source != "csv" and extra:
            raise ValueError(f"{', '.join(extra)}: for label.from: csv alone; remove it")
        return self

    @property
    def table(self) -> Table | None:
        """The CSV; None where the label comes from a name."""
        if self.file is None or self.name is None or self.label is None:
            return None
        return Table(self.file, self.name, self.label)

    @property
    def words(self) -> str:
        """Where the label comes from, as in: ^(.+)_ on its name; column breed of labels.csv."""
        origin = f"column {self.label} of {self.file}" if self.file else f"its {self.source}"
        shown = f"{self.pattern} on {origin}" if self.pattern else origin
        return yaml12.one_line(shown, 300)


class Block(Section):
    """A data set."""

    pictures: Source
    label: Rule
    lists: Lists | None = None
    count: int | None = None
    licence: str | None = None


def block(name: str, path: Path = FILE) -> Block:
    """The block of one data set of pictures; raises as `chosen` does."""
    return chosen(Block, name, path)


def chosen(kind: type[Kind], name: str, path: Path) -> Kind:
    """The block of one data set.

    Raises:
        FileNotFoundError: no datasets.yaml here.
        ValueError: no such block, or some of its keys are wrong; every one is named.
    """
    content = yaml12.load(path)
    if name not in content:
        known = ", ".join(sorted(content))
        raise ValueError(
            f"{path}: no block `{name}`, which params.yaml asks for (dataset: {name}); "
            f"add it, or choose one of {known}"
        )
    return schema.checked(kind, content[name], f"{path}: {name}")
