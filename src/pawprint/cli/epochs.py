"""`pawprint epochs`: check the last run for overfitting."""

import argparse
from pathlib import Path

from pawprint.cli.arguments import Commands
from pawprint.core import params
from pawprint.experiments import workspace

LABELS = Path("reports/labels.json")


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("epochs", help="check the last run for overfitting")
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> None:
    """Print a line for each phase.

    Raises:
        FileNotFoundError: label or a train stage has not run.
        ValueError: its files are damaged.
    """
    from pawprint.experiments import overfitting

    images, p, status = overfitting.judged_images(LABELS), params.load(), workspace.status()
    for name, asked in (("frozen", p.frozen.epochs), ("unfrozen", p.unfrozen.epochs)):
        phase = overfitting.read_phase(Path(f"reports/train_{name}.csv"), name)
        reasons = status.problems(f"train_{name}")
        print(
            overfitting.stale_message(name, reasons)
            if reasons
            else overfitting.diagnose(phase, images, asked)
        )
    if status.unknown:
        print(
            "note: cannot tell whether this is from the current params, data and code: "
            f"{status.unknown}"
        )
