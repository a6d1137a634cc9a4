"""Ratings as a table: what is wrong with its rows, and the split of each row."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pawprint.core import yaml_file
from pawprint.core.findings import Findings, shorten
from pawprint.data import splits
from pawprint.storage import archives, sanitize

PLANTED = "planted/planted.json"
FIX = "fix `table` or `titles` in datasets.yaml"


def read_noise(archive: Path) -> float | None:
    """The standard deviation of the noise in made ratings; None for real ones."""
    try:
        members = dict(archives.read_files(archive, {PLANTED}))
    except ValueError:  # a table that is no archive
        return None
    return float(json.loads(members[PLANTED])["noise"]) if PLANTED in members else None


def replace_titles(items: pd.Series, names: pd.DataFrame, findings: Findings) -> pd.Series:
    """The title of each item, or the item itself; items with the same title become one.

    Source: fastbook chapter 8 joins MovieLens's titles in the same way, 18 of which stand twice.
    """
    known = dict(zip(names[0], names[1], strict=True)) if names.shape[1] > 1 else {}
    there = pd.unique(items)
    without = [item for item in there if not known.get(item)]
    if without:
        findings.notes.append(f"{len(without)} items have no title: {shorten(without)}")
    used = pd.Series([known[item] for item in there if known.get(item)], dtype=str)
    twice = sorted(set(used[used.duplicated()]))
    if twice:
        findings.notes.append(
            f"{len(twice)} titles belong to several items, which count as one: {shorten(twice)}"
        )
    return items.map(lambda item: known.get(item) or item)


def check_rows(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """The table with numbers for ratings and times; wrong rows are reported by line."""
    table = table[(table != "").any(axis=1)]  # the index stays: it is the line
    numbers = table.columns.intersection(["rating", "time"])
    converted = table.assign(**{x: pd.to_numeric(table[x], errors="coerce") for x in numbers})
    for column in table.columns:
        is_bad = (
            table[column] == "" if column in ("user", "item") else ~np.isfinite(converted[column])
        )
        lines = [
            f"line {row + 1} ({yaml_file.one_line(repr(cell), 40)})"
            for row, cell in table.loc[is_bad, column].items()
        ]
        if lines:
            what = "empty" if column in ("user", "item") else "no number"
            findings.errors.append(f"{len(lines)} ratings have a {column} that is {what}: "
                                f"{shorten(lines)}; fix these lines, or {FIX}")  # fmt: skip
    for column in ("user", "item"):
        converted[column] = escape_formulas(converted[column], findings)
    if table.empty:
        findings.errors.append(f"no rating in the table; {FIX}")
    if again := int(table.duplicated(["user", "item"]).sum()):
        findings.notes.append(f"{again} ratings repeat a pair of user and item; all of them count")
    return converted.reset_index(drop=True)


def escape_formulas(names: pd.Series, findings: Findings) -> pd.Series:
    """The names, with an apostrophe before those that a spreadsheet would run as a formula."""
    refused = {name: why for name in pd.unique(names) if (why := sanitize.name_error(name))}
    formulas = {name: f"'{name}" for name, why in refused.items() if "formula" in why}
    others = [repr(name) for name in refused if name not in formulas]
    if others:
        findings.errors.append(
            f"{len(others)} names cannot be used (control characters): {shorten(others)}; fix the "
            "table"
        )
    if formulas:
        findings.notes.append(
            f"{len(formulas)} names would be formulas in a spreadsheet, so they get an apostrophe: "
            f"{shorten(list(formulas))}"
        )
    return names.replace(formulas) if formulas else names


def split_ratings(table: pd.DataFrame, rule: str, valid_fraction: float, seed: int) -> list[str]:
    """train or valid for each rating.

    Args:
        table: columns user and, but for `random`, time.
        rule: random (fastai's RandomSplitter), time (the latest are valid), or one (the latest of
            each user that has two or more); for equal times the later row counts as later.
        valid_fraction: the share for valid; not used by `one`.
        seed: the seed of the draw; used only by `random`.

    Raises:
        ValueError: there are no times, or a split is empty.
    """
    if rule != "random" and "time" not in table:
        raise ValueError(
            f"split.rule: {rule} needs the time of each rating: name its column in datasets.yaml "
            "(table.time), or use split.rule: random"
        )
    if rule == "random":
        splits_made = splits.random_split(len(table), valid_fraction, seed)
    else:
        order = np.argsort(table["time"].to_numpy(), kind="stable")
        # rounded down like fastai's; not order[-n:], which is everything where n is 0
        valid = order[len(order) - int(valid_fraction * len(order)) :]
        if rule == "one":
            users = table["user"].iloc[order]
            valid = order[(~users.duplicated(keep="last") & users.duplicated()).to_numpy()]
        splits_made = np.where(np.isin(np.arange(len(table)), valid), "valid", "train").tolist()
    if len(set(splits_made)) < 2:
        raise ValueError(
            f"split.rule: {rule} leaves train or valid empty, of {len(table)} ratings; change "
            "split.valid_fraction, or add ratings"
        )
    return splits_made


def count_ratings(table: pd.DataFrame) -> dict[str, int]:
    """Counts: ratings, users, items, and the ratings of each split."""
    counts = {"ratings": len(table), "users": table["user"].nunique()}
    by_split = {split: int((table["split"] == split).sum()) for split in ("train", "valid")}
    return counts | {"items": table["item"].nunique()} | by_split
