"""Read the ratings and choose those that judge: data/raw/ratings -> data/ratings.csv."""

from pathlib import Path

from pawprint import collab, console, files, rating_file, ratings
from pawprint.findings import Findings

RATINGS, TABLE = Path("data/raw/ratings"), Path("data/ratings.csv")
SUMMARY = Path("reports/split.json")


def main() -> None:
    p, found = collab.load(), Findings()
    block, rule = collab.block(p.dataset), p.split
    titles = (block.titles.file, block.titles.encoding) if block.titles else None
    table = rating_file.read(RATINGS, block.table.file, block.table.names, titles, found)
    for note in found.notes:
        print(f"split: note: {note}")
    found.stop()
    table["split"] = ratings.sides(table, rule.rule, rule.valid_fraction, rule.seed)
    files.write_csv(TABLE, list(table.columns), table.itertuples(index=False))
    summary = ratings.summary(table)
    files.write_json(SUMMARY, summary)
    print(f"split: {', '.join(f'{n:,} {what}' for what, n in summary.items())}")


if __name__ == "__main__":
    console.run(main, "split")
