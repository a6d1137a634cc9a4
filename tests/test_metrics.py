import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pawprint.core import files
from pawprint.evaluation import classification, headline, results
from pawprint.evaluation.classification import Predictions
from pawprint.evaluation.results import ClassificationResult

CLASSES = ["a", "b", "c"]


def make(actual: list[int], predicted: list[int], probability: float = 0.5) -> Predictions:
    n = len(actual)
    return Predictions(
        np.array(actual), np.array(predicted), np.full(n, probability),
        np.arange(n, dtype=np.float64), np.array(actual) * 0,
    )  # fmt: skip


def test_predictions_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)], [math.log(9.0), 0.0]])
    metrics = classification.predict_classes(logits, torch.tensor([0, 0]))
    assert metrics.predicted.tolist() == [1, 0]
    assert metrics.probability.tolist() == pytest.approx([0.75, 0.9])
    assert metrics.loss.tolist() == pytest.approx([math.log(4), -math.log(0.9)])
    assert metrics.ranks.tolist() == [1, 0]


def test_scalars_by_hand() -> None:
    metrics = classification.metrics(make([0, 0, 1, 2], [0, 1, 1, 1]), bins=10)
    assert (metrics["error_rate"], metrics["accuracy"], metrics["n"]) == (0.5, 0.5, 4)
    # F1: a 2·1/(2+1) = 2/3, b 2·1/(1+3) = 1/2, c 0
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert metrics["loss"] == 1.5
    assert metrics["ece"] == pytest.approx(0)  # half are right at probability 0.5


def test_top5_error_counts_classes_that_are_likelier() -> None:
    logits = torch.arange(7.0).expand(2, 7)
    metrics = classification.metrics(
        classification.predict_classes(logits, torch.tensor([2, 1])), 15
    )
    assert metrics["top5_error"] == 0.5  # class 2 is the fifth, class 1 the sixth


def test_calibration_error_by_hand() -> None:
    probability = np.array([0.95, 0.85, 0.15, 1.0])
    right = np.array([True, False, False, True])
    # bins of 0.1: {0.95, 1.0}: 2 right of 1.95; {0.85}: 0 right; {0.15}: 0 right
    expected = (abs(1.95 - 2) + 0.85 + 0.15) / 4
    assert classification.calibration_error(probability, right, 10) == pytest.approx(expected)


def test_most_confused_is_sorted_by_count_then_by_class() -> None:
    metrics = classification.most_confused(make([0, 0, 1, 2, 2, 0], [1, 1, 0, 0, 1, 0]), CLASSES)
    assert metrics == [("a", "b", 2), ("b", "a", 1), ("c", "a", 1), ("c", "b", 1)]


def test_per_class_by_hand_and_a_class_without_pictures() -> None:
    metrics = classification.per_class(make([0, 0, 1], [0, 1, 1]), CLASSES)
    assert metrics == [
        ("a", 1.0, 0.5, pytest.approx(2 / 3), 2),
        ("b", 0.5, 1.0, pytest.approx(2 / 3), 1),
        ("c", 0.0, 0.0, 0.0, 0),
    ]


@given(st.lists(st.floats(0, 100), max_size=30), st.integers(1, 40))
def test_top_losses_are_the_largest_first(losses: list[float], k: int) -> None:
    actual = results.top_losses(np.array(losses, dtype=np.float64), k)
    assert [losses[i] for i in actual] == sorted(losses, reverse=True)[:k]


def test_test_is_summed_beside_valid() -> None:
    both = {
        "valid": ClassificationResult(make([0], [0]), CLASSES),
        "test": ClassificationResult(make([0], [1]), CLASSES),
    }
    actual = results.all_metrics(both, 15)
    assert (actual["error_rate"], actual["test_error_rate"], actual["test_n"]) == (0, 1, 1)


def test_rows_name_the_classes() -> None:
    assert classification.prediction_rows(make([0], [2]), ["x.jpg"], CLASSES) == [
        ("x.jpg", "a", "c", 0.5, 0.0)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"rmse": 0.9, "n": 3}', "has none of error_rate, map, rmse_share, rmse; for ratings"),
        ('{"error_rate": 0.', "damaged .*; delete it, then `dvc repro`"),
    ],
)
def test_a_summary_that_cannot_be_read_is_told_in_one_line(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "evaluate.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        headline.main_metric(files.read_json(path))
