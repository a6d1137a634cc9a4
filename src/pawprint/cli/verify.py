"""`pawprint verify`: check that the last commit's outputs can be rebuilt."""

import argparse
import sys
from pathlib import Path

from pawprint.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("verify", help="rebuild the last commit in a clone, and compare")
    parser.set_defaults(run=run, is_for_ratings=True)


def run(_args: argparse.Namespace) -> None:
    """Print whether the rebuilt outputs have the last commit's hashes.

    Raises:
        SystemExit: some do not.
    """
    from pawprint.experiments import verify

    equal, lines = verify.verify_commit(Path.cwd())
    print("\n".join(f"verify: {line}" for line in lines))
    if not equal:
        sys.exit(1)
