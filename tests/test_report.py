"""Charts and sheets of a run: the numbers behind them, and equal bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from pawprint.models import network
from pawprint.models.network import Network
from pawprint.reporting import charts, contact_sheet, gallery, gradcam
from pawprint.reporting.contact_sheet import LINE, MARGIN
from pawprint.training.ema import DebiasedEMA
from pawprint.training.schedule import OneCycle
from pawprint.vision import loader
from pawprint.vision.resample import InputSpec
from tests import small


def test_the_loss_of_each_batch_comes_back_from_the_smoothed_ones() -> None:
    losses = np.random.default_rng(0).uniform(0, 5, 60)
    state, smoothed = DebiasedEMA(), []
    for loss in losses:
        state = state.update([loss])
        smoothed.append(state.value)
    assert charts.unsmoothed_losses(np.array(smoothed)) == pytest.approx(losses, abs=1e-9)


def test_classes_that_are_mixed_up_become_neighbours() -> None:
    counts = np.diag([9, 9, 9, 9, 9, 9])
    for a, b in ((0, 3), (1, 4), (2, 5)):
        counts[a, b] = counts[b, a] = 4
    order = charts.cluster_order(counts)
    assert sorted(order) == list(range(6))
    assert {frozenset(order[i : i + 2]) for i in (0, 2, 4)} == {
        frozenset(pair) for pair in ((0, 3), (1, 4), (2, 5))
    }
    assert charts.cluster_order(np.eye(2, dtype=int)) == [0, 1]


def cells(axis: Axes) -> dict[tuple[str, str], str]:
    """Text of each cell by its actual and predicted class."""
    names = [label.get_text() for label in axis.get_xticklabels()]
    return {
        (
            names[round(text.get_position()[1])],
            names[round(text.get_position()[0])],
        ): text.get_text()
        for text in axis.texts
    }


def test_each_count_stands_in_the_cell_of_its_classes() -> None:
    counts = np.array([[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    (axis,) = charts.confusion(counts, list("abcd")).axes
    assert cells(axis) == {
        ("a", "a"): "1", ("a", "b"): "1", ("b", "b"): "2", ("b", "a"): "1", ("c", "c"): "1",
        ("d", "d"): "1",
    }  # fmt: skip


def history(epochs: int) -> Figure:
    table = pd.DataFrame(
        {
            "epoch": range(epochs),
            "train_loss": np.linspace(2, 1, epochs),
            "valid_loss": np.linspace(1.5, 1, epochs),
            "error_rate": np.linspace(0.5, 0.1, epochs),
        }
    )
    cycles = {
        "frozen": (OneCycle([3e-3] * 3, 30, 0.25, 25.0, 1e5), 10),
        "unfrozen": (OneCycle([1e-5, 1e-4, 1e-3], 10 * epochs, 0.25, 25.0, 1e5), 10),
    }
    first = pd.DataFrame(
        {"epoch": range(3), "train_loss": [3.0, 2, 1], "valid_loss": [3.0, 2, 1], "error_rate": 0.5}
    )
    return charts.history({"frozen": first, "unfrozen": table}, cycles)


def test_both_phases_stand_on_one_axis_of_epochs() -> None:
    axes: list[Any] = history(6).axes
    losses, errors, rates, momenta = axes
    assert [line.get_xdata().tolist() for line in errors.lines] == [[1, 2, 3], [4, 5, 6, 7, 8, 9]]
    assert errors.lines[1].get_ydata()[-1] == pytest.approx(10)
    max_lrs = [max(line.get_ydata()) for line in rates.lines]
    assert max_lrs == pytest.approx([3e-3, 1e-3, 1e-5], rel=0.01)
    assert min(min(line.get_ydata()) for line in momenta.lines) == pytest.approx(0.85, abs=1e-3)
    assert losses.get_xlim() == (0, 9)


def test_a_phase_without_epochs_is_drawn_as_nothing() -> None:
    axes = history(0).axes
    assert len(axes) == 4 and [text.get_text() for text in axes[0].texts] == ["frozen"]


def test_a_finder_without_a_curve_is_an_empty_panel(tmp_path: Path) -> None:
    curve = pd.DataFrame({"lr": np.geomspace(1e-7, 1, 50), "loss": np.linspace(3, 1, 50)})
    nothing: dict[str, float | None] = {"valley": None, "steep": None}
    actual = {"frozen": nothing | {"valley": 1e-3}, "unfrozen": nothing}
    for name in ("a.png", "b.png"):
        result = charts.finders({"frozen": curve, "unfrozen": curve.iloc[:0]}, actual)
        charts.write(tmp_path / name, result)
    first, second = result.axes
    legend: Any = first.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        *("each batch", "smoothed", "valley 1.0e-03")
    ]
    assert not second.lines
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_calibration_is_the_share_of_right_answers_by_bin() -> None:
    claimed, right = np.array([0.9, 0.95, 0.92, 0.3]), np.array([1.0, 1, 0, 1])
    axes: list[Any] = charts.reliability(claimed, right, 10).axes
    shares, counts = axes
    heights = {
        round(bar.get_x() + bar.get_width() / 2, 2): bar.get_height() for bar in shares.patches
    }
    assert heights == {0.35: 1.0, 0.95: pytest.approx(2 / 3)}
    assert [bar.get_height() for bar in counts.patches] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 3]


def part(result: Image.Image, column: int, row: int, lines: int) -> np.ndarray:
    left, top = MARGIN + column * (160 + MARGIN), MARGIN + row * (160 + LINE * lines + MARGIN)
    return np.asarray(result.crop((left, top, left + 160, top + 160)))[::5, ::5]


def facts(names: list[str], answers: dict[str, tuple[str, float]]) -> pd.DataFrame:
    data = small.dataset(n=100)
    labels = dict(zip(data.splits["valid"].names, data.splits["valid"].cells, strict=True))
    rows = [(n, labels[n], *answers.get(n, (labels[n], 0.9)), 1.0) for n in names]
    return pd.DataFrame(rows, columns=["name", "actual", "predicted", "probability", "loss"])


def seen_by(split: str, name: str) -> np.ndarray:
    data = small.dataset(n=100)
    part = data.splits[split]
    shown = torch.cat([x for x, _ in loader.eval_batches(data.cache, part, InputSpec(32), 64)])
    return contact_sheet.denormalize(shown)[part.names.index(name)].numpy()


def test_the_worst_stand_first_each_with_its_own_picture() -> None:
    data = small.dataset(n=100)
    names = data.splits["valid"].names[::-1][:6]
    table = facts(names, {names[0]: ("class 0", 0.99)})
    image = gallery.top_losses_sheet(data, table, InputSpec(32))
    for i, name in enumerate(names):
        assert np.array_equal(part(image, i % 4, i // 4, 2), seen_by("valid", name))


def test_a_mix_up_shows_the_surest_mistake_beside_what_it_was_taken_for() -> None:
    data = small.dataset(n=100)
    valid = data.splits["valid"]
    zeros = [n for n, x in zip(valid.names, valid.cells, strict=True) if x == "class 0"]
    table = facts(valid.names, {zeros[0]: ("class 1", 0.6), zeros[1]: ("class 1", 0.8)})
    pairs = pd.DataFrame([("class 0", "class 1", 2)], columns=["actual", "predicted", "count"])
    image = gallery.confused_sheet(data, table, pairs, InputSpec(32))
    train = data.splits["train"]
    typical = train.names[train.cells.index("class 1")]
    assert np.array_equal(part(image, 0, 0, 1), seen_by("valid", zeros[1]))
    assert np.array_equal(part(image, 1, 0, 1), seen_by("train", typical))
    assert gallery.confused_sheet(data, table, pairs.iloc[:0], InputSpec(32)).size == (160, 160)


def test_the_heat_is_where_the_class_is_seen() -> None:
    # a body that passes the colours on, a head that sums red: red places speak for class 0
    seeing, naming = nn.Conv2d(3, 3, 1, bias=False), nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        seeing.weight.copy_(torch.eye(3)[:, :, None, None])
        naming.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), naming)
    model = Network(nn.Sequential(seeing), head).eval()
    batch = torch.zeros(2, 3, 8, 8)
    batch[:, 0, :4] = 1.0  # red above
    batch[:, 1, 4:] = 0.5  # green below
    actual = gradcam.grad_cam(model, batch, torch.tensor([0, 1]))
    assert actual[0, :4].eq(1).all() and actual[0, 4:].eq(0).all()
    assert actual[1, :4].eq(0).all() and actual[1, 4:].eq(1).all()
    nothing = gradcam.grad_cam(model, torch.zeros(1, 3, 8, 8), torch.tensor([0]))
    assert nothing.eq(0).all()


def test_the_worst_mistakes_stand_beside_where_the_network_looked() -> None:
    data = small.dataset(n=100)
    names = data.splits["valid"].names
    table = facts(names[:4], {names[1]: ("class 0", 0.9)})  # it is of class 2
    model = network.create_model("resnet18", 3, 0, {}).eval()
    image = gallery.gradcam_sheet(data, model, table, InputSpec(32))
    assert np.array_equal(part(image, 0, 0, 1), seen_by("valid", names[1]))
    assert not np.array_equal(part(image, 1, 0, 1), seen_by("valid", names[1]))
    assert gallery.gradcam_sheet(data, model, facts(names, {}), InputSpec(32)).size == (160, 160)


def test_results_are_valid_pictures_the_same_on_each_run() -> None:
    data = small.dataset(n=100)
    table = facts(data.splits["valid"].names, {})
    first, second = (gallery.results_sheet(data, table, InputSpec(32)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
