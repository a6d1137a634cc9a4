"""`pawprint preset`: put a preset into params.yaml, and keep your dataset."""

import argparse

from pawprint.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("preset", help="put a preset into params.yaml; your dataset stays")
    parser.add_argument("name", help="a file of presets/, such as pets-resnet34")
    parser.add_argument(
        "--keep",
        metavar="KEY",
        action="append",
        default=[],
        help="keep this value too: a key (lr, augment.flip) or a section (label); may be repeated",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show the changes, and write nothing"
    )
    parser.set_defaults(run=run, is_for_ratings=True)


def run(args: argparse.Namespace) -> None:
    """Print what changes, and write params.yaml."""
    from pawprint.curation import preset

    # as one text: whatever is wrong is found before the first line
    print("\n".join(preset.apply_preset(args.name, args.keep, args.dry_run)))
