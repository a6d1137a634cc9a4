import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pawprint.core import files
from pawprint.training import lr_finder
from pawprint.training.ema import DebiasedEMA


def test_suggestions_are_fastais(vectors: dict[str, Any]) -> None:
    curve = vectors["lr_find_curve"]  # already without the first 10 and the last 5
    rates, losses = np.array(curve["lrs"]), np.array(curve["losses"])
    for rule in (lr_finder.valley, lr_finder.slide, lr_finder.minimum, lr_finder.steep):
        assert rule(rates, losses) == pytest.approx(curve[rule.__name__], rel=1e-6)


def test_suggestions_leave_out_a_tenth_and_the_last_five(vectors: dict[str, Any]) -> None:
    curve = vectors["lr_find_curve"]
    rates = [0.5] * 10 + curve["lrs"] + [9.0] * 5
    losses = [0.0] * 10 + curve["losses"] + [99.0] * 5
    suggested = lr_finder.suggestions(rates, losses, 100)
    assert suggested == {"valley": 2.3e-4, "steep": 8.3e-4, "minimum": 1e-2, "slide": 3.3e-4}


def test_smoothing_is_fastais(vectors: dict[str, Any]) -> None:
    losses, expected = vectors["smooth_loss"]["losses"], vectors["smooth_loss"]["smoothed"]
    state, got = DebiasedEMA(), []
    for loss in losses:
        state = state.update([loss])
        got.append(state.value)
    assert got == pytest.approx(expected, rel=1e-9)
    assert DebiasedEMA().update(losses) == state


def test_the_curve_ends_when_the_loss_diverges_and_stops_reading() -> None:
    read = []

    def points() -> Any:
        for i, loss in enumerate([1.0] * 5 + [1000.0] * 50):
            read.append(i)
            yield 0.1 * (i + 1), loss

    curve = list(lr_finder.smooth_curve(points()))
    assert curve[-1][1] > 4 * 1.0
    assert len(read) == len(curve) < 10


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_curve_ends_before_a_loss_that_is_not_finite(bad: float) -> None:
    assert len(list(lr_finder.smooth_curve([(0.1, 1.0), (0.2, bad), (0.3, 1.0)]))) == 1


def test_a_short_curve_is_written_and_fails_auto_alone(tmp_path: Path) -> None:
    table, summary = tmp_path / "lr_find.csv", tmp_path / "lr_find.json"
    suggested = lr_finder.write_suggestions(table, summary, [(1e-7, 2.0), (1e-6, 3.0)], 100)
    assert "diverged after 2 of 100 batches" in suggested
    assert table.read_text() == "lr,loss\n1e-07,2.0\n1e-06,3.0\n"
    assert files.read_json(summary) == dict.fromkeys(("valley", "steep", "minimum", "slide"))
    assert lr_finder.resolve_lr(3e-3, summary) == 3e-3
    with pytest.raises(ValueError, match=r"no valley.*give a number in params.yaml"):
        lr_finder.resolve_lr("auto", summary)
