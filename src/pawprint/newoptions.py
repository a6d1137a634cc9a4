"""The options of `pawprint new`, and what they say of a block."""

import argparse
from collections.abc import Iterator
from typing import Any

from pawprint import arguments, console, keeping


def add(made: argparse.ArgumentParser) -> None:
    """The options of `pawprint new`."""
    made.add_argument("name", help="of the data set, a block of datasets.yaml")
    made.add_argument("pictures", nargs="?", help="a folder, an archive, or an http(s) URL")
    made.add_argument("--pattern", help="finds the label, (…), in the file's name, folder or cell")
    places = made.add_mutually_exclusive_group()
    places.add_argument("--folder", action="store_true", help="its folder's name is the label")
    places.add_argument("--from-path", action="store_true", help="--pattern sees the whole path")
    places.add_argument("--csv", metavar="FILE", help="the labels' file, among the pictures or not")
    made.add_argument("--name-column", metavar="X", help="of the CSV: names a picture")
    made.add_argument("--label-column", metavar="Y", help="of the CSV: its label")
    made.add_argument("--separator", metavar="S", help="between several labels in a cell")
    splits = made.add_mutually_exclusive_group()
    splits.add_argument("--split-column", metavar="Z", help="of the CSV: train, valid or test")
    splits.add_argument(
        "--split-folders", action="store_true", help="folders train, valid (val), test are a split"
    )
    made.add_argument("--sha256", help="what the archive must have")
    made.add_argument("--update", action="store_true", help="the pictures have changed")
    made.add_argument("--commit", action="store_true", help="commit datasets.yaml, and only that")


def rule(given: argparse.Namespace) -> dict[str, Any]:
    """The keys of `label`; none where no option says how a picture gets its label."""
    keys = {"file": given.csv, "name": given.name_column, "label": given.label_column}
    keys |= {"separator": given.separator, "split": given.split_column}
    flags = {"folder": given.folder, "path": given.from_path, "csv": any(keys.values())}
    source = next((source for source, is_it in flags.items() if is_it), "name")
    keys["pattern"] = given.pattern
    known = {key: text for key, text in keys.items() if text is not None}
    return {"from": source, **known} if known or source != "name" else {}


def lines(given: argparse.Namespace) -> Iterator[str]:
    """What the pictures are; then a block in datasets.yaml, a new hash there, or rules that fit.

    Raises:
        ValueError: the options do not go together, or as for `newset.added`.
    """
    from pawprint import newset, renewal  # here, since other commands need no torch

    keys = rule(given)
    if given.update and (keys or given.sha256 or given.split_folders):
        raise ValueError("--update takes no rule and no hash: datasets.yaml has the rule")
    if not given.update and not given.pictures:
        raise ValueError(f"say where the pictures are: pawprint new {given.name} FOLDER-OR-URL")
    if given.update:
        rows = renewal.updated(given.name, given.pictures)
        yield from keeping.kept(rows, f"Update the data set {given.name}", given.commit)
        return
    try:
        rows = newset.added(given.name, given.pictures, keys, given.sha256, given.split_folders)
        yield from keeping.kept(rows, f"Add the data set {given.name}", given.commit)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(arguments.as_typed(console.said(error))) from error
