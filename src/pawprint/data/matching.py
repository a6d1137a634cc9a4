"""Which images a column of a CSV means: by path, by file name, or by name without suffix."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from pawprint.storage import archives, entries


@dataclass(frozen=True)
class Known:
    """The images, by each text that may mean them."""

    meant: Mapping[str, list[str]]  # by file name, stem and path
    stems: Mapping[str, list[str]]  # by the path without suffix
    top: PurePosixPath  # the folders that all of them share


def index_names(names: Sequence[str]) -> Known:
    """Index the images of an archive."""
    stems = defaultdict(list)
    for name in names:
        stems[str(PurePosixPath(name).with_suffix(""))].append(name)
    return Known(archives.match_names(names), stems, PurePosixPath(*_shared_folder(names)))


def hits(cells: Sequence[str], images: Known, folder: PurePosixPath) -> tuple[list[list[str]], str]:
    """The images that each cell may mean, and the folders that were removed from all cells.

    A path starts at the top, at the CSV's own folder, or at the images' folder. If some cells match
    no image, folders that all cells share are removed, as in /kaggle/input/x/1.jpg or a URL, if
    more cells match then.
    """
    paths = [_path(cell) for cell in cells]
    best, taken = [_meaning(path, images, folder) for path in paths], ""
    shared = _shared_folder(path for path in paths if path)
    for depth in range(1, len(shared) + 1):
        if all(best):
            break
        within = ["/".join(path.split("/")[depth:]) for path in paths]
        tried = [_meaning(path, images, folder) for path in within]
        if sum(map(bool, tried)) > sum(map(bool, best)):
            best, taken = tried, "/".join(shared[:depth]) + "/"
    return best, taken


def _path(cell: str) -> str:
    is_url = cell.startswith(("http://", "https://", "gs://", "s3://", "file://"))
    # in a plain file's name # and ? are letters; a URL's host is kept as a folder, to be taken off
    parts = urlsplit(cell) if is_url else None
    return entries.normalize_name(f"{parts.netloc}{unquote(parts.path)}" if parts else cell)


def _meaning(path: str, images: Known, folder: PurePosixPath) -> list[str]:
    wholes = dict.fromkeys([path, str(folder / path), str(images.top / path)])
    for whole in wholes:
        # a whole path means itself, even where other folders hold a file of that name
        if images.meant.get(whole) == [whole]:
            return [whole]
    for whole in wholes:
        if "/" in whole and whole in images.stems:
            return images.stems[whole]
    return images.meant.get(path, [])


def _shared_folder(paths: Iterable[str]) -> list[str]:
    """The folders that all of these paths start with."""
    # strict=False: the shortest path ends it
    levels = zip(*(path.split("/")[:-1] for path in paths), strict=False)
    return [level[0] for level in takewhile(lambda level: len({*level}) == 1, levels)]
