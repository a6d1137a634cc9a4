"""What evaluate counts where each image has points in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from pawprint.evaluation.classless import Classless
from pawprint.evaluation.context import EvalContext
from pawprint.vision import keypoints

Row = tuple[str, str, str, str, float]


@dataclass(frozen=True)
class KeypointResult(Classless):
    """Of one split, in the order of its images; x, y, x, y ... in px."""

    predicted: Float64[np.ndarray, "image output"]
    actual: Float64[np.ndarray, "image output"]
    extents: Float64[np.ndarray, "image output"]  # the image's width or height, px
    loss: Float64[np.ndarray, " image"]  # mean square, of places in [-1, 1]

    def metrics(self, bins: int) -> dict[str, float | int]:
        """rmse_pixels (of the originals), rmse_share (0-1, of their sides), loss and n.

        The mean is taken over all coordinates.
        """
        residuals = self.predicted - self.actual
        return {
            "rmse_pixels": float(np.sqrt(np.square(residuals).mean())),
            "rmse_share": float(np.sqrt(np.square(residuals / self.extents).mean())),
            "loss": float(self.loss.mean()),
            "n": len(residuals),
        }

    def prediction_rows(self, names: Sequence[str]) -> list[Row]:
        """name, actual and predicted (px, two decimals), no probability, and loss."""
        columns = zip(names, self.actual, self.predicted, self.loss, strict=True)
        return [
            (name, format_points(actual), format_points(predicted), "", round(float(loss), 6))
            for name, actual, predicted, loss in columns
        ]


def keypoint_result(predictions: Tensor, targets: Tensor, context: EvalContext) -> KeypointResult:
    """The counts, from places in [-1, 1] and the pictures' width and height in px."""
    predictions, targets = predictions.cpu().double(), targets.cpu().double()  # MPS has no float64
    whole = keypoints.repeat_sizes(context.image_sizes, len(context.classes)).double()
    predicted, actual = ((x + 1) / 2 * whole for x in (predictions, targets))
    losses = context.task.per_image_loss(predictions, targets)
    return KeypointResult(predicted.numpy(), actual.numpy(), whole.numpy(), losses.numpy())


def format_points(pixels: Float64[np.ndarray, " output"]) -> str:
    """As in labels.csv, two decimals."""
    return " ".join(f"{value:.2f}" for value in pixels.tolist())
