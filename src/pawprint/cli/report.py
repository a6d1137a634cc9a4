"""`pawprint report`: where the run's report is, or a copy of it with its commit."""

import argparse
import html
import sys
from datetime import UTC, datetime
from pathlib import Path

from pawprint.cli.arguments import Commands
from pawprint.core import files, git
from pawprint.experiments import drift, workspace

REPORT, STAMP = Path("reports/report.html"), "<!-- stamp -->"


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "report", help="show where the report is; copy it with commit and date"
    )
    parser.add_argument("--stamp", action="store_true", help="write a copy with commit and date")
    parser.add_argument("--to", type=Path, help="its file (default: build/report-COMMIT.html)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print where the report is; with --stamp, write a copy with its commit and date.

    Raises:
        FileNotFoundError: stage report has not run.
        ValueError: it ran with other params, data or code than the stamp would say.
    """
    text, status = REPORT.read_text(encoding="utf-8"), workspace.status()
    reasons = status.problems("report")
    stale = f"{REPORT} is from other params, data or code than the current ones: " + "; ".join(
        reasons[:1]
    )
    if reasons and args.stamp:
        raise ValueError(f"{stale}; `dvc repro` makes it again")
    if not args.stamp:
        print(REPORT.resolve().as_uri())
        if reasons:
            print(f"note: {stale}; `dvc repro` makes it again", file=sys.stderr)
        for note in drift.notes():
            print(note, file=sys.stderr)
        return
    # in a copy: a date in the report itself would change its hash in dvc.lock at each run
    commit = git.git_output("describe", "--always", "--dirty").strip() or "no commit"
    words = f"commit {commit}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    words += f"; not checked against it: {status.unknown}" if status.unknown else ""
    target = args.to or Path("build", f"report-{commit}.html")
    files.write_text(target, text.replace(STAMP, f"<p>{html.escape(words)}</p>", 1))
    print(f"{target}: {words}")
