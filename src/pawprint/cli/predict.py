"""`pawprint predict`: predictions of the model for new images."""

import argparse
import sys
from functools import partial
from pathlib import Path

from pawprint.cli import arguments
from pawprint.cli.arguments import Commands
from pawprint.cli.root import MODEL
from pawprint.core.findings import Findings
from pawprint.terminal import console


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("predict", help="predict labels, points or numbers of new images")
    parser.add_argument("files", nargs="+", help="files, folders, patterns; - for names on stdin")
    parser.add_argument(
        "--model", type=Path, default=MODEL, help=f"the model file (default: {MODEL})"
    )
    parser.add_argument(
        "--top", type=arguments.count, default=3, help="number of classes to show (default: 3)"
    )
    parser.add_argument(
        "--min-probability", type=arguments.fraction, help="below it: none of these"
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print one JSON object per line")
    forms.add_argument("--csv", action="store_true", help="print CSV: file, label, probability")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print a line per image; files that cannot be read are listed at the end.

    Raises:
        SystemExit: some files could not be read; the others are predicted anyway.
    """
    # here, since torch takes seconds to import: --help and a wrong option must not wait
    from pawprint.inference import answers, predict
    from pawprint.models import model_file

    names = [n for name in args.files for n in (arguments.stdin_names() if name == "-" else [name])]
    notes, findings = list[str](), Findings()
    paths = predict.expand_paths(names, notes)
    for note in notes:
        print(f"pawprint: note: {note}", file=sys.stderr)
    as_json = partial(answers.as_json, is_ascii=not console.is_utf8())
    shown = as_json if args.json else answers.as_csv if args.csv else answers.as_text
    if args.csv:
        console.encode_as_utf8()
        print(answers.header(model_file.read_card(args.model)))
    answers_made = predict.predict_files(
        args.model, paths, args.top, args.min_probability, findings
    )
    for answer in console.progress_bar(answers_made, "predict", len(paths)):
        # flush: into a pipe, the answers would come in one piece at the end
        print(shown(answer), flush=True)
    for note in findings.notes:
        print(f"pawprint: note: {note}", file=sys.stderr)
    if findings.errors:
        message = "\n".join(f"pawprint: {error}" for error in findings.errors)
        sys.exit(f"{message}\npawprint: {len(findings.errors)} of {len(paths)} could not be read")
