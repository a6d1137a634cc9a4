"""How each target looks to a person: captions, marks in the image, and what a page leaves out."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pawprint.core import label_cells
from pawprint.reporting.contact_sheet import INK, RIGHT, WRONG, Colour
from pawprint.vision import keypoints

Marks = Float[Tensor, "image point 2"]  # places in [-1, 1] of the image as it is shown
Row = Mapping[Hashable, Any]  # of predictions.csv
Caption = tuple[str, Colour]


@runtime_checkable
class Display(Protocol):
    """One target's."""

    @property
    def blank_figures(self) -> frozenset[str]:
        """Figures of the page that mean nothing for this target: their files are blank."""

    def captions(self, targets: Tensor, classes: Sequence[str]) -> list[str]:
        """What stands below each image."""

    def marks(self, targets: Tensor) -> Marks:
        """What is drawn in each image."""

    def result(self, row: Row) -> Caption:
        """The prediction; where it is wrong, the truth and the loss."""


class ClassDisplay:
    """One class an image."""

    blank_figures: ClassVar[frozenset[str]] = frozenset({"thresholds"})

    def captions(self, targets: Tensor, classes: Sequence[str]) -> list[str]:
        """The class."""
        return [classes[number] for number in targets.tolist()]

    def marks(self, targets: Tensor) -> Marks:
        """None."""
        return torch.zeros(len(targets), 0, 2)

    def result(self, row: Row) -> Caption:
        """Probability and class."""
        is_right = row["actual"] == row["predicted"]
        truth = "" if is_right else f"\nis {row['actual']}, loss {row['loss']:.1f}"
        text = f"{row['probability']:.2f} {row['predicted']}{truth}"
        return text, RIGHT if is_right else WRONG


class LabelsDisplay:
    """Any number of classes an image."""

    blank_figures: ClassVar[frozenset[str]] = frozenset({"reliability", "most_confused"})

    def captions(self, targets: Tensor, classes: Sequence[str]) -> list[str]:
        """The classes that are there."""
        rows = (zip(classes, row, strict=True) for row in targets.tolist())
        return [", ".join(label for label, there in row if there) or "none" for row in rows]

    def marks(self, targets: Tensor) -> Marks:
        """None."""
        return torch.zeros(len(targets), 0, 2)

    def result(self, row: Row) -> Caption:
        """The classes."""
        is_right = row["actual"] == row["predicted"]
        text, truth = (class_text(row[key], "labels") for key in ("predicted", "actual"))
        more = "" if is_right else f"\nis {truth}, loss {row['loss']:.2f}"
        return text + more, RIGHT if is_right else WRONG


class PointsDisplay:
    """Points in an image: crosses, the truth in green and the prediction in red."""

    blank_figures: ClassVar[frozenset[str]] = frozenset(
        {"reliability", "thresholds", "most_confused", "gradcam"}
    )

    def captions(self, targets: Tensor, classes: Sequence[str]) -> list[str]:
        """None: the crosses tell."""
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


DISPLAYS: dict[str, Display] = {
    "label": ClassDisplay(),
    "labels": LabelsDisplay(),
    "points": PointsDisplay(),
}


def class_text(cell: str, target: str) -> str:
    """The classes of a cell for a person."""
    return ", ".join(label_cells.classes(cell, target)) or "none"
