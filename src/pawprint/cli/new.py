"""`pawprint new`: own images as a data set."""

import argparse
from collections.abc import Iterator
from typing import Any

from pawprint.cli import arguments
from pawprint.cli.arguments import Commands
from pawprint.core.files import with_slashes
from pawprint.curation import keep_entry
from pawprint.terminal import console


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("new", help="own pictures: look at them, add them as a data set")
    parser.set_defaults(run=run)
    parser.add_argument("name", help="of the data set, a block of datasets.yaml")
    parser.add_argument(
        "pictures", nargs="?", type=with_slashes, help="a folder, an archive, or an http(s) URL"
    )
    parser.add_argument(
        "--pattern", help="finds the label, (…), in the file's name, folder or cell"
    )
    places = parser.add_mutually_exclusive_group()
    places.add_argument("--folder", action="store_true", help="its folder's name is the label")
    places.add_argument("--from-path", action="store_true", help="--pattern sees the whole path")
    places.add_argument(
        "--csv",
        metavar="FILE",
        type=with_slashes,
        help="the labels' file, among the pictures or not",
    )
    parser.add_argument("--name-column", metavar="X", help="of the CSV: names a picture")
    parser.add_argument("--label-column", metavar="Y", help="of the CSV: its label")
    parser.add_argument("--separator", metavar="S", help="between several labels in a cell")
    splits = parser.add_mutually_exclusive_group()
    splits.add_argument("--split-column", metavar="Z", help="of the CSV: train, valid or test")
    splits.add_argument(
        "--split-folders", action="store_true", help="folders train, valid (val), test are a split"
    )
    parser.add_argument("--sha256", help="what the archive must have")
    parser.add_argument("--update", action="store_true", help="the pictures have changed")
    parser.add_argument("--commit", action="store_true", help="commit datasets.yaml, and only that")


def run(args: argparse.Namespace) -> None:
    """What the pictures are; then a block in datasets.yaml, a new hash there, or rules that fit."""
    for line in lines(args):
        print(line, flush=True)


def rule(args: argparse.Namespace) -> dict[str, Any]:
    """The keys of `label`; none where no option says how a picture gets its label."""
    keys = {"file": args.csv, "name": args.name_column, "label": args.label_column}
    keys |= {"separator": args.separator, "split": args.split_column}
    flags = {"folder": args.folder, "path": args.from_path, "csv": any(keys.values())}
    source = next((source for source, is_it in flags.items() if is_it), "name")
    keys["pattern"] = args.pattern
    known = {key: text for key, text in keys.items() if text is not None}
    return {"from": source, **known} if known or source != "name" else {}


def lines(args: argparse.Namespace) -> Iterator[str]:
    """What the pictures are; then a block in datasets.yaml, a new hash there, or rules that fit.

    Raises:
        ValueError: the options do not go together, or as for `new_dataset.add_dataset`.
    """
    from pawprint.curation import new_dataset, update_dataset

    keys = rule(args)
    if args.update and (keys or args.sha256 or args.split_folders):
        raise ValueError("--update takes no rule and no hash: datasets.yaml has the rule")
    if not args.update and not args.pictures:
        raise ValueError(f"say where the pictures are: pawprint new {args.name} FOLDER-OR-URL")
    if args.update:
        rows = update_dataset.update_dataset(args.name, args.pictures)
        yield from keep_entry.commit_entry(rows, f"Update the data set {args.name}", args.commit)
        return
    try:
        rows = new_dataset.add_dataset(
            args.name, args.pictures, keys, args.sha256, args.split_folders
        )
        yield from keep_entry.commit_entry(rows, f"Add the data set {args.name}", args.commit)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(arguments.name_options(console.error_message(error))) from error
