"""Where a dataset's files are: an archive or a folder, and what they are checked against."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import StringConstraints, model_validator

from pawprint.core.schema import Section

# for what is published with nothing better, such as the pets' images.tar.gz
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Source(Section):
    """One archive or folder: an http(s) URL or a path; and its hash, or that of its manifest."""

    url: str
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    manifest: Sha256 | None = None  # of manifests/NAME.csv, which has the hash of each file

    @model_validator(mode="after")
    def a_manifest_has_the_hashes(self) -> "Source":
        """Check three keys together."""
        if self.manifest and (self.sha256 or self.md5):
            raise ValueError(
                "pictures.manifest and a hash of the whole both say which version is meant; "
                "remove one of them"
            )
        return self

    @property
    def expected(self) -> tuple[str, str] | None:
        """Algorithm and hexadecimal hash; if there are two, the stronger one."""
        if self.sha256:
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 else None

    @property
    def is_remote(self) -> bool:
        """Whether it needs the network."""
        return self.url.startswith(("http://", "https://"))

    @property
    def file_name(self) -> str:
        """The last part of the URL or path."""
        if PureWindowsPath(self.url).drive:  # of C:\pics
            return PureWindowsPath(self.url).name
        # as a browser names the saved file, for PAWPRINT_DATA: without the query, %20 as a blank
        return PurePosixPath(unquote(urlsplit(self.url).path)).name


class Lists(Source):
    """The dataset's own split: an archive (or one file) and the lists in it."""

    train: str
    valid: str | None = None
    test: str | None = None

    def members(self) -> dict[str, str]:
        """The archive's member for each split that has a list."""
        options = {"train": self.train, "valid": self.valid, "test": self.test}
        return {split: member for split, member in options.items() if member}
