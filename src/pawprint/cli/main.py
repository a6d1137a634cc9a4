"""The command line: `pawprint new`, `summary`, `predict`, `report` and the others."""

import argparse
from pathlib import Path

from pawprint.cli import (
    compare,
    epochs,
    export,
    new,
    predict,
    preset,
    recommend,
    report,
    result,
    root,
    summary,
    verify,
)
from pawprint.terminal import console

COMMANDS = (
    result,
    summary,
    predict,
    export,
    report,
    compare,
    epochs,
    verify,
    recommend,
    new,
    preset,
)


def main() -> None:
    """Run the given command; exit 1 with one line if something is missing."""
    # before all else: it may start the program again
    console.read_names_as_utf8()
    console.escape_letters()
    args = parser().parse_args()
    console.run_command(lambda: run(args), "pawprint")


def run(args: argparse.Namespace) -> None:
    """Run the command in the project's folder; errors elsewhere tell how to get there."""
    here = Path.cwd()
    try:
        args.run(root.enter_root(args))
    # summary and predict end by sys.exit with a text, which may advise a command too
    except (*console.EXPECTED, SystemExit) as error:
        text = error.code if isinstance(error, SystemExit) else console.error_message(error)
        if isinstance(text, str) and (way := root.way_back(text, here)):
            kind = SystemExit if isinstance(error, SystemExit) else ValueError
            raise kind(f"{text}; {way}") from error
        raise


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser("pawprint", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
