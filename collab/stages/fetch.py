"""Fetch the ratings: datasets.yaml -> data/raw/ratings (an archive, or a CSV)."""

from pathlib import Path

from pawprint import collab, console, downloads

RATINGS = Path("data/raw/ratings")


def main() -> None:
    name = collab.load().dataset
    block = collab.block(name)
    with console.byte_bar(f"fetch {name}") as bar:
        print(downloads.place(block.ratings, RATINGS, bar.update))


if __name__ == "__main__":
    console.run(main, "fetch")
