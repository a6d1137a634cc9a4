"""`pawprint recommend` and `pawprint similar`, of ratings."""

import argparse

from pawprint.cli import arguments
from pawprint.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    items = commands.add_parser("recommend", help="items for a user of the ratings (collab/)")
    items.add_argument("user", help="as the ratings name it")
    near = commands.add_parser("similar", help="items near to one of the ratings' (collab/)")
    near.add_argument("item", help="its title, or a part of it that no other has")
    for parser in (items, near):
        parser.add_argument("--top", type=arguments.count, default=10, help="items to name (10)")
        # each parser has one of user and item, and run asks for both
        parser.set_defaults(run=run, user=None, item=None, is_for_ratings=True)


def run(args: argparse.Namespace) -> None:
    """A line an item: the predicted rating for a user, or the cosine with an item."""
    from pawprint.ratings import recommend

    for one in recommend.answers(args.user, args.item, args.top):
        print(f"{one.score:7.3f}  {one.item}")
