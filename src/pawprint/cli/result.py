"""`pawprint result`: how good the last run is, the closing line of `make run`."""

import argparse

from pawprint.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "result", help="show how good the last run is, and the last commit's"
    )
    parser.set_defaults(run=run, is_for_ratings=True)


def run(_args: argparse.Namespace) -> None:
    """Print the closing lines of `make run`."""
    from pawprint.experiments import last_run

    print("\n".join(last_run.lines()))
