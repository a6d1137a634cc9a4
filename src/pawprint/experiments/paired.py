"""Two recipes evaluated on the same images: the difference of their errors and its interval.

Sources: McNemar 1947, Psychometrika 12:153-157 (the exact form, by the binomial distribution);
Owen 2007, arXiv:0712.1111 (rows and columns resampled apart, as two crossed sources of chance).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

SAMPLES, MAX_DRAWS = 4_000, 1_000_000  # of the bootstrap; pictures × samples drawn at a time
Wrong = NDArray[np.float64]  # 1 wrong, 0 right, NaN not judged; a row a run, a column a picture


@dataclass(frozen=True)
class Difference:
    """Errors of one side minus those of the other, on the same images."""

    mean: float  # share of the pictures, -1 to 1
    low: float  # of the interval
    high: float
    only_first: int  # pictures that the first side has wrong in more runs than the second
    only_second: int
    p: float  # two-sided; the chance of so uneven a pair of counts if both sides were alike

    @property
    def is_shown(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def difference(first: Wrong, second: Wrong, level: float) -> Difference:
    """The paired difference; row i of one side is paired with row i of the other.

    An image is one trial of McNemar's test, regardless of the number of runs. The interval comes
    from a bootstrap over runs and images; with one run, over images only, so it does not include
    the effect of the seed.

    Args:
        first: runs × images.
        second: the same, of the other side.
        level: of the interval, such as 0.95.

    Raises:
        ValueError: the sides were not evaluated on the same images.
    """
    if first.shape != second.shape or (np.isnan(first) != np.isnan(second)).any():
        raise ValueError("the two sides were not evaluated on the same images")
    seen = ~np.isnan(first)
    less = np.where(seen, first - second, 0.0)  # NaN would spread through the products below
    low, high = np.quantile(bootstrap_means(less, seen), [(1 - level) / 2, (1 + level) / 2])
    more, fewer = int((less.sum(0) > 0).sum()), int((less.sum(0) < 0).sum())
    p = binomtest(more, more + fewer).pvalue if more + fewer else 1.0
    return Difference(
        float(less.sum() / seen.sum()), float(low), float(high), more, fewer, float(p)
    )


def bootstrap_means(less: Wrong, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean difference in SAMPLES draws of runs and images, with replacement; seed 0."""
    rng, (runs, images) = np.random.default_rng(0), less.shape  # fixed: one table, one interval
    judged, means = seen.astype(float), list[NDArray[np.float64]]()
    piece = max(1, MAX_DRAWS // images)
    for begin in range(0, SAMPLES, piece):
        draws = min(piece, SAMPLES - begin)
        # how often each run and image is drawn: products of matrices in place of 4,000 index tables
        rows = rng.multinomial(runs, np.full(runs, 1 / runs), draws).astype(float)
        columns = rng.multinomial(images, np.full(images, 1 / images), draws)
        sums = ((rows @ less) * columns).sum(1)
        counts = ((rows @ judged) * columns).sum(1)
        means.append(sums / np.maximum(counts, 1))  # of several splits a draw may miss all cells
    return np.concatenate(means)
