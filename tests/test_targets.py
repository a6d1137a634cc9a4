"""Many labels and points as targets: by hand, by a slower second way, and against the picture."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pawprint.evaluation.context import EvalContext
from pawprint.evaluation.multilabel import MultiLabelResult, crossfit_accuracy, multilabel_result
from pawprint.runtime import rng
from pawprint.vision import augment, multilabel, resample
from pawprint.vision.augment import AugmentConfig
from pawprint.vision.classification import Classification
from pawprint.vision.keypoints import Keypoints
from pawprint.vision.multilabel import MultiLabel
from pawprint.vision.resample import InputSpec
from pawprint.vision.task import TASKS, Task

LABELS, POINTS = MultiLabel(), Keypoints()
SIDES = torch.tensor([[640.0, 480.0], [100.0, 200.0]])


def test_labels_are_ones_and_zeros_in_the_order_of_the_classes() -> None:
    known = LABELS.classes(["dog;person", "", "cat", "person"])
    assert known == ["cat", "dog", "person"]
    result = LABELS.encode(["dog;person", ""], known, SIDES)
    assert result.tolist() == [[0, 1, 1], [0, 0, 0]]


def test_the_loss_of_labels_by_hand() -> None:
    outputs, targets = torch.tensor([[0.0, math.log(3)]]), torch.tensor([[1.0, 0.0]])
    # probabilities 1/2 and 3/4: -log(1/2) and -log(1/4)
    expected = (math.log(2) + math.log(4)) / 2
    assert LABELS.loss(outputs, targets).item() == pytest.approx(expected)
    assert LABELS.per_image_loss(outputs, targets).tolist() == pytest.approx([expected])
    smoothed = (math.log(2) + 0.95 * math.log(4) + 0.05 * math.log(4 / 3)) / 2
    assert LABELS.loss(outputs, targets, 0.1).item() == pytest.approx(smoothed)


def test_points_are_not_smoothed() -> None:
    with pytest.raises(ValueError, match=r"label_smoothing is 0.1, but points have no labels; set"):
        POINTS.loss(torch.zeros(1, 2), torch.zeros(1, 2), 0.1)


def test_a_label_counts_strictly_above_the_threshold() -> None:
    outputs = torch.tensor([[0.0, 1.0, -1.0]])
    assert LABELS.metric_value(outputs, torch.tensor([[0.0, 1.0, 0.0]])).item() == 1
    assert LABELS.metric_value(outputs, torch.tensor([[1.0, 0.0, 1.0]])).item() == 0


def test_the_best_threshold_is_the_one_of_most_right_cells_and_nearest_to_a_half() -> None:
    shares = torch.tensor([[0.9, 0.2], [0.7, 0.1]])
    assert multilabel.best_threshold(shares, torch.tensor([[1.0, 0.0], [1.0, 0.0]]) > 0) == 0.5
    assert (
        multilabel.best_threshold(shares, torch.tensor([[1.0, 0.0], [0.0, 0.0]]) > 0) == 0.7
    )  # 0.7 is not above
    assert multilabel.best_threshold(shares, torch.tensor([[1.0, 1.0], [1.0, 0.0]]) > 0) == 0.19


def test_the_mean_of_views_is_of_probabilities() -> None:
    views = torch.tensor([[[2.0, -1.0]], [[0.0, 3.0]]])
    result = LABELS.average_views(views, [0.25, 0.75]).sigmoid()
    assert torch.allclose(result, 0.25 * views[0].sigmoid() + 0.75 * views[1].sigmoid(), atol=1e-6)
    assert POINTS.average_views(views, [0.25, 0.75]).tolist() == [[0.5, 2.0]]


def test_only_several_labels_have_a_threshold() -> None:
    def never() -> Tensor:
        raise AssertionError("valid is judged for nothing")

    assert Classification().threshold(never, torch.zeros(2)) is None
    assert POINTS.threshold(never, torch.zeros(2, 2)) is None
    outputs = torch.tensor([[2.0], [-2.0]])
    assert LABELS.threshold(lambda: outputs, torch.tensor([[1.0], [0.0]])) == 0.5


def tag(shares: list[list[float]], actual: list[list[int]], at: float = 0.5) -> MultiLabelResult:
    logits = torch.tensor(shares, dtype=torch.float64).logit()
    names = [chr(97 + i) for i in range(len(shares[0]))]
    targets = torch.tensor(actual, dtype=torch.float32)
    return multilabel_result(logits, targets, EvalContext(LABELS, names, (), SIDES, at))


def test_the_metrics_of_labels_by_hand() -> None:
    result = tag([[0.9, 0.6], [0.4, 0.7], [0.2, 0.1]], [[1, 0], [1, 1], [0, 0]])
    metrics = result.metrics(15)
    # said: a, b; b; none. Wrong cells: b of the first, a of the second
    assert metrics["accuracy_multi"] == pytest.approx(4 / 6)
    # a: 1 hit, 0 false, 1 missed: 2/3; b: 1 hit, 1 false, 0 missed: 2/3; all: 2·2/(4+2)
    assert metrics["macro_f1"] == pytest.approx(2 / 3)
    assert metrics["micro_f1"] == pytest.approx(2 / 3)
    # a: ranked 0.9 (there), 0.4 (there): 1; b: 0.7 (there): 1
    assert metrics["map"] == pytest.approx(1)
    assert (metrics["threshold"], metrics["n"]) == (0.5, 3)
    rows = result.prediction_rows(["x", "y", "z"])
    assert rows[0][:4] == ("x", "a", "a;b", 0.54)
    assert rows[0][4] == pytest.approx(-(math.log(0.9) + math.log(0.4)) / 2, abs=1e-6)
    assert rows[1][1:4] == ("a;b", "b", 0.42) and rows[2][1:4] == ("", "", 0.72)
    assert result.per_class()[1] == ("b", 0.5, 1.0, pytest.approx(2 / 3), 1.0, 1)
    assert result.most_confused() == []


def precision_at_each(share: list[float], there: list[int]) -> float:
    """Average precision by its definition, one threshold after the other."""
    actual, recall = 0.0, 0.0
    for at in sorted(set(share), reverse=True):
        rows = [p >= at for p in share]
        hits = sum(s and t for s, t in zip(rows, there, strict=True))
        new = hits / sum(there)
        actual += (new - recall) * hits / sum(rows)
        recall = new
    return actual


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=20))
def test_average_precision_is_the_area_under_its_steps(pairs: list[tuple[int, bool]]) -> None:
    share, there = [p / 10 for p, _ in pairs], [int(t) for _, t in pairs]
    (rows,) = tag([[p] for p in share], [[t] for t in there]).average_precisions()
    if not any(there):
        assert rows is None
    else:
        assert rows == pytest.approx(precision_at_each(share, there))


def test_a_class_that_no_picture_has_does_not_count_for_map() -> None:
    metrics = tag([[0.9, 0.6], [0.4, 0.7]], [[1, 0], [1, 0]]).metrics(15)
    assert metrics["map"] == 1.0


def test_the_sweep_holds_the_threshold_and_what_it_gives() -> None:
    result = tag([[0.9, 0.6], [0.4, 0.7], [0.2, 0.1]], [[1, 0], [1, 1], [0, 0]], 0.65)
    rows = {row[0]: row[1:] for row in result.threshold_sweep()}
    assert len(rows) == 99
    metrics = result.metrics(15)
    expected = tuple(metrics[key] for key in ("accuracy_multi", "micro_f1", "macro_f1"))
    assert rows[0.65] == pytest.approx(expected)


def test_a_threshold_that_valid_chose_flatters_on_noise_and_the_crossfit_does_not() -> None:
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(200):
        shares, actual = rng.random((20, 2)), rng.random((20, 2)) < 0.5
        at = multilabel.best_threshold(torch.from_numpy(shares), torch.from_numpy(actual))
        chosen = float(((shares > at) == actual).mean())
        gaps.append((chosen - 0.5, crossfit_accuracy(shares, actual) - 0.5))
    flattered, fair = np.mean(gaps, 0)
    assert flattered > 0.08  # nothing can be known here
    assert abs(fair) < 0.02


def test_points_are_places_from_edge_to_edge_of_the_whole_picture() -> None:
    assert POINTS.classes(["320 240", "0 0"]) == ["x", "y"]
    result = POINTS.encode(["320 240", "100 0"], ["x", "y"], SIDES)
    assert result.tolist() == [[0, 0], [1, -1]]
    two = POINTS.classes(["1 2 3 4"])
    assert two == ["x1", "y1", "x2", "y2"]
    result = POINTS.encode(["0 480 640 0"], two, SIDES[:1])
    assert result.tolist() == [[-1, 1, 1, -1]]


def test_pictures_with_different_numbers_of_points_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 2 points, but each needs the same number"):
        POINTS.classes(["1 2", "1 2 3 4"])


WILD = AugmentConfig(0.5, 30.0, 1.5, 0.3, 0.0, 1.0, 0.0, 0.5)


@pytest.mark.parametrize("size", [96, "72x96", "96x48"])
def test_points_follow_the_picture_through_every_change(size: int | str) -> None:
    """A bright spot is where the moved point says, by its centre of mass in the sampled picture."""
    n, side = 60, 256
    view = InputSpec(size)
    image_sizes = torch.tensor([[640.0, 480.0], [300.0, 400.0], [200.0, 200.0]]).repeat(n // 3, 1)
    places = torch.rand(n, 2, generator=rng.generator("spots")) * 1.2 - 0.6
    at = (torch.arange(side) * 2 + 1) / side - 1
    apart = ((at - places[:, :1]) ** 2)[:, None, :] + ((at - places[:, 1:]) ** 2)[:, :, None]
    spots = (255 * torch.exp(-apart / 0.004)).byte()[..., None].expand(-1, -1, -1, 3)
    draws = augment.sample_params(n, WILD, rng.generator("wild"))
    maps = augment.build_transform(draws, image_sizes, side, is_lit=False, aspect=view.aspect)
    batch = resample.render(spots.contiguous(), maps, view)[:, 0]
    bright = batch - batch.amin((1, 2), keepdim=True)
    height, width = view.shape
    x, y = ((torch.arange(k) * 2 + 1) / k - 1 for k in (width, height))
    mass = bright.sum((1, 2))
    centre = torch.stack([(bright * x).sum((1, 2)), (bright * y[:, None]).sum((1, 2))], 1)
    moved = POINTS.transform_targets(places, maps)
    inside = moved.abs().amax(1) < 0.75  # the spot is whole there, without its mirror image
    off = ((centre / mass[:, None] - moved) * torch.tensor([width / 2, height / 2])).abs()[inside]
    assert int(inside.sum()) >= 15
    assert off.median() < 0.3 and off.quantile(0.9) < 1.0, off


@pytest.mark.parametrize("size", [64, "48x64"])
def test_what_the_network_sees_leads_back_to_the_whole_picture(size: int | str) -> None:
    image_sizes = torch.tensor([[640.0, 480.0], [100.0, 200.0]]).repeat(10, 1)
    draws = augment.sample_params(20, WILD, rng.generator(1))
    maps = augment.build_transform(
        draws, image_sizes, 64, is_lit=False, aspect=InputSpec(size).aspect
    )
    seen = torch.rand(20, 4, generator=rng.generator(2)) * 1.8 - 0.9
    outputs = ((seen + 1) / 2).logit()
    whole = POINTS.decode(outputs, maps)
    assert torch.allclose(POINTS.transform_targets(whole, maps), seen, atol=1e-4)


def test_a_rectangle_turns_without_shear() -> None:
    """A right angle stays one, in pixels; fastai's becomes another."""
    draws = replace(augment.identity_params(1), angle=torch.tensor([0.5], dtype=torch.float64))
    for aspect in (1.0, 4 / 3, 0.5):
        matrix = augment.affine(draws, aspect)[0, :2, :2]
        pixels = torch.diag(torch.tensor([aspect, 1.0], dtype=torch.float64))
        turned = pixels @ matrix @ pixels.inverse()
        assert torch.allclose(turned @ turned.T, torch.eye(2, dtype=torch.float64), atol=1e-12)


def test_the_loss_and_the_metric_of_points_by_hand() -> None:
    outputs, targets = torch.zeros(1, 2), torch.tensor([[0.5, -0.1]])
    assert POINTS.loss(outputs, targets).item() == pytest.approx((0.25 + 0.01) / 2)
    assert POINTS.metric_value(torch.zeros(1, 2), targets).item() == pytest.approx(
        math.sqrt(0.13) / 2
    )


@pytest.mark.parametrize("kind", TASKS.values())
def test_every_kind_says_its_name_and_its_metric(kind: Task) -> None:
    assert TASKS[kind.name] is kind and kind.metric.isidentifier()
