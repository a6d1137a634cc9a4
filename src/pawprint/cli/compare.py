"""`pawprint compare`: compare recipes over seeds and images."""

import argparse

from pawprint.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("compare", help="compare recipes over seeds and images")
    parser.add_argument(
        "runs", nargs="*", help="experiments, commits (default: HEAD and all from it)"
    )
    parser.add_argument("--over", action="append", help="a param to average over (default: seed)")
    parser.add_argument("--against", default="", help="the run to compare with (default: the best)")
    parser.add_argument("--md", action="store_true", help="print the table in Markdown")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the table of all recipes, then what it shows."""
    from pawprint.experiments import compare, runs

    names = [*args.runs, *([args.against] if args.runs and args.against else [])]
    ours, left_out = runs.select_runs(names, [args.against])
    table = compare.compare_runs(ours, args.over or ["seed"], args.against)
    shown = compare.format_markdown if args.md else compare.format_plain
    print("\n".join(shown(compare.cells(table))), end="\n\n")
    notes = [*table.notes, *left_out]
    print("\n".join([*compare.verdict(table), *(f"note: {note}" for note in notes)]))
