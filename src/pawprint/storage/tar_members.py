"""A tar's members one by one; a truncated or damaged tar is an error, not just a shorter one.

Python's tarfile stops silently at a header that it cannot read, and at the first end mark.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

MAX_HEADER = 256 << 20  # bytes of a header that tarfile reads whole
BLOCK = 512  # bytes: a tar is made of these, and ends with two of zeros
HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
DAMAGE = (
    tarfile.InvalidHeaderError,  # type: ignore[attr-defined]
    tarfile.TruncatedHeaderError,  # type: ignore[attr-defined]
    tarfile.EmptyHeaderError,  # type: ignore[attr-defined]
)


class Member(tarfile.TarInfo):
    """An entry of a tar; a header that is damaged or would fill the memory is an error."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> "Member":
        """The next entry; raises ReadError if an entry is missing."""
        try:
            return super().fromtarfile(tarfile)
        except DAMAGE as error:
            # at its first header it is no tar at all, and tarfile.open tries the next compression
            if not tarfile.offset:
                raise
            raise _damage(tarfile.offset) from error

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in HEADERS and self.size > MAX_HEADER:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return member


def _damage(offset: int) -> tarfile.ReadError:
    return tarfile.ReadError(f"it is truncated or damaged at byte {offset:,} of the tar")


def members(path: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The archive and each of its members that is not a folder, in order.

    Raises:
        tarfile.ReadError: it is not a tar, truncated or damaged, or another tar follows its end.
    """
    with tarfile.open(path, "r:*", tarinfo=Member) as archive:
        for member in archive:
            if not member.isdir():
                yield archive, member
        if follows(archive):
            raise tarfile.ReadError("another tar follows its end (pack both as one)")


def follows(archive: tarfile.TarFile) -> bool:
    """Whether another tar follows the end of this one, as after joining two with `cat`."""
    file = archive.fileobj
    if file is None or not archive.offset:
        return False
    try:
        while block := file.read(BLOCK):
            if block.strip(b"\0"):
                return block[257:262] == b"ustar"
    except (EOFError, OSError):  # the last bytes of a packed file, which hold no member
        pass
    return False


def add_file(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add one file with a fixed time, owner and mode."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(data), 0o644
    archive.addfile(header, io.BytesIO(data))
