"""The command line: `pawprint new`, `summary`, `predict`, `report` and the others."""

import argparse

from pawprint.cli import (
    compare,
    epochs,
    export,
    new,
    predict,
    recommend,
    report,
    result,
    root,
    summary,
    verify,
)
from pawprint.terminal import console

COMMANDS = (result, summary, predict, export, report, compare, epochs, verify, recommend, new)


def main() -> None:
    """Run the command that is named; exit 1 with one line where something is missing."""
    console.read_names_as_utf8()
    console.escape_letters()
    args = parser().parse_args()
    console.run_command(lambda: args.run(root.enter_root(args)), "pawprint")


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser("pawprint", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
