"""Read the ratings and choose those for valid: data/raw/ratings -> data/ratings.csv."""

from pathlib import Path

from pawprint.core import files
from pawprint.core.findings import Findings
from pawprint.ratings import config, rating_file
from pawprint.ratings.table import count_ratings, split_ratings
from pawprint.terminal import console

RATINGS, TABLE = Path("data/raw/ratings"), Path("data/ratings.csv")
SUMMARY = Path("reports/split.json")


def main() -> None:
    p, findings = config.load(), Findings()
    block, rule = config.load_ratings_entry(p.dataset), p.split
    titles = (block.titles.file, block.titles.encoding) if block.titles else None
    table = rating_file.read_ratings(RATINGS, block.table.file, block.table.names, titles, findings)
    for note in findings.notes:
        print(f"split: note: {note}")
    findings.stop()  # after all were read, so that every error is told in one run
    table["split"] = split_ratings(table, rule.rule, rule.valid_fraction, rule.seed)
    files.write_csv(TABLE, list(table.columns), table.itertuples(index=False))
    summary = count_ratings(table)
    files.write_json(SUMMARY, summary)
    print(f"split: {', '.join(f'{n:,} {what}' for what, n in summary.items())}")


if __name__ == "__main__":
    console.run_stage(main, "split")
