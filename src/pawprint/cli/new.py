"""`pawprint new`: your own images as a dataset."""

import argparse
from collections.abc import Iterator
from typing import Any

from pawprint.cli import arguments
from pawprint.cli.arguments import Commands
from pawprint.core import label_cells
from pawprint.core.files import with_slashes
from pawprint.curation import keep_entry
from pawprint.terminal import console


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("new", help="inspect your own images, add them as a dataset")
    parser.set_defaults(run=run)
    parser.add_argument("name", help="name of the dataset, a block of datasets.yaml")
    parser.add_argument(
        "pictures",
        metavar="images",
        nargs="?",
        type=with_slashes,
        help="a folder, an archive, or an http(s) URL",
    )
    parser.add_argument(
        "--pattern", help="finds the label, (…), in the file's name, folder or cell"
    )
    places = parser.add_mutually_exclusive_group()
    places.add_argument("--folder", action="store_true", help="the folder's name is the label")
    places.add_argument(
        "--from-path", action="store_true", help="match --pattern on the whole path"
    )
    places.add_argument("--csv", metavar="FILE", type=with_slashes, help="the file with the labels")
    parser.add_argument("--name-column", metavar="X", help="CSV column with the image's name")
    parser.add_argument(
        "--label-column",
        metavar="Y",
        help="CSV column with its label or number; of points several, with commas: X,Y or X1,Y1,…",
    )
    parser.add_argument(
        "--target",
        choices=[*label_cells.CELLS],
        help="what to learn: one label (default), several labels (default with --separator), "
        "points in px from the upper left corner, or a number",
    )
    parser.add_argument("--separator", metavar="S", help="separates several labels in a cell")
    splits = parser.add_mutually_exclusive_group()
    splits.add_argument("--split-column", metavar="Z", help="CSV column with train, valid or test")
    splits.add_argument(
        "--split-folders",
        action="store_true",
        help="use folders train, valid (val), test as the split",
    )
    parser.add_argument("--sha256", help="expected hash of the archive")
    parser.add_argument(
        "--update", action="store_true", help="use this after the images have changed"
    )
    parser.add_argument(
        "--compact", action="store_true", help="with --update: merge small blocks of a folder"
    )
    parser.add_argument(
        "--commit", action="store_true", help="commit datasets.yaml and manifests/, nothing else"
    )


def run(args: argparse.Namespace) -> None:
    """Describe the images; then write a block or a new hash to datasets.yaml, or suggest rules."""
    for line in lines(args):
        print(line, flush=True)


def rule(args: argparse.Namespace) -> dict[str, Any]:
    """The keys of `label`; empty if no option says how an image gets its label."""
    columns = arguments.label_columns(args.label_column, args.target)
    keys: dict[str, Any] = {"file": args.csv, "name": args.name_column, "label": columns}
    keys |= {"separator": args.separator, "split": args.split_column}
    flags = {"folder": args.folder, "path": args.from_path, "csv": any(keys.values())}
    source = next((source for source, is_it in flags.items() if is_it), "name")
    keys["pattern"] = args.pattern
    known = {key: text for key, text in keys.items() if text is not None}
    return {"from": source, **known} if known or source != "name" else {}


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Describe the images; then write a block or a new hash to datasets.yaml, or suggest rules.

    Raises:
        ValueError: the options conflict, or as for `new_dataset.add_dataset`.
    """
    from pawprint.curation import new_dataset, update_dataset

    keys = rule(args)
    if args.update and (keys or args.sha256 or args.split_folders):
        raise ValueError("--update takes no label rule and no hash; the rule is in datasets.yaml")
    if args.update and args.target:
        raise ValueError(f"--update takes no --target; it is in the block {args.name}")
    if not args.update and not args.pictures:
        raise ValueError(f"the images are missing: pawprint new {args.name} FOLDER-OR-URL")
    if args.compact and not args.update:
        raise ValueError("--compact goes with --update: it merges small blocks of a folder")
    if args.update:
        rows = update_dataset.update_dataset(args.name, args.pictures, args.compact)
        yield from keep_entry.commit_entry(rows, args.name, "Update", args.commit)
        return
    try:
        rows = new_dataset.add_dataset(
            args.name, args.pictures, keys, args.sha256, args.split_folders, args.target
        )
        yield from keep_entry.commit_entry(rows, args.name, "Add", args.commit)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(arguments.name_options(console.error_message(error))) from error
