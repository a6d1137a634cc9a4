"""Why an archive cannot be read or has no image: what the file is, and what to do."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

from pawprint.core.findings import shorten
from pawprint.core.yaml_file import one_line
from pawprint.storage import file_type, unused_files, web_pages
from pawprint.storage.file_type import FileType
from pawprint.storage.image_files import Listing

NOT_OPENED = "file could not be opened successfully"  # tarfile's word for all that is no tar
KINDS = "tar, tar.gz, tar.bz2, tar.xz, zip"
CHECK = "check `url` in datasets.yaml"
OPENERS: dict[str, Callable[[Path], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    "a gz archive": gzip.GzipFile,
    "a bz2 archive": bz2.BZ2File,
    "an xz archive": lzma.LZMAFile,
}
READ = ("a zip archive", "a tar archive", *OPENERS)


def why(path: Path, error: Exception) -> str:
    """What is wrong with a file that was opened as an archive, in one line."""
    head = _head(path)
    known = file_type.identify(head[: file_type.HEAD_BYTES])
    if known.is_image:
        return f"a single image ({known.name}), not an archive; give the folder that contains it"
    if known.name in web_pages.TYPES:
        return f"{web_pages.describe(head)}, not an archive; {known.advice}, or {CHECK}"
    if known.name in READ:
        return _damage(path, known, error)
    if known.advice == file_type.UNPACK:
        return f"{known.name}, but only {KINDS} can be read; unpack it and give the folder"
    if known != file_type.UNKNOWN:
        first = head.decode("utf-8", "replace").partition("\n")[0]
        shown = f" ({one_line(first.strip(), 80)})" if known.name == "text" else ""
        remedy = f"{known.advice}, or {CHECK}" if known.advice else CHECK
        return f"{known.name}{shown}, not an archive that can be read ({KINDS}); {remedy}"
    is_foreign = str(error).startswith(NOT_OPENED)
    reason = f"it starts with the bytes {head[:8].hex(' ')}" if is_foreign else _reason(error)
    return f"not an archive that can be read ({KINDS}): {reason}; download it again, or {CHECK}"


def _damage(path: Path, known: FileType, error: Exception) -> str:
    """Why an archive of a known kind cannot be read."""
    reason = _reason(error)
    if "encrypted" in reason:
        return (
            f"not an archive that can be read: {reason}; unpack it with its password and give the "
            "folder, or pack it again without one"
        )
    if isinstance(error, NotImplementedError):
        return f"packed with an unknown method ({reason}); unpack it and give the folder"
    if known.name in OPENERS and (inner := _packed_file(path, known)):
        return (
            f"one file ({inner}) packed by {known.name.split()[1]}, not a tar; only {KINDS} can be "
            "read: pack a folder of images"
        )
    return (
        f"not an archive that can be read ({KINDS}): {reason}; download it again, join its parts "
        f"if it has several, or {CHECK}"
    )


def _packed_file(path: Path, known: FileType) -> str:
    """What is in a packed file that is not a tar; empty if it is a tar or cannot be read."""
    try:
        with OPENERS[known.name](path) as file:
            inner = file_type.identify(file.read(file_type.HEAD_BYTES)).name
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return ""
    return "" if inner == "a tar archive" else inner


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0].rstrip(" :") if str(error) else ""
    if isinstance(error, EOFError) or text == "unexpected end of data":
        return "it is truncated: it ends too early"
    return "it is truncated or damaged" if text == NOT_OPENED else text or type(error).__name__


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(web_pages.HEAD_BYTES)


def no_image(path: Path, listing: Listing) -> str:
    """What an archive without images contains."""
    if (
        path.is_file() and file_type.identify(_head(path)) == file_type.ZEROS
    ):  # to tarfile, an empty tar
        return f"{file_type.ZEROS.name}, not an archive; {file_type.ZEROS.advice}, or {CHECK}"
    packs = [file.name for file in listing.unused if file.advice == file_type.UNPACK]
    if packs:
        inner = f"another archive, {packs[0]}: unpack it and give its content"
        if len(packs) > 1:
            inner = f"{len(packs):,} other archives: {shorten(packs)}; unpack them into one folder"
        return f"no image in this archive or folder, but {inner}"
    there = "; ".join(unused_files.notes(listing)) or "it is empty"
    return (
        f"no image in this archive or folder: {there}; supported are JPEG, PNG, GIF, BMP, WebP and "
        f"TIFF; {CHECK}"
    )
