"""Which files in a folder or an archive are images, and why the others are not used.

A file is an image by its content, whatever its name. A file with an image suffix counts too, so
that presize reports it if its content is something else. System files are never images.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from pawprint.storage import file_type
from pawprint.storage.file_type import CONVERT, COPY, EMPTY, UNKNOWN, UNPACK, ZEROS, FileType

SUFFIXES = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"),
    *(".apng", ".dib", ".jfif", ".jif", ".jpe"),
)
OTHER_SUFFIXES = (  # of images in formats that are not read
    *file_type.RAW_SUFFIXES,
    *(".avif", ".heic", ".heif", ".hif", ".ico", ".j2k", ".jp2", ".jpf", ".jxl", ".jxr", ".mpo"),
    *(".pbm", ".pcx", ".pgm", ".pnm", ".ppm", ".psb", ".psd", ".qoi", ".raw", ".svg", ".tga"),
    *(".dds", ".dcm", ".eps", ".exr", ".fits", ".hdr", ".xcf", ".wdp"),
)
PACKED = re.compile(r"\.(zip|tar|t?gz|tbz2?|bz2|t?xz|txz|t?zst|rar|7z|lz4|cab|z?\d\d\d?)$")
BACKUP = re.compile(r"(~|\.bak|\.orig|\.old|_original)$")  # of editors and of exiftool
UNFINISHED = re.compile(r"\.(part|partial|crdownload|download|opdownload|filepart|!ut|!qb)$")
WASTE = re.compile(  # names of folders and files that systems and programs leave
    r"@eaDir|@tmp|@Recycle|@Recently-Snapshot|#recycle|#snapshot|\$RECYCLE\.BIN"
    r"|System Volume Information|lost\+found|found\.\d{3}|__MACOSX|Network Trash Folder"
    r"|Temporary Items|TheVolumeSettingsFolder|_vti_(cnf|pvt)|__pycache__"
    r"|.+\.lrdata|.+\.lrlibrary|.+\.cocatalog|.+@Syno(EAStream|Resource)|SYNO(PHOTO|INDEX)_.+"
    r"|(eh)?thumbs(_vista)?\.db|desktop\.ini|picasa\.ini|Icon\r|ZbThumbnail\.info|.+\.thm"
    r"|\._.*|\.DS_Store|\.Apple(Double|DB|Desktop)|\.Trash.*|\.thumbnails?|\.@__thumb|\.xvpics"
    r"|\.ipynb_checkpoints|\.picasaoriginals|\.picasa\.ini|\.comments|\.Spotlight-V100"
    r"|\.fseventsd|\.TemporaryItems|\.DocumentRevisions-V100|\.VolumeIcon\.icns|\.apdisk"
    r"|\.git(|ignore|attributes|keep|modules)|\.hg|\.svn|\.dvc(|ignore)|\.cache|\.venv|\.idea"
    r"|\.vscode|\.sync|\.stfolder|\.stversions|\.snapshot|\.zfs|\.nfs.*|\.fuse_hidden.*|\.~lock.*"
    r"|\.nomedia|\.directory|.+:(Zone\.Identifier|com\..+|encryptable)",
    re.IGNORECASE,
)
HIDDEN = "hidden"
ICLOUD = ".icloud"  # .NAME.icloud stands for a file that is in the cloud only


class Unused(NamedTuple):
    """A file that is not an image or not used as one, and why."""

    name: str
    reason: str  # what it is
    advice: str = ""


@dataclass(frozen=True)
class Listing:
    """The files of a folder or an archive, each in one of four lists, and notes on them."""

    images: list[str] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)  # that a person may take for images
    others: list[str] = field(default_factory=list)  # tables, texts, programs
    waste: list[str] = field(default_factory=list)  # what of a name a system has left
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, is_plain: bool, read_head: Callable[[], bytes]) -> None:
        """Put a file into its list; its first bytes are read only if its name does not tell."""
        if part := waste_part(name):
            self.waste.append(part)
        elif is_hidden(name):
            if has_image_suffix(name):
                self.unused.append(Unused(name, HIDDEN))
            elif name.endswith(ICLOUD):
                advice = "download the file itself from iCloud"
                self.unused.append(Unused(name, "only in the cloud", advice))
        elif has_image_suffix(name):
            self.images.append(name)
        elif not is_plain:
            advice = "pack the archive again with the files themselves (tar --dereference)"
            self.unused.append(Unused(name, "a link or a device", advice))
        else:
            self._add_by_content(name, file_type.identify(read_head(), name))

    def _add_by_content(self, name: str, known: FileType) -> None:
        if UNFINISHED.search(name.lower()):
            self.unused.append(Unused(name, "an unfinished download", COPY))
        elif known.is_image:
            self.images.append(name)
        elif _may_be_meant(suffix(name), known):
            advice = CONVERT if known == UNKNOWN and suffix(name) else known.advice
            self.unused.append(Unused(name, known.name, advice))
        else:
            self.others.append(name)

    def without_backups(self) -> "Listing":
        """The listing, with backup copies moved to the unused files."""
        images = set(self.images)
        backups = [x for x in self.images if BACKUP.search(x) and BACKUP.sub("", x) in images]
        unused = [Unused(name, "a backup copy") for name in backups]
        kept = sorted(images.difference(backups)) if backups else sorted(self.images)
        return Listing(kept, sorted(self.unused + unused), self.others, self.waste, self.notes)


def suffix(name: str) -> str:
    """The last suffix in lower case, without the spaces and dots that Windows drops.

    >>> suffix("a/IMG_1.JPG "), suffix("a.b/IMG_1"), suffix("IMG_1.jpg.")
    ('.jpg', '', '.jpg')
    """
    ending = PurePosixPath(name.rpartition("/")[2].rstrip(" .")).suffix
    return ending.lower()


def has_image_suffix(name: str) -> bool:
    """Whether the name has the suffix of an image."""
    return suffix(name) in SUFFIXES


def is_candidate(name: str) -> bool:
    """Whether a file counts as an image by name, so that its content is checked."""
    return has_image_suffix(name) and not waste_part(name) and not is_hidden(name)


def may_be_image(name: str) -> bool:
    """Whether a file that cannot be read may be an image, or a folder of images."""
    # a long one may be .jpg_large, as Twitter names a saved image, or the end of a folder's name
    return suffix(name) in ("", *SUFFIXES, *OTHER_SUFFIXES) or len(suffix(name)) > 5


def is_hidden(name: str) -> bool:
    """Whether the file, or a folder in its path, is hidden."""
    return any(part != ".." and part.startswith(".") for part in name.split("/"))


def waste_part(name: str) -> str:
    """The part of the path that a system created for itself; empty if there is none."""
    return next((part for part in name.split("/") if _is_waste(part)), "")


# folders are asked for again with every file in them
@lru_cache(1 << 16)
def _is_waste(part: str) -> bool:
    return bool(WASTE.fullmatch(part))


def _may_be_meant(ending: str, known: FileType) -> bool:
    """Whether the user may mean a file that is not used as an image, or as an archive of images."""
    if ending in OTHER_SUFFIXES or known.advice == CONVERT:
        return True
    if known in (UNKNOWN, EMPTY, ZEROS):
        return not ending
    if known.advice == UNPACK:
        return not ending or bool(PACKED.search(ending))
    return known.name.startswith(("a video", "a pointer"))
