import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawprint.training.schedule import (
    ExponentialRamp,
    OneCycle,
    frozen_max_lrs,
    geometric_lrs,
    unfrozen_max_lrs,
)


def test_one_cycle_is_fastais(vectors: dict[str, Any]) -> None:
    cycle = OneCycle([3e-3], 3 * 92, 0.25, 25.0, 1e5)
    for step, rate in vectors["fit_one_cycle_3ep_92it_lr3e-3"].items():
        assert cycle.at(int(step))[0][0] == pytest.approx(rate, rel=1e-6, abs=1e-7 * 3e-3)
    for step, momentum in vectors["fit_one_cycle_3ep_92it_mom"].items():
        assert cycle.at(int(step))[1] == pytest.approx(momentum, rel=1e-6)


def test_fine_tunes_frozen_phase_is_fastais(vectors: dict[str, Any]) -> None:
    cycle = OneCycle([2e-3], 92, 0.99, 25.0, 1e5)
    for step, rate in vectors["fine_tune_frozen_1ep_92it_head_lr"].items():
        assert cycle.at(int(step))[0][0] == pytest.approx(rate, rel=1e-6, abs=1e-7 * 3e-3)


@given(st.integers(1, 1000), st.floats(0.01, 0.99), st.floats(1, 100), st.floats(1e-6, 1))
def test_rates_stay_between_their_ends_and_the_peak(
    steps: int, pct_start: float, div: float, max_lr: float
) -> None:
    cycle = OneCycle([max_lr], steps, pct_start, div, 1e5)
    rates = [cycle.at(step)[0][0] for step in range(steps)]
    assert rates[0] == pytest.approx(max_lr / div)
    assert all(max_lr / 1e5 <= rate <= max_lr * (1 + 1e-9) for rate in rates)


def test_spread_of_three_groups_is_geometric() -> None:
    assert geometric_lrs(1e-6, 1e-4, 3) == [1e-6, 1e-5, 1e-4]
    assert geometric_lrs(2e-3, 2e-3, 3) == [2e-3] * 3


def test_half_is_fine_tunes_rule() -> None:
    # base_lr 2e-3: halved, then slice(base/100, base), as fastai's fine_tune has it
    assert unfrozen_max_lrs(2e-3, None, "half", 3) == pytest.approx([1e-5, 1e-4, 1e-3])


def test_an_empty_lr_min_is_one_rate_for_all() -> None:
    assert unfrozen_max_lrs(2e-3, None, 1e-5, 3) == [1e-5] * 3


def test_the_finders_rates_stop_one_step_short_of_the_end() -> None:
    growing = ExponentialRamp(1e-7, 10.0, 100, 3)
    assert growing.at(0) == ([1e-7] * 3, 0.9)
    assert growing.at(99)[0][0] == pytest.approx(10 ** (-7 + 8 * 0.99))
    assert math.isclose(growing.at(100)[0][0], 10)


def test_a_rate_of_the_finder_below_lr_min_is_refused() -> None:
    with pytest.raises(ValueError, match="unfrozen.lr_min is 0.01, above unfrozen.lr_max, which"):
        unfrozen_max_lrs(1e-3, 1e-2, 1e-3, 3)


def test_frozen_peaks_are_those_of_fit_one_cycle_or_of_fine_tune() -> None:
    assert frozen_max_lrs(3e-3, 1.0, 3) == [3e-3, 3e-3, 3e-3]
    assert frozen_max_lrs(2e-3, 0.1, 3) == pytest.approx([2e-4, 2e-4, 2e-3])
