"""The curves and matrices of a run as PNG files, from its tables alone; equal tables, equal bytes.

No pyplot: a Figure of its own holds no state that another could change.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from pawprint.core import files
from pawprint.training.ema import BETA
from pawprint.training.schedule import OneCycle

BLUE, ORANGE, GREEN, GREY = "#1f5fa8", "#d95f02", "#2a7f4f", "#8a8a8a"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings it, so it is the same on every machine
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
}
RATES = {"valley": "v", "steep": "^", "minimum": "o", "slide": "s"}


def write(path: Path, figure: Figure) -> None:
    """The figure as a PNG, whole or not at all."""
    with files.atomic_write(path) as temporary, rc_context(STYLE):
        # matplotlib would write its version into the file
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})


def figure(columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with axes side by side, inches."""
    with rc_context(STYLE):
        drawing = Figure((width, height), layout="constrained")
        return drawing, list(np.atleast_1d(drawing.subplots(1, columns)))


def finders(
    curves: Mapping[str, pd.DataFrame], suggestions: Mapping[str, Mapping[str, float | None]]
) -> Figure:
    """The finder's curves, a panel a phase: each batch's loss, the smoothed one, four suggestions.

    Args:
        curves: columns lr and loss (smoothed), by phase.
        suggestions: the rate of each suggestion, by phase; None where there is none.
    """
    drawing, panels = figure(len(curves), 4.8 * len(curves), 4.2)
    for axis, (phase, table) in zip(panels, curves.items(), strict=True):
        axis.set(xscale="log", title=phase, xlabel="learning rate", ylabel="loss")
        if table.empty:
            continue  # the first loss was not finite
        lrs, losses = table["lr"].to_numpy(), table["loss"].to_numpy()
        axis.plot(lrs, unsmoothed_losses(losses), color=GREY, lw=0.8, label="each batch")
        axis.plot(lrs, losses, color=BLUE, lw=1.8, label="smoothed")
        for name, marker in RATES.items():
            if (lr := suggestions[phase].get(name)) is not None:
                height = np.interp(np.log(lr), np.log(lrs), losses)
                label = f"{name} {lr:.1e}"
                axis.plot([lr], [height], marker, ms=8, color=ORANGE, mec="white", label=label)
        low, high = losses.min(), np.quantile(losses, 0.9)  # where it diverges it leaves the panel
        axis.set_ylim(low - 0.3 * (high - low) - 0.02, high + 0.6 * (high - low) + 0.02)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=3, frameon=False)
    return drawing


def unsmoothed_losses(smoothed: Float[np.ndarray, " step"]) -> Float[np.ndarray, " step"]:
    """The losses of which `smoothed` are the debiased means, each after one batch more."""
    counts = np.arange(1, len(smoothed) + 1)
    totals = smoothed * (1 - BETA**counts)
    before = np.concatenate([[0.0], totals[:-1]])
    return np.asarray((totals - BETA * before) / (1 - BETA))


def history(
    tables: Mapping[str, pd.DataFrame],
    cycles: Mapping[str, tuple[OneCycle, int]],
    metric_unit: str = "%",
) -> Figure:
    """Losses, error, and the schedule, all phases on one axis of epochs.

    Args:
        tables: columns epoch, train_loss, valid_loss and a metric, by phase in order.
        cycles: the schedule and its batches an epoch, by phase.
        metric_unit: % of a metric of 0-1; empty for one in the units of the data set.
    """
    drawing, (loss_axis, metric_axis, lr_axis) = figure(3, 13, 3.6)
    metric = next(iter(tables.values())).columns[3]
    factor, metric_label = (100, f"{metric}, %") if metric_unit == "%" else (1, metric)
    momentum_axis, begun = lr_axis.twinx(), 0
    shown = [(phase, table) for phase, table in tables.items() if len(table)]
    for i, (phase, table) in enumerate(shown):
        at = begun + table["epoch"].to_numpy() + 1
        for column, colour in (("train_loss", BLUE), ("valid_loss", ORANGE)):
            label = column.replace("_", " ") if i == 0 else None
            loss_axis.plot(at, table[column], "o-", ms=3, color=colour, label=label)
        metric_axis.plot(at, factor * table[metric], "o-", ms=3, color=GREEN)
        cycle, per_epoch = cycles[phase]
        steps = range(cycle.steps)
        place = begun + np.arange(cycle.steps) / max(per_epoch, 1)
        lr_axis.plot(place, [cycle.at(step)[0][-1] for step in steps], color=BLUE)
        if cycle.max_lrs and cycle.max_lrs[0] != cycle.max_lrs[-1]:
            lr_axis.plot(place, [cycle.at(step)[0][0] for step in steps], color=BLUE, ls=":")
        momentum_axis.plot(place, [cycle.at(step)[1] for step in steps], color=GREY, lw=1)
        for axis in (loss_axis, metric_axis, lr_axis):
            axis.axvspan(begun, begun + len(table), color=GREY, alpha=0.1 * (i % 2), lw=0)
            axis.annotate(
                phase, (begun + 0.1, 1.01), xycoords=("data", "axes fraction"), color=GREY
            )
        begun += len(table)
    loss_axis.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    loss_axis.legend(frameon=False)
    metric_axis.set(xlabel="epoch", ylabel=metric_label, ylim=(0, None))
    lr_axis.set(xlabel="epoch", ylabel="learning rate (dotted: first layers)", yscale="log")
    momentum_axis.set(ylabel="momentum")
    momentum_axis.grid(visible=False)
    for axis in (loss_axis, metric_axis, lr_axis):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlim(0, max(begun, 1))
    return drawing


def cluster_order(counts: Int[np.ndarray, "class class"]) -> list[int]:
    """An order of the classes in which those that are taken for one another are neighbours."""
    if len(counts) < 3:  # linkage needs two, and two have one order only
        return list(range(len(counts)))
    mistakes = counts + counts.T
    near = mistakes / np.maximum(np.sqrt(np.outer(counts.sum(1) + 1, counts.sum(1) + 1)), 1)
    distance = 1.0 / (1.0 + 10 * near)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    return [int(i) for i in leaves_list(optimal_leaf_ordering(tree, squareform(distance)))]


def confusion(counts: Int[np.ndarray, "class class"], classes: Sequence[str]) -> Figure:
    """Counts in the cells, shares of the row as colour; mistakes red; clustered by mistakes."""
    if not len(counts):
        return blank()
    order = cluster_order(counts)
    counts, names = counts[np.ix_(order, order)], [classes[i] for i in order]
    side = 2.2 + 0.3 * len(names)
    drawing, (axis,) = figure(1, side, side)
    fractions = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axis.imshow(cell_colours(fractions), interpolation="nearest")
    for i, j in zip(*counts.nonzero(), strict=True):
        dark = fractions[i, j] > 0.5
        axis.text(
            j, i, str(counts[i, j]), ha="center", va="center", fontsize=7,
            color="white" if dark else "black",
        )  # fmt: skip
    axis.set_xticks(range(len(names)), names, rotation=90)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="actual")
    axis.grid(visible=False)
    return drawing


def cell_colours(
    fractions: Float[np.ndarray, "class class"],
) -> Float[np.ndarray, "class class rgb=3"]:
    """White where nothing is; blue for right, red for wrong, stronger with the share of the row."""
    right = np.diag(np.diag(fractions))
    blue, red = np.array([0.12, 0.37, 0.66]), np.array([0.80, 0.15, 0.10])
    # the square root keeps one mistake among many images visible
    strength = right[..., None] * (1 - blue) + np.sqrt(fractions - right)[..., None] * (1 - red)
    return np.asarray(np.clip(1 - strength, 0, 1))


def blank() -> Figure:
    """Of what this kind of target does not have."""
    return Figure((1, 1))  # a file all the same: DVC takes a missing output for an error


def thresholds(sweep: pd.DataFrame) -> Figure:
    """What each threshold gives: columns threshold, accuracy_multi, micro_f1, macro_f1."""
    if sweep.empty:
        return blank()
    drawing, (axis,) = figure(1, 5.2, 3.6)
    for column, colour in (("accuracy_multi", BLUE), ("micro_f1", ORANGE), ("macro_f1", GREEN)):
        axis.plot(sweep["threshold"], sweep[column], color=colour, label=column)
    axis.set(xlabel="threshold", ylabel="on valid, which chose it", xlim=(0, 1), ylim=(None, 1))
    axis.legend(frameon=False)
    return drawing


def scatter(actual: np.ndarray, predicted: np.ndarray) -> Figure:
    """Predicted over actual numbers, a point an image; on the line they are equal."""
    if not len(actual):
        return blank()
    drawing, (axis,) = figure(1, 4.8, 4.4)
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axis.plot(ends, ends, color=GREY, lw=1)
    axis.scatter(actual, predicted, s=8, color=BLUE, alpha=0.5, lw=0)
    axis.set(xlabel="actual", ylabel="predicted")
    return drawing


def reliability(probability: np.ndarray, right: np.ndarray, bins: int) -> Figure:
    """Share of right answers over what the network claimed, and how many images claim it."""
    if not len(probability):
        return blank()
    drawing, (axis, counted) = figure(2, 8, 3.6)
    # a probability of 1 is of the last bin
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    centres = (np.arange(bins) + 0.5) / bins
    n = np.bincount(bin_of, minlength=bins)
    fraction = np.bincount(bin_of, weights=right, minlength=bins) / np.maximum(n, 1)
    axis.plot([0, 1], [0, 1], color=GREY, lw=1)
    axis.bar(centres[n > 0], fraction[n > 0], 0.9 / bins, color=BLUE, alpha=0.8)
    axis.set(xlabel="probability claimed", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    counted.bar(centres, n, 0.9 / bins, color=GREY)
    counted.set(xlabel="probability claimed", ylabel="pictures", xlim=(0, 1))
    return drawing
