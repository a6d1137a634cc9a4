"""One real number an image: age, weight, count, price.

The network learns standardised values, (number - mean) / deviation of the training images, so that
the loss and the learning rate fit numbers of any size and unit. Deviation from fastai's
RegressionBlock, which learns the numbers as they are.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor
from torch.nn import functional

from pawprint.core import label_cells
from pawprint.runtime.device import at_least_float32
from pawprint.vision.augment import BatchTransform
from pawprint.vision.classification import Classification
from pawprint.vision.keypoints import Keypoints, check_no_smoothing

# One unit of output, in deviations. The head's initial outputs have a deviation of 1.4 units; were
# the unit 1, that noise would exceed the signal, and Adam's steps in the last layer be ten times
# as long.
OUTPUT_UNIT = 0.1


@dataclass(frozen=True)
class Regression:
    """One output and mean squared error; targets and predictions are standardised."""

    mean: float = 0.0  # of the training images' numbers
    std: float = 1.0

    name: ClassVar[str] = "number"
    metric: ClassVar[str] = "rmse"
    output_name: ClassVar[str] = "values"
    output_note: ClassVar[str] = ", in the units of the data set"

    @property
    def scale(self) -> tuple[float, float]:
        """Mean and deviation."""
        return self.mean, self.std

    def fit(self, cells: Sequence[str]) -> "Regression":
        """The task with the scale of these cells.

        Raises:
            ValueError: all are the same number.
        """
        numbers = parse_numbers(cells)
        mean, std = float(numbers.mean()), float(numbers.std())
        if not std > 0:
            raise ValueError(
                f"all training images have the number {numbers[0]:g}: there is nothing to learn; "
                "fix `label` in datasets.yaml, or the column that it names"
            )
        return Regression(mean, std)

    def with_scale(self, scale: Sequence[float] | None) -> "Regression":
        """The task with the scale that a model file has.

        Raises:
            ValueError: it has none, or not mean and deviation.
        """
        known = [x for x in scale or () if isinstance(x, int | float) and math.isfinite(x)]
        if scale is None or len(known) != len(scale) or len(known) != 2 or known[1] <= 0:
            raise ValueError(
                f"the model file has scale {scale}, where mean and deviation of the training "
                "images' numbers must stand; train it again: `dvc repro`"
            )
        return Regression(*scale)

    def chance_loss(self, classes: int) -> float:
        """The mean of the training images, whatever the image."""
        return 1.0

    def classes(self, cells: Sequence[str]) -> list[str]:
        """The name of the one output."""
        return ["value"]

    def encode(self, cells: Sequence[str], classes: Sequence[str], image_sizes: Tensor) -> Tensor:
        """Standardised, n×1."""
        # in float64: 1.6e9 ± 1 keeps the 1
        standardised = (parse_numbers(cells) - self.mean) / self.std
        return torch.from_numpy(standardised.astype(np.float32)).reshape(-1, 1)

    def decode(self, outputs: Tensor, transform: BatchTransform | None = None) -> Tensor:
        """Standardised, whatever the transform was."""
        return at_least_float32(outputs) * OUTPUT_UNIT

    def rescale(self, predictions: Tensor) -> Tensor:
        """Standardised numbers in the units of the data set."""
        return predictions * self.std + self.mean

    def activation(self, outputs: Tensor) -> Tensor:
        """In the units of the data set."""
        return self.rescale(self.decode(outputs))

    def format(self, predictions: Tensor) -> list[str]:
        """The numbers of n×1 predictions as text, in the units of the data set."""
        values = self.rescale(predictions.cpu().double())[:, 0].tolist()  # MPS has no float64
        return [format_prediction(value, self.std) for value in values]

    check = Classification.check
    transform_targets = Classification.transform_targets
    average_views = Keypoints.average_views

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean square, standardised.

        Raises:
            ValueError: smoothing is asked for.
        """
        check_no_smoothing(smoothing, "numbers")
        return functional.mse_loss(self.decode(outputs), targets)

    per_image_loss = Keypoints.per_image_loss

    def metric_value(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """The root of the mean square, in the units of the data set."""
        return (predictions - targets).square().mean().sqrt() * self.std

    def threshold(self, predictions: Callable[[], Tensor], targets: Tensor) -> float | None:
        """There are no labels."""
        return None


def parse_numbers(cells: Sequence[str]) -> Float64[np.ndarray, " image"]:
    """The numbers of cells of labels.csv."""
    return np.array([label_cells.number(cell) for cell in cells], dtype=np.float64)


def format_prediction(value: float, deviation: float) -> str:
    """A predicted number, to about a thousandth of the training images' deviation.

    >>> format_prediction(3.14159, 9.3), format_prediction(1234567.89, 2e5)
    ('3.142', '1234568')
    >>> format_prediction(-1e-9, 9.3)
    '0.000'
    """
    decimals = max(0, 4 - math.ceil(math.log10(deviation)))
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0: no -0
