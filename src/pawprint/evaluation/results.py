"""What evaluate counts, for each kind of target in its own way, in the same files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from pawprint.evaluation import classification, keypoints, multilabel, regression
from pawprint.evaluation.classification import Predictions
from pawprint.evaluation.context import EvalContext

COLUMNS = ("name", "actual", "predicted", "probability", "loss")  # of `prediction_rows`
PAIR_COLUMNS = ("actual", "predicted", "count")  # of `most_confused`
SWEEP_COLUMNS = ("threshold", "accuracy_multi", "micro_f1", "macro_f1")  # of `threshold_sweep`


@runtime_checkable
class EvalResult(Protocol):
    """One split, evaluated."""

    @property
    def loss(self) -> Float64[np.ndarray, " image"]:
        """Of each image."""

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""

    def metrics(self, bins: int) -> dict[str, float | int]:
        """The metrics of reports/evaluate.json."""

    def prediction_rows(self, names: Sequence[str]) -> Sequence[Sequence[Any]]:
        """COLUMNS of each image."""

    def per_class(self) -> Sequence[Sequence[Any]]:
        """A row for each class; none where there are no classes."""

    def most_confused(self) -> Sequence[Sequence[Any]]:
        """PAIR_COLUMNS, most frequent first; none where no class is taken for another."""

    def threshold_sweep(self) -> Sequence[Sequence[Any]]:
        """SWEEP_COLUMNS; none where nothing has a threshold."""


@dataclass(frozen=True)
class ClassificationResult:
    """One class per image."""

    predictions: Predictions
    classes: Sequence[str]

    @property
    def loss(self) -> Float64[np.ndarray, " image"]:
        """Cross-entropy, nats."""
        return self.predictions.loss

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""
        return classification.SCORES

    def metrics(self, bins: int) -> dict[str, float | int]:
        """As classification.metrics."""
        return classification.metrics(self.predictions, bins)

    def prediction_rows(self, names: Sequence[str]) -> Sequence[Sequence[Any]]:
        """As classification.prediction_rows."""
        return classification.prediction_rows(self.predictions, names, self.classes)

    def per_class(self) -> Sequence[Sequence[Any]]:
        """As classification.per_class."""
        return classification.per_class(self.predictions, self.classes)

    def most_confused(self) -> Sequence[Sequence[Any]]:
        """As classification.most_confused."""
        return classification.most_confused(self.predictions, self.classes)

    def threshold_sweep(self) -> Sequence[Sequence[Any]]:
        """Empty: the likeliest class is the answer."""
        return []


def classification_result(predictions: Tensor, targets: Tensor, context: EvalContext) -> EvalResult:
    """The counts of single labels."""
    predicted = classification.predict_classes(predictions, targets)
    return ClassificationResult(predicted, context.classes)


RESULTS: dict[str, Callable[[Tensor, Tensor, EvalContext], EvalResult]] = {  # by a target's name
    "label": classification_result,
    "labels": multilabel.multilabel_result,
    "points": keypoints.keypoint_result,
    "number": regression.regression_result,
}


def all_metrics(by_split: Mapping[str, EvalResult], bins: int) -> dict[str, float | int]:
    """The scalars of valid, and those of test, if there is one, as test_*."""
    metrics = by_split["valid"].metrics(bins)
    if "test" in by_split:
        metrics |= {f"test_{name}": value for name, value in by_split["test"].metrics(bins).items()}
    return metrics


def top_losses(losses: Float64[np.ndarray, " image"], k: int) -> list[int]:
    """Rows of the k largest losses, or of all if there are fewer, largest first."""
    return [int(row) for row in np.argsort(-losses, kind="stable")[:k]]
