"""The command line: `pawprint new`, `summary`, `predict`, `report` and the others."""

import argparse
import html
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pawprint.cli import arguments, new, root
from pawprint.cli.root import MODEL, ONNX
from pawprint.core import files, git, params
from pawprint.core.findings import Findings
from pawprint.experiments import drift, workspace
from pawprint.terminal import console, undo

LABELS = Path("reports/labels.json")
REPORT, STAMP = Path("reports/report.html"), "<!-- stamp -->"


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
    result = commands.add_parser("result", help="the error rate now, and at the last commit")
    result.set_defaults(run=run_result, is_for_ratings=True)
    shown = commands.add_parser("summary", help="a picture's way through the chain; what is wrong")
    shown.set_defaults(run=run_summary)
    asked = commands.add_parser("predict", help="what the model says of new pictures")
    asked.add_argument("files", nargs="+", help="files, folders, patterns; - for names on stdin")
    asked.add_argument("--model", type=Path, default=MODEL, help=f"the model file ({MODEL})")
    asked.add_argument("--top", type=arguments.count, default=3, help="classes to name (3)")
    asked.add_argument("--min-probability", type=arguments.fraction, help="else: none of these")
    forms = asked.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one JSON object a line")
    forms.add_argument("--csv", action="store_true", help="file, label, probability")
    asked.set_defaults(run=run_predict)
    out = commands.add_parser("export", help="the model as ONNX, checked against torch")
    out.add_argument("--model", type=Path, default=MODEL, help=f"the model file ({MODEL})")
    out.add_argument("--to", type=Path, default=ONNX, help=f"the file to write ({ONNX})")
    out.set_defaults(run=run_export)
    page = commands.add_parser("report", help="where the report lies; a copy with commit and date")
    page.add_argument("--stamp", action="store_true", help="write such a copy, outside the graph")
    page.add_argument("--to", type=Path, help="its file (build/report-COMMIT.html)")
    page.set_defaults(run=run_report)
    sides = commands.add_parser("compare", help="which recipe is better, over seeds and pictures")
    sides.add_argument("runs", nargs="*", help="experiments, commits (HEAD and all from it)")
    sides.add_argument("--over", action="append", help="a param that is no recipe's own (seed)")
    sides.add_argument("--against", default="", help="the run to set the others against (the best)")
    sides.add_argument("--md", action="store_true", help="the table in Markdown")
    sides.set_defaults(run=run_compare)
    length = commands.add_parser("epochs", help="whether the last run trained for too long")
    length.set_defaults(run=run_epochs)
    checked = commands.add_parser("verify", help="rebuild the last commit in a clone, and compare")
    checked.set_defaults(run=run_verify, is_for_ratings=True)
    asks = commands.add_parser("recommend", help="items for a user of the ratings (collab/)")
    asks.add_argument("user", help="as the ratings name it")
    like = commands.add_parser("similar", help="items near to one of the ratings' (collab/)")
    like.add_argument("item", help="its title, or a part of it that no other has")
    for one in (asks, like):
        one.add_argument("--top", type=arguments.count, default=10, help="items to name (10)")
        one.set_defaults(run=run_recommend, user=None, item=None, is_for_ratings=True)
    own = commands.add_parser("new", help="own pictures: look at them, add them as a data set")
    new.add(own)
    own.set_defaults(run=run_new)
    return parser


def run_result(_given: argparse.Namespace) -> None:
    """The closing lines of `make run`."""
    from pawprint.experiments import last_run

    print("\n".join(last_run.lines()))


def run_summary(_given: argparse.Namespace) -> None:
    """The steps as they are done, then what is wrong.

    Raises:
        SystemExit: something is wrong; the last line says what is first, and how to mend it.
    """
    from pawprint.curation import dry_run  # here, since `result` needs no torch

    findings, done = Findings(), 0
    try:
        for step in dry_run.dry_run(params.load(), findings):
            print(f"{step.name:<10} {step.said}", flush=True)
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


def run_predict(args: argparse.Namespace) -> None:
    """A line a picture; files that cannot be read are listed at the end.

    Raises:
        SystemExit: some could not; the others are answered all the same.
    """
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
        print(shown(answer), flush=True)
    for note in findings.notes:
        print(f"pawprint: note: {note}", file=sys.stderr)
    if findings.errors:
        message = "\n".join(f"pawprint: {error}" for error in findings.errors)
        sys.exit(f"{message}\npawprint: {len(findings.errors)} of {len(paths)} could not be read")


def run_export(args: argparse.Namespace) -> None:
    """Write the ONNX file.

    Raises:
        SystemExit: the packages of the extra `export` are missing.
    """
    from pawprint.inference import onnx_export

    try:
        print(onnx_export.write(args.model, args.to))
    except ModuleNotFoundError as error:
        sys.exit(
            f"pawprint: export needs the package {error.name}: "
            "pip install -c constraints.txt -e '.[export]'"
        )


def run_report(args: argparse.Namespace) -> None:
    """Where the report lies; with --stamp a copy that says its commit and date.

    Raises:
        FileNotFoundError: stage report has not run.
        ValueError: it has run with other params, data or code than a stamp would say.
    """
    text, status = REPORT.read_text(encoding="utf-8"), workspace.status()
    reasons = status.problems("report")
    stale = f"{REPORT} is of other params, data or code than are here now: " + "; ".join(
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
    commit = git.git_output("describe", "--always", "--dirty").strip() or "no commit"
    words = f"commit {commit}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    words += f"; not checked against it: {status.unknown}" if status.unknown else ""
    target = args.to or Path("build", f"report-{commit}.html")
    files.write_text(target, text.replace(STAMP, f"<p>{html.escape(words)}</p>", 1))
    print(f"{target}: {words}")


def run_compare(args: argparse.Namespace) -> None:
    """The table of all recipes, then what it shows."""
    from pawprint.experiments import compare, runs

    names = [*args.runs, *([args.against] if args.runs and args.against else [])]
    ours, left_out = runs.select_runs(names, [args.against])
    table = compare.compare_runs(ours, args.over or ["seed"], args.against)
    shown = compare.markdown if args.md else compare.plain
    print("\n".join(shown(compare.cells(table))), end="\n\n")
    notes = [*table.notes, *left_out]
    print("\n".join([*compare.verdict(table), *(f"note: {note}" for note in notes)]))


def run_epochs(_given: argparse.Namespace) -> None:
    """A line for each phase.

    Raises:
        FileNotFoundError: label or a train stage has not run.
        ValueError: what it wrote is damaged.
    """
    from pawprint.experiments import overfitting

    images, p, status = overfitting.judged_images(LABELS), params.load(), workspace.status()
    for name, asked in (("frozen", p.frozen.epochs), ("unfrozen", p.unfrozen.epochs)):
        phase = overfitting.read_phase(Path(f"reports/train_{name}.csv"), name)
        reasons = status.problems(f"train_{name}")
        print(
            overfitting.stale(name, reasons)
            if reasons
            else overfitting.diagnose(phase, images, asked)
        )
    if status.unknown:
        print(f"note: whether this is of what is here now is not known: {status.unknown}")


def run_recommend(args: argparse.Namespace) -> None:
    """A line an item: the predicted rating for a user, or the cosine with an item."""
    from pawprint.ratings import recommend

    for one in recommend.answers(args.user, args.item, args.top):
        print(f"{one.score:7.3f}  {one.item}")


def run_new(args: argparse.Namespace) -> None:
    """What the pictures are; then a block in datasets.yaml, a new hash there, or rules that fit."""
    for line in new.lines(args):
        print(line, flush=True)


def run_verify(_given: argparse.Namespace) -> None:
    """Whether the last commit's hashes come out again.

    Raises:
        SystemExit: some do not.
    """
    from pawprint.experiments import verify

    equal, lines = verify.verify_commit(Path.cwd())
    print("\n".join(f"verify: {line}" for line in lines))
    if not equal:
        sys.exit(1)
