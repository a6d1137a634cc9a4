"""What evaluate counts where each image has one number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch import Tensor

from pawprint.evaluation.classless import Classless
from pawprint.evaluation.context import EvalContext
from pawprint.vision.regression import Regression, parse_numbers

Row = tuple[str, str, str, str, float]


@dataclass(frozen=True)
class RegressionResult(Classless):
    """Of one split, in the order of its images; numbers in the units of the data set."""

    predicted: Float64[np.ndarray, " image"]
    actual: Float64[np.ndarray, " image"]
    loss: Float64[np.ndarray, " image"]  # squares of standardised residuals
    predicted_cells: Sequence[str]  # rounded by the deviation of the training images' numbers
    actual_cells: Sequence[str]  # as labels.csv has them

    def metrics(self, bins: int) -> dict[str, float | int]:
        """rmse and mae (in the units of the data set), r2, loss and n.

        r2 is 0 for the mean of these images, and 0 where one image has no spread to explain.
        """
        return {
            "rmse": float(root_mean_squared_error(self.actual, self.predicted)),
            "mae": float(mean_absolute_error(self.actual, self.predicted)),
            "r2": float(r2_score(self.actual, self.predicted)) if len(self.actual) > 1 else 0.0,
            "loss": float(self.loss.mean()),
            "n": len(self.actual),
        }

    def prediction_rows(self, names: Sequence[str]) -> list[Row]:
        """name, actual, predicted, no probability, and loss."""
        columns = zip(names, self.actual_cells, self.predicted_cells, self.loss, strict=True)
        return [
            (name, actual, predicted, "", round(float(loss), 6))
            for name, actual, predicted, loss in columns
        ]


def regression_result(
    predictions: Tensor, targets: Tensor, context: EvalContext
) -> RegressionResult:
    """The counts, from standardised predictions."""
    predictions, targets = predictions.cpu().double(), targets.cpu().double()
    task = Regression().with_scale(context.task.scale)
    return RegressionResult(
        task.rescale(predictions)[:, 0].numpy(),
        parse_numbers(context.cells),
        context.task.per_image_loss(predictions, targets).numpy(),
        task.format(predictions),
        tuple(context.cells),
    )
