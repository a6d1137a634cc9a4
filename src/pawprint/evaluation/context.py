"""What beside predictions and targets decides a result."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float32
from torch import Tensor

from pawprint.vision.task import Task


@dataclass(frozen=True)
class EvalContext:
    """Of the images of one split."""

    task: Task
    classes: Sequence[str]  # the names of the model's outputs
    cells: Sequence[str]  # of labels.csv
    image_sizes: Float32[Tensor, "image 2"]  # width and height, px
    threshold: float | None  # of labels, by the model's file
