"""`pawprint summary`: follow one image through all steps, and report what is wrong."""

import argparse
import sys

from pawprint.cli.arguments import Commands
from pawprint.core import params
from pawprint.core.findings import Findings
from pawprint.terminal import console, undo


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "summary", help="follow an image through all steps; show what is wrong"
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> None:
    """Print each step as it is done, then what is wrong.

    Raises:
        SystemExit: something is wrong; the last line tells what to fix first, and how.
    """
    from pawprint.curation import dry_run  # here, since `result` needs no torch

    findings, done = Findings(), 0
    try:
        for step in dry_run.dry_run(params.load(), findings):
            print(f"{step.name:<10} {step.text}", flush=True)
            done += 1
    except console.EXPECTED as error:
        findings.errors.insert(
            0 if not done else len(findings.errors), console.error_message(error)
        )
        findings.notes.extend(undo.advice(error))
    for note in findings.notes:
        print(f"note       {note}")
    for other in findings.errors[1:]:
        print(f"also wrong {other}")
    if findings.errors:
        sys.exit(f"wrong      {findings.errors[0]}")
    print(dry_run.last_line(findings))
