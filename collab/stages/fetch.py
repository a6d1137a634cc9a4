"""Download the ratings: datasets.yaml -> data/raw/ratings (an archive, or a CSV)."""

from pathlib import Path

from pawprint.data import downloads
from pawprint.ratings import config, planted
from pawprint.terminal import console

RATINGS = Path("data/raw/ratings")


def main() -> None:
    name = config.load().dataset
    block = config.load_ratings_entry(name)
    with console.byte_bar(f"fetch {name}") as bar:
        print(downloads.fetch_to(block.ratings, RATINGS, bar.update, generators=planted.GENERATORS))


if __name__ == "__main__":
    console.run_stage(main, "fetch")
