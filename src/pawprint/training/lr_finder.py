"""The learning rate finder's curve, and the four learning rates that it suggests.

loop.lr_range_test runs its steps; phase.lr_curve joins the two.

Source: fastai 2.8's callback/schedule.py; L. Smith 2015, arXiv:1506.01186; the valley is from
ESRI's ArcGIS team.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, overload

import numpy as np

from pawprint.core import files
from pawprint.training.ema import DebiasedEMA

DIVERGENCE_FACTOR = 4  # times the best smoothed loss
MIN_POINTS = 16  # points that the suggestions need


def smooth_curve(points: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Learning rate and smoothed loss after each batch, until the loss diverges.

    Args:
        points: learning rate and loss of each batch; read one by one, so that training stops too.
    """
    smoothed, best = DebiasedEMA(), math.inf
    for lr, loss in points:
        smoothed = smoothed.update([loss])
        # fastai trains on here, since NaN is never more than 4 times the best
        if not math.isfinite(smoothed.value):
            return
        yield lr, smoothed.value
        best = min(best, smoothed.value)
        if smoothed.value > DIVERGENCE_FACTOR * best:
            return


def suggestions(lrs: Sequence[float], losses: Sequence[float], steps: int) -> dict[str, float]:
    """fastai's four suggestions; an empty dict if the curve is too short for them.

    Args:
        lrs: the learning rate of each batch.
        losses: the smoothed losses, as many.
        steps: the requested steps; the first tenth and the last 5 points are left out.
    """
    skipped = steps // 10
    kept_lrs = np.asarray(lrs[skipped:-5], dtype=np.float64)
    kept_losses = np.asarray(losses[skipped:-5], dtype=np.float64)
    if len(kept_lrs) < MIN_POINTS:  # where fastai's ends in an IndexError (issue 3658)
        return {}
    return {
        rule.__name__: float(f"{rule(kept_lrs, kept_losses):.1e}")
        for rule in (valley, steep, minimum, slide)
    }


def valley(lrs: np.ndarray, losses: np.ndarray) -> float:
    """The middle of the longest fall, that is the longest decreasing subsequence."""
    n = len(losses)
    lengths = [1] * n
    for i in range(1, n):
        for j in range(i):
            if losses[i] < losses[j] and lengths[i] < lengths[j] + 1:
                lengths[i] = lengths[j] + 1
    end = lengths.index(max(lengths))
    # may be -1, as in fastai: where the loss only rises, this gives the last and highest rate
    start = end - lengths[end]
    third = (end - start) / 3
    return float(lrs[start + int(third) + int(third / 2)])


def steep(lrs: np.ndarray, losses: np.ndarray) -> float:
    """Where the loss falls fastest over the logarithm of the learning rate."""
    slopes = np.diff(losses) / np.diff(np.log(lrs))
    return float(lrs[slopes.argmin()])


def minimum(lrs: np.ndarray, losses: np.ndarray) -> float:
    """A tenth of the learning rate with the lowest loss."""
    return float(lrs[losses.argmin()]) / 10  # at the minimum the loss is about to rise: too high


def slide(lrs: np.ndarray, losses: np.ndarray) -> float:
    """Just before the loss explodes: an interval slides from the right until its slope is flat."""
    slopes = np.gradient(losses)
    right, left = -1, -MIN_POINTS
    best = lrs[left]
    # 0.005 is the default of fastai's `thresh`
    while left >= -len(losses) and abs(slopes[right] - slopes[left]) > 0.005:
        best = lrs[left]
        right, left = right - 1, left - 1
    return float(best)


def write_suggestions(
    table: Path, summary: Path, points: Sequence[tuple[float, float]], steps: int
) -> str:
    """Write the curve (`lr,loss`) and the suggestions; return them as a line.

    A curve that ended too early gives empty suggestions, and the line says so.
    """
    suggested = suggestions([lr for lr, _ in points], [loss for _, loss in points], steps)
    files.write_csv(table, ["lr", "loss"], points)
    names = ("valley", "steep", "minimum", "slide")
    files.write_json(summary, {name: suggested.get(name) for name in names})
    if not points:
        return (
            "the first loss is not finite at any learning rate; check the initial weights "
            "(weights, models/), or set precision: float32"
        )
    if not suggested:
        ended = "the loss diverged" if len(points) < steps else "the curve ended"
        return (
            f"{ended} after {len(points)} of {steps} batches, too early for a suggestion; lower "
            "lr_find.start, or raise lr_find.steps"
        )
    return ", ".join(f"{name} {lr:g}" for name, lr in suggested.items())


@overload
def resolve_lr(lr: float | Literal["auto"], summary: Path) -> float: ...
@overload
def resolve_lr(lr: float | Literal["auto", "half"], summary: Path) -> float | Literal["half"]: ...


def resolve_lr(lr: float | str, summary: Path) -> float | str:
    """The learning rate itself (or `half`); for `auto`, the valley that the finder wrote.

    Raises:
        ValueError: it is `auto`, but the finder found no valley.
    """
    if lr != "auto":
        return lr
    suggested: Mapping[str, float | None] = files.read_json(summary)
    if (valley_lr := suggested["valley"]) is None:
        raise ValueError(
            f"{summary}: no valley was found, but the learning rate is `auto`; give a number in "
            "params.yaml, or change the finder's range (lr_find.start, lr_find.steps)"
        )
    return valley_lr
