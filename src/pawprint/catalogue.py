"""datasets.yaml: where each data set's pictures lie and how a picture gets its label."""

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pawprint import schema, yaml12
from pawprint.schema import Section

FILE = Path("datasets.yaml")

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


class Rule(Section):
    """How a label is read: from the file's name by `pattern`, or its folder's name."""

    source: Literal["name", "folder"] = Field(alias="from")
    pattern: Annotated[str, AfterValidator(is_label_pattern)] | None = None

    @model_validator(mode="after")
    def names_need_a_pattern(self) -> "Rule":
        """Checked here, since it takes two keys."""
        if self.source == "name" and self.pattern is None:
            raise ValueError(r"label.pattern is missing, such as ^(.+)_\d+\.jpg$")
        return self


class Block(Section):
    """A data set."""

    pictures: Source
    label: Rule
    lists: Lists | None = None
    count: int | None = None
    licence: str | None = None


def block(name: str, path: Path = FILE) -> Block:
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
    return schema.checked(Block, content[name], f"{path}: {name}")
