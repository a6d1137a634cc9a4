"""What evaluate counts where each image has one class, from logits and labels alone."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support
from torch import Tensor

from pawprint.vision.classification import Classification
from pawprint.vision.task import check_finite

SCORES = ("label", "precision", "recall", "f1", "n")  # of `per_class`


@dataclass(frozen=True)
class Predictions:
    """Of one split, in the order of its images."""

    actual: Int64[np.ndarray, " image"]
    predicted: Int64[np.ndarray, " image"]
    probability: Float64[np.ndarray, " image"]  # 0-1, of the predicted class
    loss: Float64[np.ndarray, " image"]  # nats
    ranks: Int64[np.ndarray, " image"]  # of the actual class among the logits; 0 is the likeliest


def predict_classes(
    logits: Float32[Tensor, "image class"], labels: Int64[Tensor, " image"]
) -> Predictions:
    """What the logits say of each image.

    Raises:
        ValueError: some are NaN or infinite.
    """
    check_finite(logits)
    logits, labels, task = logits.cpu().double(), labels.cpu(), Classification()
    probability, predicted = task.activation(logits).max(1)
    true_logits = logits.gather(1, labels[:, None])
    return Predictions(
        labels.numpy(),
        predicted.numpy(),
        probability.numpy(),
        task.per_image_loss(logits, labels).numpy(),
        (logits > true_logits).sum(1).numpy(),
    )


def metrics(predictions: Predictions, bins: int) -> dict[str, float | int]:
    """error_rate, accuracy, loss, top5_error, macro_f1, ece and n."""
    right = predictions.actual == predictions.predicted
    return {
        "error_rate": 1 - float(right.mean()),
        "accuracy": float(right.mean()),
        "loss": float(predictions.loss.mean()),
        "top5_error": float((predictions.ranks >= 5).mean()),
        "macro_f1": float(
            f1_score(predictions.actual, predictions.predicted, average="macro", zero_division=0)
        ),
        "ece": calibration_error(predictions.probability, right, bins),
        "n": len(right),
    }


def calibration_error(probability: np.ndarray, right: np.ndarray, bins: int) -> float:
    """Mean gap between claimed probability and share of right answers, over equal-width bins.

    Source: Guo et al. 2017, arXiv:1706.04599, section 2.
    """
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.zeros(bins)
    np.add.at(gaps, bin_of, probability - right)
    return float(np.abs(gaps).sum() / len(right))


def per_class(
    predictions: Predictions, classes: Sequence[str]
) -> list[tuple[str, float, float, float, int]]:
    """Label, precision, recall, F1 and images of each class; 0 where nothing can be counted."""
    precision, recall, f1, n = precision_recall_fscore_support(
        predictions.actual, predictions.predicted, labels=range(len(classes)), zero_division=0
    )
    rows = zip(classes, precision, recall, f1, n, strict=True)
    return [(label, float(p), float(r), float(f), int(count)) for label, p, r, f, count in rows]


def most_confused(predictions: Predictions, classes: Sequence[str]) -> list[tuple[str, str, int]]:
    """(actual, predicted, count) of each kind of mistake, most frequent first, then by class."""
    numbers = range(len(classes))
    mistakes = confusion_counts(predictions.actual, predictions.predicted, numbers)
    np.fill_diagonal(mistakes, 0)
    pairs = sorted(zip(*mistakes.nonzero(), strict=True), key=lambda ij: (-mistakes[ij], ij))
    return [(classes[i], classes[j], int(mistakes[i, j])) for i, j in pairs]


def confusion_counts(
    actual: Iterable[Hashable], predicted: Iterable[Hashable], classes: Iterable[Hashable]
) -> Int64[np.ndarray, "class class"]:
    """Images by actual (row) and predicted class (column), in the order of `classes`."""
    return np.asarray(confusion_matrix([*actual], [*predicted], labels=[*classes]))


def prediction_rows(
    predictions: Predictions, names: Sequence[str], classes: Sequence[str]
) -> list[tuple[str, str, str, float, float]]:
    """name, actual, predicted, probability and loss of each image, six decimals."""
    figures = zip(
        names,
        predictions.actual,
        predictions.predicted,
        predictions.probability,
        predictions.loss,
        strict=True,
    )
    return [
        (name, classes[actual], classes[predicted], round(float(p), 6), round(float(loss), 6))
        for name, actual, predicted, p, loss in figures
    ]
