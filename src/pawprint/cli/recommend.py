"""`pawprint recommend` and `pawprint similar`, of ratings."""

import argparse

from pawprint.cli import arguments
from pawprint.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    items = commands.add_parser(
        "recommend", help="recommend items for a user of the ratings (collab/)"
    )
    items.add_argument("user", help="name of the user in the ratings")
    near = commands.add_parser("similar", help="find items similar to one in the ratings (collab/)")
    near.add_argument("item", help="its title, or a part that no other title has")
    for parser in (items, near):
        parser.add_argument(
            # each parser has one of user and item, and run asks for both
            "--top",
            type=arguments.count,
            default=10,
            help="number of items to show (default: 10)",
        )
        parser.set_defaults(run=run, user=None, item=None, is_for_ratings=True)


def run(args: argparse.Namespace) -> None:
    """Print a line per item: the predicted rating for a user, or the cosine with an item."""
    from pawprint.ratings import recommend

    for one in recommend.answers(args.user, args.item, args.top):
        print(f"{one.score:7.3f}  {one.item}")
