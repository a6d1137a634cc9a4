"""What evaluate counts where each picture has points in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from pawprint import points

SCORES = ("label", "precision", "recall", "f1", "n")
Row = tuple[str, str, str, str, float]


@dataclass(frozen=True)
class Placed:
    """Of one side of the split, in the order of its pictures; x, y, x, y ... in px."""

    predicted: Float64[np.ndarray, "image output"]
    actual: Float64[np.ndarray, "image output"]
    sides: Float64[np.ndarray, "image output"]  # the picture's width or height, px
    loss: Float64[np.ndarray, " image"]  # mean square, of places in [-1, 1]

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""
        return SCORES

    def scalars(self, bins: int) -> dict[str, float | int]:
        """rmse_pixels (of the originals), rmse_share (0-1, of their sides), loss and n.

        The mean is taken over all coordinates.
        """
        apart = self.predicted - self.actual
        return {
            "rmse_pixels": float(np.sqrt(np.square(apart).mean())),
            "rmse_share": float(np.sqrt(np.square(apart / self.sides).mean())),
            "loss": float(self.loss.mean()),
            "n": len(apart),
        }

    def rows(self, names: Sequence[str]) -> list[Row]:
        """name, actual and predicted (px, two decimals), no probability, and loss."""
        told = zip(names, self.actual, self.predicted, self.loss, strict=True)
        return [
            (name, cell(actual), cell(predicted), "", round(float(loss), 6))
            for name, actual, predicted, loss in told
        ]

    def per_class(self) -> list[tuple[object, ...]]:
        """None: there are no classes."""
        return []

    def most_confused(self) -> list[tuple[str, str, int]]:
        """None."""
        return []

    def sweep(self) -> list[tuple[float, float, float, float]]:
        """None: there is no threshold."""
        return []


def placed(
    seen: Tensor, wanted: Tensor, sides: Tensor, classes: Sequence[str], threshold: float | None
) -> Placed:
    """The counts, from places in [-1, 1] and the pictures' width and height in px."""
    whole = points.repeated(sides, len(classes)).double().cpu()
    found, truth = ((x.double().cpu() + 1) / 2 * whole for x in (seen, wanted))
    losses = points.Points().losses(seen.double(), wanted.double())
    return Placed(found.numpy(), truth.numpy(), whole.numpy(), losses.cpu().numpy())


def cell(pixels: Float64[np.ndarray, " output"]) -> str:
    """As in labels.csv, two decimals."""
    return " ".join(f"{value:.2f}" for value in pixels.tolist())
