"""Name each picture's target and split: data/raw -> data/labels.csv, reports/labels.json."""

from pathlib import Path

from pawprint import (
    archives,
    catalogue,
    console,
    files,
    labels,
    params,
    reading,
    splits,
    unused_files,
)
from pawprint.findings import Findings

PICTURES, LISTS, TABLE = Path("data/raw/pictures"), Path("data/raw/lists"), Path("data/labels.csv")
SUMMARY, CLASSES = Path("reports/labels.json"), Path("reports/classes.csv")


def main() -> None:
    p = params.load()
    block, draw, found = catalogue.block(p.dataset), p.label, Findings()
    listing = archives.listing(PICTURES)
    names = listing.images
    unused_files.check(listing, block.label, found)
    told = reading.told(PICTURES, names, block.label, found, block.target, LISTS / "labels.csv")
    sides = splits.chosen(draw.split, names, told, LISTS, draw.valid_fraction, draw.seed, found)
    table = labels.table(names, told.targets, sides, block.target)
    counts = labels.counts(table)
    labels.check_classes(counts, table, found)
    hashes = labels.fingerprints(archives.contents(PICTURES, set(table["name"])))
    groups = labels.across_splits(table, hashes)
    labels.check_duplicates(groups, draw.on_duplicates, found)
    for note in found.notes:
        print(f"label: note: {note}")
    found.stop()
    files.write_csv(TABLE, [*table.columns], table.itertuples(index=False))
    files.write_csv(CLASSES, ["label", *counts.columns], counts.itertuples())
    summary = labels.summary(table, counts, len(names), len(groups))
    files.write_json(SUMMARY, summary)
    print(f"label: {', '.join(f'{n:,} {what}' for what, n in summary.items() if n)}")


if __name__ == "__main__":
    console.run(main, "label")
