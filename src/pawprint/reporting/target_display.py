"""How each target looks to a person: captions, marks in the image, the headline of a page."""

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pawprint.core import label_cells
from pawprint.reporting.contact_sheet import INK, RIGHT, WRONG, Colour
from pawprint.vision import keypoints
from pawprint.vision.dataset import Dataset
from pawprint.vision.regression import Regression

Marks = Float[Tensor, "image point 2"]  # places in [-1, 1] of the image as it is shown
Row = Mapping[Hashable, Any]  # of predictions.csv
Caption = tuple[str, Colour]
Metrics = Mapping[str, float | int]  # of reports/evaluate.json


@runtime_checkable
class Display(Protocol):
    """One target's."""

    @property
    def metric_unit(self) -> str:
        """Of the metric in the tables of epochs: % of a fraction, or nothing."""

    @property
    def blank_figures(self) -> frozenset[str]:
        """Figures of the page that mean nothing for this target: their files are blank."""

    def captions(self, targets: Tensor, data: Dataset) -> list[str]:
        """What stands below each image."""

    def marks(self, targets: Tensor) -> Marks:
        """What is drawn in each image."""

    def result(self, row: Row) -> Caption:
        """The prediction; where it is wrong, the truth and the loss."""

    def title(self, metrics: Metrics) -> str:
        """How good the run is, in the title of its page."""

    def sentence(self, metrics: Metrics) -> str:
        """What that means, with the number of images."""


class ClassDisplay:
    """One class per image."""

    metric_unit: ClassVar[str] = "%"
    blank_figures: ClassVar[frozenset[str]] = frozenset({"thresholds", "scatter"})

    def captions(self, targets: Tensor, data: Dataset) -> list[str]:
        """The class."""
        return [data.classes[number] for number in targets.tolist()]

    def marks(self, targets: Tensor) -> Marks:
        """No marks."""
        return torch.zeros(len(targets), 0, 2)

    def result(self, row: Row) -> Caption:
        """Probability and class."""
        is_right = row["actual"] == row["predicted"]
        truth = "" if is_right else f"\nis {row['actual']}, loss {row['loss']:.1f}"
        text = f"{row['probability']:.2f} {row['predicted']}{truth}"
        return text, RIGHT if is_right else WRONG

    def title(self, metrics: Metrics) -> str:
        """The error rate.

        >>> ClassDisplay().title({"error_rate": 0.01114})
        'error 1.11 %'
        """
        return f"error {100 * metrics['error_rate']:.2f} %"

    def sentence(self, metrics: Metrics) -> str:
        """How many are wrong."""
        wrong, n = round(metrics["error_rate"] * metrics["n"]), metrics["n"]
        return f"{wrong:,} of {n:,} valid pictures are taken for another class."


class LabelsDisplay:
    """Any number of classes per image."""

    metric_unit: ClassVar[str] = "%"
    blank_figures: ClassVar[frozenset[str]] = frozenset({"reliability", "most_confused", "scatter"})

    def captions(self, targets: Tensor, data: Dataset) -> list[str]:
        """The classes that are there."""
        rows = (zip(data.classes, row, strict=True) for row in targets.tolist())
        return [", ".join(label for label, there in row if there) or "none" for row in rows]

    marks = ClassDisplay.marks

    def result(self, row: Row) -> Caption:
        """The classes."""
        is_right = row["actual"] == row["predicted"]
        text, truth = (class_text(row[key], "labels") for key in ("predicted", "actual"))
        more = "" if is_right else f"\nis {truth}, loss {row['loss']:.2f}"
        return text + more, RIGHT if is_right else WRONG

    def title(self, metrics: Metrics) -> str:
        """The mean average precision.

        >>> LabelsDisplay().title({"map": 0.98})
        'mAP 0.980'
        """
        return f"mAP {metrics['map']:.3f}"

    def sentence(self, metrics: Metrics) -> str:
        """How many cells are right, and what the choice of the threshold adds to that."""
        return (
            f"Of all labels of {metrics['n']:,} valid pictures, said or not, "
            f"{100 * metrics['accuracy_multi']:.2f} % are right "
            f"at a threshold of {metrics['threshold']:g}, which these pictures chose; a threshold "
            f"that others chose gives {100 * metrics['accuracy_multi_crossfit']:.2f} %."
        )


class PointsDisplay:
    """Points in an image: crosses, the truth in green and the prediction in red."""

    metric_unit: ClassVar[str] = "%"
    blank_figures: ClassVar[frozenset[str]] = frozenset(
        {"reliability", "thresholds", "most_confused", "gradcam", "scatter"}
    )

    def captions(self, targets: Tensor, data: Dataset) -> list[str]:
        """Empty: the crosses say it."""
        return [""] * len(targets)

    def marks(self, targets: Tensor) -> Marks:
        """A cross for each point."""
        return keypoints.as_points(targets.cpu())

    def result(self, row: Row) -> Caption:
        """How far off the worst point is, px."""
        predicted, actual = (
            np.array(label_cells.coordinates(row[key])) for key in ("predicted", "actual")
        )
        apart = np.hypot(*(predicted - actual).reshape(-1, 2).T).max()
        return f"{apart:.1f} px off", INK

    def title(self, metrics: Metrics) -> str:
        """The root mean square of the distances.

        >>> PointsDisplay().title({"rmse_share": 0.0123})
        'off by 1.23 % of the side'
        """
        return f"off by {100 * metrics['rmse_share']:.2f} % of the side"

    def sentence(self, metrics: Metrics) -> str:
        """The same in pixels."""
        n = metrics["n"]
        return f"Root mean square over {n:,} valid pictures: {metrics['rmse_pixels']:.2f} px."


class NumberDisplay:
    """A number for an image."""

    metric_unit: ClassVar[str] = ""
    blank_figures: ClassVar[frozenset[str]] = frozenset(
        {"reliability", "thresholds", "most_confused", "gradcam"}
    )

    def captions(self, targets: Tensor, data: Dataset) -> list[str]:
        """The number, in the units of the data set."""
        numbers = Regression().with_scale(data.task.scale).format(targets)
        return [text.rstrip("0").rstrip(".") if "." in text else text for text in numbers]

    marks = ClassDisplay.marks

    def result(self, row: Row) -> Caption:
        """The predicted number and the true one."""
        return f"{row['predicted']}, is {row['actual']}", INK

    def title(self, metrics: Metrics) -> str:
        """The root mean square of the residuals.

        >>> NumberDisplay().title({"rmse": 1.2345})
        'rmse 1.234'
        """
        return f"rmse {metrics['rmse']:.4g}"

    def sentence(self, metrics: Metrics) -> str:
        """How far off the numbers are, and how much of their spread is explained."""
        n, rmse, mae = metrics["n"], metrics["rmse"], metrics["mae"]
        return (
            f"Over {n:,} valid images the root mean square error is {rmse:.4g}, the mean absolute "
            f"error {mae:.4g}; R² is {metrics['r2']:.3f} (1 is perfect, 0 is the mean's)."
        )


DISPLAYS: dict[str, Display] = {
    "label": ClassDisplay(),
    "labels": LabelsDisplay(),
    "points": PointsDisplay(),
    "number": NumberDisplay(),
}


def class_text(cell: str, target: str) -> str:
    """The classes of a cell for a person."""
    return ", ".join(label_cells.classes(cell, target)) or "none"
