"""Find each image's target and split: data/raw -> data/labels.csv, reports/labels.json."""

from dataclasses import replace
from pathlib import Path

from pawprint.core import files, params
from pawprint.core.findings import Findings
from pawprint.data import catalog, label_table, labels, splits
from pawprint.storage import archives, unused_files
from pawprint.terminal import console

PICTURES, LISTS, TABLE = Path("data/raw/pictures"), Path("data/raw/lists"), Path("data/labels.csv")
SUMMARY, CLASSES = Path("reports/labels.json"), Path("reports/classes.csv")


def main() -> None:
    p = params.load()
    block, draw, findings = catalog.load_dataset_entry(p.dataset), p.label, Findings()
    listing = archives.listing(PICTURES)
    names = listing.images
    unused_files.check(listing, block.label, findings)
    annotations = labels.read_targets(
        PICTURES, names, block.label, findings, block.target, LISTS / "labels.csv"
    )
    hashes = archives.file_hashes(PICTURES, names)
    annotations = replace(annotations, hashes=[hashes[name] for name in names])
    image_splits = splits.assign_splits(
        draw.split, names, annotations, LISTS, draw.valid_fraction, draw.seed, findings
    )
    table = label_table.labels_table(names, annotations.targets, image_splits, block.target)
    counts = label_table.class_counts(table)
    label_table.check_classes(counts, table, findings)
    groups = label_table.duplicates_across_splits(table, hashes)
    label_table.check_duplicates(groups, draw.on_duplicates, findings)
    for note in findings.notes:
        print(f"label: note: {note}")
    findings.stop()
    files.write_csv(TABLE, [*table.columns], table.itertuples(index=False))
    files.write_csv(CLASSES, ["label", *counts.columns], counts.itertuples())
    summary = label_table.summary(table, counts, len(names), len(groups))
    files.write_json(SUMMARY, summary)
    print(f"label: {', '.join(f'{n:,} {what}' for what, n in summary.items() if n)}")


if __name__ == "__main__":
    console.run_stage(main, "label")
