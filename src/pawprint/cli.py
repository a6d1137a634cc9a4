"""The command line: `pawprint result`, `pawprint summary`."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pawprint import console, files, params
from pawprint.findings import Findings

SUMMARY = Path("reports/evaluate.json")


def main() -> None:
    """Run the command that is named; exit 1 with one line where something is missing."""
    parser = argparse.ArgumentParser("pawprint", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    result = commands.add_parser("result", help="the error rate now, and at the last commit")
    result.set_defaults(run=lambda: closing_line(files.read_json(SUMMARY), committed(SUMMARY)))
    shown = commands.add_parser("summary", help="a picture's way through the chain; what is wrong")
    shown.set_defaults(run=summarised)
    try:
        print(parser.parse_args().run())
    except KeyboardInterrupt:
        sys.exit(130)
    except console.EXPECTED as error:
        sys.exit(f"pawprint: {console.said(error)}")


def summarised() -> str:
    """The steps as they are done, then what is wrong.

    Raises:
        SystemExit: something is wrong; the last line says what is first, and how to mend it.
    """
    from pawprint import summary  # here, since `result` needs no torch

    found, done = Findings(), 0
    try:
        for step in summary.steps(params.load(), found):
            print(f"{step.name:<10} {step.said}", flush=True)
            done += 1
    except console.EXPECTED as error:
        found.errors.insert(0 if not done else len(found.errors), console.said(error))
    for note in found.notes:
        print(f"note       {note}")
    if not found.errors:
        return "Nothing is wrong with this."
    for other in found.errors[1:]:
        print(f"also wrong {other}")
    sys.exit(f"wrong      {found.errors[0]}")


def committed(path: Path) -> dict[str, Any] | None:
    """The file as the last commit has it; None if it has none."""
    shown = subprocess.run(
        ["git", "show", f"HEAD:./{path.as_posix()}"], capture_output=True, text=True, check=False
    )
    return json.loads(shown.stdout) if shown.returncode == 0 else None


def closing_line(now: dict[str, Any], before: dict[str, Any] | None) -> str:
    """What `make run` ends with."""
    wrong = round(now["error_rate"] * now["n"])
    then = f"{before['error_rate']:.4f}" if before else "none yet"
    activate = "" if os.environ.get("VIRTUAL_ENV") else ". .venv/bin/activate && "
    return (
        f"error rate {now['error_rate']:.4f} ({wrong} of {now['n']:,} valid pictures), last commit "
        f"{then}; pictures: dvc_plots/index.html (dvc plots show); next: {activate}"
        "dvc exp run -S lr=3e-3"
    )
