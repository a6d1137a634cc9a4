"""Learning rates and momentum by step: one-cycle, and the finder's growing learning rates.

Source: fastai 2.8's callback/schedule.py and optimizer.py; L. Smith 2018, arXiv:1803.09820.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MOMENTUM = (0.95, 0.85, 0.95)  # at the start, at the peak rate, at the end


def cosine(start: float, end: float, position: float) -> float:
    """Half a cosine wave from `start` (position 0) to `end` (position 1)."""
    return start + (1 + math.cos(math.pi * (1 - position))) * (end - start) / 2


def two_cosines(values: tuple[float, float, float], pct_start: float, position: float) -> float:
    """From the first value to the second until `pct_start`, then to the third."""
    start, middle, end = values
    if position < pct_start:  # strictly below: no division by a pct_start of 0
        return cosine(start, middle, position / pct_start)
    return cosine(middle, end, (position - pct_start) / (1 - pct_start))


def geometric_lrs(lowest: float, highest: float, groups: int) -> list[float]:
    """Learning rates in geometric steps from the first group of layers to the last.

    >>> geometric_lrs(1e-6, 1e-4, 3)
    [1e-06, 1e-05, 0.0001]
    """
    if groups == 1:
        return [highest]
    ratio = (highest / lowest) ** (1 / (groups - 1))
    return [float(f"{lowest * ratio**i:.15g}") for i in range(groups - 1)] + [highest]


def unfrozen_max_lrs(
    lr: float, lr_min: float | None, lr_max: float | Literal["half"], groups: int
) -> list[float]:
    """The peak learning rate of each group of layers, from the keys of `unfrozen`.

    Args:
        lr: the learning rate of the frozen phase.
        lr_min: of the first group; None for the same learning rate everywhere.
        lr_max: of the last group; `half` is fine_tune's rule: half of `lr`, a hundredth of that
            for the first group.
        groups: the number of groups of layers.

    Raises:
        ValueError: `lr_min` is above `lr_max`, which the finder may have chosen.
    """
    if lr_max == "half":
        return geometric_lrs(lr / 200, lr / 2, groups)
    if lr_min and lr_min > lr_max:
        raise ValueError(
            f"unfrozen.lr_min is {lr_min:g}, above unfrozen.lr_max, which is {lr_max:g} (from "
            "the finder, if it is auto); lower lr_min, or leave it empty"
        )
    return geometric_lrs(lr_min or lr_max, lr_max, groups)


def frozen_max_lrs(lr: float, body_ratio: float, groups: int) -> list[float]:
    """The peak learning rate of each group of layers while the body is frozen.

    The body's normalisation layers, which still train, get `body_ratio` of the head's rate:
    1 as in fastai's `fit_one_cycle(n, lr)`, 0.1 as in its `fine_tune`.

    >>> frozen_max_lrs(2e-3, 0.1, 3)
    [0.0002, 0.0002, 0.002]
    """
    return [lr * body_ratio] * (groups - 1) + [lr]


@dataclass(frozen=True)
class OneCycle:
    """Learning rates (one per group) and momentum of each of `steps` batches."""

    max_lrs: Sequence[float]
    steps: int
    pct_start: float
    div: float
    div_final: float

    def at(self, step: int) -> tuple[list[float], float]:
        """Learning rates and momentum of batch `step`, from 0."""
        # (n - 1) / n at the last batch, as in fastai: the end is never quite reached
        position = step / self.steps
        # div_final is of the peak, as in fastai; in torch's OneCycleLR of the first rate
        lrs = [
            two_cosines(
                (max_lr / self.div, max_lr, max_lr / self.div_final), self.pct_start, position
            )
            for max_lr in self.max_lrs
        ]
        return lrs, two_cosines(MOMENTUM, self.pct_start, position)


@dataclass(frozen=True)
class ExponentialRamp:
    """The finder's learning rates: geometric from `start` to `end`, the same for all groups."""

    start: float
    end: float
    steps: int
    groups: int

    def at(self, step: int) -> tuple[list[float], float]:
        """Learning rates and momentum of batch `step`, from 0; `end` would be batch `steps`."""
        lr = self.start * (self.end / self.start) ** (step / self.steps)
        return [lr] * self.groups, 0.9  # the momentum of fastai's optimizer before any schedule
