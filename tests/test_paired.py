"""The paired difference: counts by hand, the interval by a slower second way, its coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pawprint.experiments import paired


def image_sizes(
    only_first: int, only_second: int, pictures: int
) -> tuple[paired.Wrong, paired.Wrong]:
    """One run a side that differ in so many pictures, and share no mistake."""
    first, second = np.zeros((2, 1, pictures))
    first[0, :only_first] = 1
    second[0, pictures - only_second :] = 1
    return first, second


def test_counts_and_p_are_mcnemars() -> None:
    difference = paired.difference(*image_sizes(10, 2, 100), 0.95)
    assert (difference.only_first, difference.only_second) == (10, 2)
    assert difference.mean == pytest.approx(0.08)
    assert difference.p == pytest.approx(2 * (1 + 12 + 66) / 2**12)  # of 12 coins at most 2 heads


def test_equal_sides_differ_by_nothing() -> None:
    side = image_sizes(7, 3, 50)[0]
    assert paired.difference(side, side, 0.95) == paired.Difference(0.0, 0.0, 0.0, 0, 0, 1.0)


def test_one_run_has_the_interval_of_the_normal_law() -> None:
    """Of a mean of +1, -1 and 0 over many independent pictures."""
    difference = paired.difference(*image_sizes(60, 40, 1000), 0.95)
    sd = np.sqrt((0.1 - 0.02**2) / 1000)
    assert difference.low == pytest.approx(0.02 - 1.96 * sd, abs=0.002)
    assert difference.high == pytest.approx(0.02 + 1.96 * sd, abs=0.002)


def slowly(first: paired.Wrong, second: paired.Wrong) -> NDArray[np.float64]:
    """Runs and pictures drawn one sample at a time, with their indices."""
    rng, means = np.random.default_rng(1), []
    runs, pictures = first.shape
    for _ in range(3000):
        rows, columns = rng.integers(0, runs, runs), rng.integers(0, pictures, pictures)
        means.append(np.nanmean((first - second)[np.ix_(rows, columns)]))
    quantiles: NDArray[np.float64] = np.quantile(means, (0.025, 0.975))
    return quantiles


def test_several_runs_have_the_interval_of_resampled_indices() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(300) * 0.5
    first, second = (rng.random((2, 4, 300)) < hard).astype(float)
    first[2, :40] = second[2, :40] = np.nan  # another split has other pictures
    difference = paired.difference(first, second, 0.95)
    assert (difference.low, difference.high) == pytest.approx(slowly(first, second), abs=0.004)


def test_a_wider_level_gives_a_wider_interval() -> None:
    narrow, wide = (paired.difference(*image_sizes(9, 4, 200), level) for level in (0.9, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_sides_exchanged_change_the_sign(runs: int, pictures: int, seed: int) -> None:
    first, second = np.random.default_rng(seed).integers(0, 2, (2, runs, pictures)).astype(float)
    one, other = (paired.difference(*pair, 0.95) for pair in ((first, second), (second, first)))
    assert one.mean == pytest.approx(-other.mean)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    assert (one.only_first, one.p) == (other.only_second, other.p)


def test_other_pictures_are_refused() -> None:
    first, second = np.zeros((2, 1, 4))
    second[0, 0] = np.nan
    with pytest.raises(ValueError, match="were not evaluated on the same images"):
        paired.difference(first, second, 0.95)


@pytest.mark.long
@pytest.mark.parametrize(("runs", "least"), [(1, 0.93), (2, 0.95), (3, 0.95), (5, 0.95)])
def test_the_interval_holds_the_truth_as_often_as_it_says(runs: int, least: float) -> None:
    """Two equal recipes, with chance in the picture, in the run, and in both together.

    With one run its own chance is not in the interval, so there it is left out of the making too.
    """
    rng, held, times = np.random.default_rng(0), 0, 400
    for _ in range(times):
        hard = rng.normal(-2.2, 1.5, 200)
        of_runs = rng.normal(0, 0.2 if runs > 1 else 0.0, (2, runs, 1))
        noise = rng.logistic(size=(2, runs, 200))
        first, second = (hard + of_runs + noise > 0).astype(float)
        difference = paired.difference(first, second, 0.95)
        held += difference.low <= 0 <= difference.high
    assert held / times >= least
