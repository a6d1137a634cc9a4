"""A tar's members one by one; one that is cut or damaged is an error, not merely shorter.

Python's tarfile ends without a word at a header that it cannot read, and at the first end mark.
"""

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
    """A tar's entry; a header that would fill the memory, or that is damaged, is an error."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> "Member":
        """The next entry; raises ReadError where there should be one and is none."""
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
    return tarfile.ReadError(f"it is cut off or damaged at byte {offset:,} of the tar")


def members(path: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The archive and each member of it that is no folder, in order.

    Raises:
        tarfile.ReadError: it is no tar, it is cut or damaged, or another tar follows its end.
    """
    with tarfile.open(path, "r:*", tarinfo=Member) as archive:
        for member in archive:
            if not member.isdir():
                yield archive, member
        if follows(archive):
            raise tarfile.ReadError("another tar follows its end (pack both as one)")


def follows(archive: tarfile.TarFile) -> bool:
    """Whether another tar stands behind the end of one that has been read, as `cat` joins them."""
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
