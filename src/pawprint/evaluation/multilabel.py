"""What evaluate counts where each image has any number of labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from torch import Tensor

from pawprint.core import label_cells
from pawprint.evaluation.context import EvalContext
from pawprint.runtime import rng
from pawprint.vision import multilabel

SCORES = ("label", "precision", "recall", "f1", "average_precision", "n")
Row = tuple[str, str, str, float, float]


@dataclass(frozen=True)
class MultiLabelResult:
    """Of one split, in the order of its images."""

    probabilities: Float64[np.ndarray, "image class"]  # 0-1, the probability of each label
    actual: Bool[np.ndarray, "image class"]
    loss: Float64[np.ndarray, " image"]  # nats, mean over the classes
    classes: Sequence[str]
    threshold: float  # a label is said where its probability is above

    @property
    def predicted(self) -> Bool[np.ndarray, "image class"]:
        """The labels that are said."""
        return np.asarray(self.probabilities > self.threshold)

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""
        return SCORES

    def metrics(self, bins: int) -> dict[str, float | int]:
        """accuracy_multi (over all cells), map, micro and macro F1, threshold, loss and n.

        accuracy_multi_crossfit is what a threshold gives on images that did not choose it.
        """
        right = self.predicted == self.actual
        known = [score for score in self.average_precisions() if score is not None]
        return {
            "accuracy_multi": float(right.mean()),
            "accuracy_multi_crossfit": crossfit_accuracy(self.probabilities, self.actual),
            "map": float(np.mean(known)) if known else 0.0,
            "micro_f1": f1(self.actual, self.predicted, "micro"),
            "macro_f1": f1(self.actual, self.predicted, "macro"),
            "threshold": self.threshold,
            "loss": float(self.loss.mean()),
            "n": len(right),
        }

    def average_precisions(self) -> list[float | None]:
        """Average precision of each class; None for one that no image has.

        It is the mean of the precision at each image of the class, ranked by probability, without
        interpolation (as scikit-learn's).
        """
        columns = zip(self.actual.T, self.probabilities.T, strict=True)
        return [
            float(average_precision_score(there, probability)) if there.any() else None
            for there, probability in columns
        ]

    def prediction_rows(self, names: Sequence[str]) -> list[Row]:
        """name, actual, predicted, probability (of exactly these labels) and loss, six decimals.

        The probability is the product over the classes, as if they were independent.
        """
        is_predicted = self.predicted
        joint_probability = np.where(is_predicted, self.probabilities, 1 - self.probabilities).prod(
            1
        )
        columns = zip(names, self.actual, is_predicted, joint_probability, self.loss, strict=True)
        return [
            (
                name,
                self._cell(actual),
                self._cell(predicted),
                round(float(p), 6),
                round(float(x), 6),
            )
            for name, actual, predicted, p, x in columns
        ]

    def per_class(self) -> list[tuple[object, ...]]:
        """Label, precision, recall, F1, average precision and images of each class."""
        precision, recall, score, n = precision_recall_fscore_support(
            self.actual, self.predicted, zero_division=0
        )
        columns = zip(
            self.classes, precision, recall, score, self.average_precisions(), n, strict=True
        )
        return [(c, float(p), float(r), float(f), ap, int(k)) for c, p, r, f, ap, k in columns]

    def most_confused(self) -> list[tuple[str, str, int]]:
        """Empty: a label that is missed is taken for no other."""
        return []

    def threshold_sweep(self) -> list[tuple[float, float, float, float]]:
        """Threshold, accuracy_multi, micro and macro F1."""
        accuracies = multilabel.accuracies(
            torch.from_numpy(self.probabilities), torch.from_numpy(self.actual)
        )
        return [
            (
                at,
                accuracy,
                f1(self.actual, self.probabilities > at, "micro"),
                f1(self.actual, self.probabilities > at, "macro"),
            )
            for at, accuracy in accuracies.items()
        ]

    def _cell(self, is_predicted: Bool[np.ndarray, " class"]) -> str:
        return label_cells.BETWEEN.join(np.asarray(self.classes)[is_predicted].tolist())


def multilabel_result(
    predictions: Tensor, targets: Tensor, context: EvalContext
) -> MultiLabelResult:
    """The counts; where no threshold was chosen, at 0.5."""
    predictions, targets = predictions.cpu().double(), targets.cpu()  # MPS has no float64
    return MultiLabelResult(
        context.task.activation(predictions).numpy(),
        (targets > 0).numpy(),
        context.task.per_image_loss(predictions, targets).numpy(),
        tuple(context.classes),
        0.5 if context.threshold is None else context.threshold,
    )


def f1(
    actual: Bool[np.ndarray, "image class"], predicted: Bool[np.ndarray, "image class"], mean: str
) -> float:
    """F1 over all cells (micro), or the mean of the classes' (macro); 0 for a class without any."""
    hits, wrong = (actual & predicted).sum(0), (actual != predicted).sum(0)
    if mean == "micro":
        hits, wrong = hits.sum(keepdims=True), wrong.sum(keepdims=True)
    whole = 2 * hits + wrong
    return float(np.mean(2 * hits / np.maximum(whole, 1)))


def crossfit_accuracy(
    probabilities: Float64[np.ndarray, "image class"], actual: Bool[np.ndarray, "image class"]
) -> float:
    """accuracy_multi of each half of the images at the threshold that the other half chose."""
    p, there = torch.from_numpy(probabilities), torch.from_numpy(actual)
    order = torch.randperm(len(p), generator=rng.generator("crossfit"))
    halves = torch.tensor_split(order, 2)
    right = 0
    for mine, other in (halves, halves[::-1]):
        at = multilabel.best_threshold(p[other], there[other]) if len(other) else 0.5
        right += int(((p[mine] > at) == there[mine]).sum())
    return right / max(there.numel(), 1)
