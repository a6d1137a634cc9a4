"""The label rule of `pawprint new`, once the images are there: the path of its CSV, its folders."""

import fnmatch
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pawprint.core import files, yaml_file
from pawprint.core.files import with_slashes
from pawprint.core.findings import shorten
from pawprint.data import layouts
from pawprint.data.label_csv import ENDINGS
from pawprint.data.source import Source
from pawprint.storage import archives, entries

Keys = dict[str, Any]  # of a rule


def with_folders(keys: Mapping[str, Any], names: Sequence[str], split_folders: bool) -> Keys:
    """The rule with the folders that define the split, if requested.

    Raises:
        ValueError: there are no such folders, or the innermost ones are not classes.
    """
    splits = layouts.split_folders(names)
    if keys["from"] == "folder" and "pattern" not in keys:
        layouts.check_class_folder(names, splits)
    if not split_folders:
        return {**keys}
    if splits is None:
        known = sorted({folder for name in names for folder in layouts.folders(name)})
        raise ValueError(
            "--split-folders: the images are not in folders named train, and valid (val) or test; "
            f"the folders there: {shorten(known, 10) or 'none'}"
        )
    if not splits.has_train and all(splits.split_of(name) for name in names):
        raise ValueError(
            f"--split-folders: all images are in {shorten(sorted(splits.split_of_folder))}, so "
            "none is left to train on; rename the folder for training to train"
        )
    return {**keys, **splits.keys}


def list_notes(url: str, files: Mapping[str, str]) -> list[str]:
    """A note on text files that seem to be the lists of a split, for which there is no option."""
    if not files:
        return []
    keys = ", ".join(f"{split}: {file}" for split, file in sorted(files.items()))
    return [
        f"{shorten(sorted(files.values()))} seem to be the lists of a split, which is not used; to "
        f"use it, add to the block: lists: {{url: {url}, {keys}}}, and train with -S "
        "label.split=official"
    ]


def csv_place(file: str, images: str, archive: Path) -> tuple[str, Source | None]:
    """The name of a CSV among the images, or the file elsewhere.

    Args:
        file: as typed: a name among the images, a URL, or a path from the working folder, the
            folder of the images or next to that.
        images: the folder or archive, as typed.
        archive: the archive made from it.

    Raises:
        ValueError: there is none.
    """
    if file.startswith(("http://", "https://")):
        return file, Source(url=file)
    typed, top = Path(file).expanduser(), Path(images).expanduser()
    inside = {*archives.file_names(archive)}
    if entries.normalize_name(file) in inside or fnmatch.filter(inside, file):
        return file, None
    beside = [top / file, top.parent / file] if top.is_dir() else [top.parent / file]
    for path in (typed, *beside):
        if path.is_file():
            # a CSV within the folder is packed with it: its hash is the archive's
            at, above = path.resolve(), top.resolve()
            if at.is_relative_to(above) and (name := at.relative_to(above).as_posix()) in inside:
                return name, None
            written = file if path == typed else with_slashes(os.path.normpath(path))
            return written, Source(url=written)
    known = shorten(sorted(name for name in inside if name.lower().endswith(ENDINGS)))
    raise ValueError(
        f"{yaml_file.one_line(file, 80)}: no such CSV among the images, in the working folder, in "
        f"{images} or next to it; the CSV files among the images: {known or 'none'}"
    )


def beside(images: str) -> list[Path]:
    """The CSV files next to a folder or an archive of images, as typed."""
    place = Path(images).expanduser()
    if not place.exists():
        return []
    shown = Path(os.path.normpath(place)).parent
    return sorted(x for x in shown.iterdir() if x.name.lower().endswith(ENDINGS) and x.is_file())


def check_typed(place: str) -> None:
    """Check that a typed path exists: PAWPRINT_DATA only replaces URLs.

    Raises:
        FileNotFoundError: it does not exist.
    """
    if files.is_address(place) or Path(place).expanduser().exists():
        return  # http://, sklearn:, or there
    folder = os.environ.get("PAWPRINT_DATA")
    twin = Path(folder or "", Path(place).name)
    hint = f"; did you mean {twin}" if folder and twin.exists() else "; give another path or URL"
    raise FileNotFoundError(f"{place}: no such file or folder{hint}")
