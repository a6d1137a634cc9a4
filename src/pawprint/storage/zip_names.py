"""The names of a zip's members: an old zip does not say how its names are encoded."""

import struct
import zipfile
import zlib
from collections.abc import Sequence

IS_UTF8 = 0x800  # the flag of a name
WINDOWS = (0, 10, 11)  # systems that a zip says it was made on
UNICODE_PATH = 0x7075  # the extra field in which Info-ZIP and WinRAR keep the name in UTF-8


def member_names(members: Sequence[zipfile.ZipInfo]) -> list[tuple[str, bool]]:
    """Each member's name, and whether its encoding is unknown, so that it may be garbled.

    Names that are not marked are UTF-8 if all of them are valid UTF-8; else they are read as DOS
    wrote them (CP437). Some Chinese names (GBK) are valid UTF-8 too, with another meaning: for zips
    from Windows, UTF-8 is a guess.
    """
    known = [_known_name(member) for member in members]
    # zipfile has decoded names that are not marked as CP437: this gives their bytes back
    raw = [
        member.filename.encode("cp437")
        for member, name in zip(members, known, strict=True)
        if name is None
    ]
    is_utf8 = all(map(_is_utf8, raw))
    names = list[tuple[str, bool]]()
    for member, name in zip(members, known, strict=True):
        if name is None and is_utf8:
            name = member.filename.encode("cp437").decode("utf-8")
            names.append((name, member.create_system in WINDOWS))
        else:
            names.append((name or member.filename, name is None))
    return names


def _known_name(member: zipfile.ZipInfo) -> str | None:
    """The name, if its encoding is known."""
    if member.flag_bits & IS_UTF8 or member.filename.isascii():
        return member.filename
    return _unicode_path(member)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_folder(member: zipfile.ZipInfo) -> bool:
    """Whether it is a folder, also as Windows marks them (a backslash, or the DOS attribute)."""
    is_dos = bool(member.external_attr & 0x10) and not member.file_size
    return member.is_dir() or member.filename.endswith("\\") or is_dos


def note(names: Sequence[str]) -> str:
    """The note on names that may be garbled."""
    what = "1 name in this zip is" if len(names) == 1 else f"{len(names):,} names in this zip are"
    return (
        f"{what} not marked as UTF-8 and may be garbled, such as {names[0]!r}; on the machine "
        "where it was packed, pack it again with names in UTF-8 (7-Zip: -mcu=on), or give the "
        "folder"
    )


def _unicode_path(member: zipfile.ZipInfo) -> str | None:
    """The name in the extra field, if there is one that belongs to this member's name."""
    extra = member.extra
    while len(extra) >= 4:
        field, length = struct.unpack("<HH", extra[:4])
        data, extra = extra[4 : 4 + length], extra[4 + length :]
        if field == UNICODE_PATH and len(data) > 5 and data[0] == 1:
            crc = struct.unpack("<I", data[1:5])[0]
            if crc == zlib.crc32(member.filename.encode("cp437")) and _is_utf8(data[5:]):
                return data[5:].decode("utf-8")
    return None
