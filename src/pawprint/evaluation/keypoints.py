"""What evaluate counts where each image has points in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from pawprint.evaluation.context import EvalContext
from pawprint.vision import keypoints

SCORES = ("label", "precision", "recall", "f1", "n")
Row = tuple[str, str, str, str, float]


@dataclass(frozen=True)
class KeypointResult:
    """Of one split, in the order of its images; x, y, x, y ... in px."""

    predicted: Float64[np.ndarray, "image output"]
    actual: Float64[np.ndarray, "image output"]
    image_sizes: Float64[np.ndarray, "image output"]  # the picture's width or height, px
    loss: Float64[np.ndarray, " image"]  # mean square, of places in [-1, 1]

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""
        return SCORES

    def metrics(self, bins: int) -> dict[str, float | int]:
        """rmse_pixels (of the originals), rmse_share (0-1, of their sides), loss and n.

        The mean is taken over all coordinates.
        """
        apart = self.predicted - self.actual
        return {
            "rmse_pixels": float(np.sqrt(np.square(apart).mean())),
            "rmse_share": float(np.sqrt(np.square(apart / self.image_sizes).mean())),
            "loss": float(self.loss.mean()),
            "n": len(apart),
        }

    def prediction_rows(self, names: Sequence[str]) -> list[Row]:
        """name, actual and predicted (px, two decimals), no probability, and loss."""
        columns = zip(names, self.actual, self.predicted, self.loss, strict=True)
        return [
            (name, format_points(actual), format_points(predicted), "", round(float(loss), 6))
            for name, actual, predicted, loss in columns
        ]

    def per_class(self) -> list[tuple[object, ...]]:
        """None: there are no classes."""
        return []

    def most_confused(self) -> list[tuple[str, str, int]]:
        """None."""
        return []

    def threshold_sweep(self) -> list[tuple[float, float, float, float]]:
        """None: there is no threshold."""
        return []


def keypoint_result(predictions: Tensor, targets: Tensor, about: EvalContext) -> KeypointResult:
    """The counts, from places in [-1, 1] and the images' width and height in px."""
    whole = keypoints.repeat_sizes(about.image_sizes, len(about.classes)).double().cpu()
    predicted, actual = ((x.double().cpu() + 1) / 2 * whole for x in (predictions, targets))
    losses = about.task.per_image_loss(predictions.double(), targets.double())
    return KeypointResult(predicted.numpy(), actual.numpy(), whole.numpy(), losses.cpu().numpy())


def format_points(pixels: Float64[np.ndarray, " output"]) -> str:
    """As in labels.csv, two decimals."""
    return " ".join(f"{value:.2f}" for value in pixels.tolist())
