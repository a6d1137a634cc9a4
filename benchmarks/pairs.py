"""Runs of two sides on the same images: errors, their paired difference, times, mistakes."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from benchmarks import results
from pawprint.reporting import charts

Run = dict[str, Any]  # seconds, memory (bytes), predicted and actual (class by picture)
PEER = "fastai"


def wrong(runs: Sequence[Run]) -> pd.Series:
    """Whether each image's class is wrong, by split and name."""
    result = {
        (split, name): run["predicted"][name] != actual
        for split, run in enumerate(runs)
        for name, actual in sorted(run["actual"].items())
    }
    return pd.Series(result).rename_axis(["split", "name"])


def difference(
    mine: pd.Series, theirs: pd.Series, samples: int = 10_000
) -> tuple[float, float, float]:
    """Mean of `mine` minus `theirs`, paired, and its 95 % interval by bootstrap.

    An image in several splits is one cluster of a sample, since its outcomes are not independent.
    The trained networks count as fixed: the effect of another training seed is not in the interval.

    Raises:
        ValueError: the two have different images or splits.
    """
    if not mine.index.equals(theirs.index):
        raise ValueError("the runs do not have the same images and splits; measure both again")
    clusters = (mine.astype(float) - theirs.astype(float)).groupby("name").agg(["sum", "count"])
    sums, counts = clusters["sum"].to_numpy(), clusters["count"].to_numpy()
    drawn = np.random.default_rng(0).integers(0, len(sums), (samples, len(sums)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), (0.025, 0.975))
    return float(sums.sum() / counts.sum()), float(low), float(high)


def sentence(name: str, runs: Sequence[Run], peer: Sequence[Run]) -> str:
    """The paired difference of two sides, in words."""
    mine, theirs = wrong(runs), wrong(peer[: len(runs)])
    mean, low, high = (100 * share for share in difference(mine, theirs))
    each = 100 * (mine.astype(float) - theirs.astype(float)).groupby("split").mean()
    splits = ", ".join(f"{value:+.1f}" for value in each)
    return (
        f"{name} less {PEER}: {mean:+.2f} points, 95 % interval over the images {low:+.2f} to "
        f"{high:+.2f} (n = {len(mine)} pairs; {(mine & ~theirs).sum()} wrong by ours alone, "
        f"{(theirs & ~mine).sum()} by {PEER} alone); split by split {splits}"
    )


def with_other_seeds(
    actual: Mapping[str, Sequence[Run]], again: Mapping[str, Sequence[Sequence[Run]]]
) -> str:
    """Both sides with all training seeds: errors, and the difference of the means."""
    rows: list[str] = []
    means: list[pd.Series] = []
    for name, others in again.items():
        each = [wrong(runs).astype(float) for runs in (actual[name], *others)]
        errors = [100 * one.mean() for one in each]
        splits = "; ".join(
            ", ".join(f"{100 * wrong([run]).mean():.1f}" for run in runs) for runs in others
        )
        rows.append(
            f"{name} has {', '.join(f'{error:.2f}' for error in errors)} % wrong (mean "
            f"{statistics.mean(errors):.2f}, sd {statistics.stdev(errors):.2f}; the others by "
            f"split {splits})"
        )
        means.append(sum(each[1:], each[0]) / len(each))
    mean, low, high = (100 * share for share in difference(means[0], means[1]))
    by_split = 100 * (means[0] - means[1]).groupby("split").mean()
    return (
        f"With {len(each)} training seeds a split on either side: {'; '.join(rows)}. The mean of "
        f"ours less the mean of {PEER}'s: {mean:+.2f} points, 95 % interval over the images "
        f"{low:+.2f} to {high:+.2f} (n = {len(means[0])}, {len(each)} runs each); split by split "
        f"{', '.join(f'{value:+.1f}' for value in by_split)}."
    )


def spread_of(values: Sequence[float], digits: int = 0) -> str:
    """Minimum, median, maximum."""
    figures = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{figure:.{digits}f}" for figure in figures)


def table(actual: Mapping[str, Sequence[Run]]) -> str:
    """A line per side: time, ratio, memory, error."""
    head = ("what", "runs", "seconds", "fastai's over it", "GiB", "error %", "by split")
    return results.table(head, [line(name, runs, actual[PEER]) for name, runs in actual.items()])


def line(name: str, runs: Sequence[Run], peer: Sequence[Run]) -> list[str]:
    """The line of one side."""
    ratios = [p["seconds"] / r["seconds"] for r, p in zip(runs, peer, strict=False)]
    return [
        name,
        str(len(runs)),
        spread_of([run["seconds"] for run in runs]),
        spread_of(ratios, 2),
        f"{max(run['memory'] for run in runs) / 2**30:.1f}",
        f"{100 * wrong(runs).mean():.2f}",
        ", ".join(f"{100 * wrong([run]).mean():.1f}" for run in runs),
    ]


def confusions(runs: Sequence[Run]) -> Counter[tuple[str, str]]:
    """How often two classes were confused, either way."""
    return Counter(
        (min(actual, run["predicted"][name]), max(actual, run["predicted"][name]))
        for run in runs
        for name, actual in run["actual"].items()
        if run["predicted"][name] != actual
    )


def mistakes(actual: Mapping[str, Sequence[Run]], most: int = 10) -> str:
    """The most frequent confusions of the first side, and the peer's counts."""
    first = next(iter(actual))
    ours, theirs = confusions(actual[first]), confusions(actual[PEER])
    order = sorted(ours, key=lambda pair: (-ours[pair], pair))[:most]
    rows = [[" / ".join(pair), str(ours[pair]), str(theirs[pair])] for pair in order]
    return results.table(["pair", first, PEER], rows)


def draw(runs: Sequence[Run], path: Path) -> None:
    """Draw the confusion matrix of all runs together."""
    pairs = [(actual, run["predicted"][n]) for run in runs for n, actual in run["actual"].items()]
    classes = sorted({label for pair in pairs for label in pair})
    counts = confusion_matrix(*zip(*pairs, strict=True), labels=classes)
    path.parent.mkdir(exist_ok=True)
    charts.write(path, charts.confusion(counts, classes))
