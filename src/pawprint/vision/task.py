"""What an image is to be given: one class of several, any number of classes, points, or a number.

All that differs between them in training stands here and in their modules (classification,
multilabel, keypoints, regression). Four more tables are keyed by a target's name, one a package:
core/label_cells.py (its text in labels.csv), evaluation/results.py (what evaluate counts),
reporting/target_display.py (how it looks) and inference/answers.py (what predict says).
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Float32
from torch import Tensor

from pawprint.vision.augment import BatchTransform
from pawprint.vision.classification import Classification
from pawprint.vision.keypoints import Keypoints
from pawprint.vision.multilabel import MultiLabel
from pawprint.vision.regression import Regression

Outputs = Float[Tensor, "image output"]
Losses = Float[Tensor, " image"]


@runtime_checkable
class Task(Protocol):
    """One target. `outputs` are the model's, `predictions` what they say of the whole image."""

    @property
    def name(self) -> str:
        """The column of labels.csv."""

    @property
    def metric(self) -> str:
        """The column of the tables of epochs."""

    @property
    def output_name(self) -> str:
        """What `activation` gives, as an exported model calls it."""

    @property
    def output_note(self) -> str:
        """What else a user of an exported model must know of its outputs."""

    @property
    def scale(self) -> tuple[float, float] | None:
        """Mean and deviation by which targets are standardised; None: they are not."""

    def fit(self, cells: Sequence[str]) -> "Task":
        """The task as the training images' cells need it."""

    def with_scale(self, scale: Sequence[float] | None) -> "Task":
        """The same from a model file, which keeps the scale."""

    def chance_loss(self, classes: int) -> float:
        """The loss of a network that knows nothing."""

    def classes(self, cells: Sequence[str]) -> list[str]:
        """The names of the network's outputs, in order, from the cells of train."""

    def encode(
        self, cells: Sequence[str], classes: Sequence[str], image_sizes: Float32[Tensor, "image 2"]
    ) -> Tensor:
        """The targets of these cells; `image_sizes`: width and height of the images, px."""

    def check(
        self, targets: Tensor, names: Sequence[str], image_sizes: Float32[Tensor, "image 2"]
    ) -> None:
        """Raise where a dataset's target cannot be one of its image."""

    def transform_targets(self, targets: Tensor, transform: BatchTransform) -> Tensor:
        """The targets as the network sees the images through these maps."""

    def activation(self, outputs: Outputs) -> Outputs:
        """The outputs as numbers for a person: probabilities, places in [-1, 1], values."""

    def decode(self, outputs: Outputs, transform: BatchTransform) -> Outputs:
        """What the outputs say of the whole image: the inverse of `transform_targets`."""

    def average_views(
        self, predictions: Float[Tensor, "view image output"], weights: Sequence[float]
    ) -> Outputs:
        """The weighted mean of several views; weights sum to 1."""

    def loss(self, outputs: Outputs, targets: Tensor, smoothing: float) -> Float[Tensor, ""]:
        """Mean loss of a training batch; in float32 at least, whatever the network ran in."""

    def per_image_loss(self, predictions: Outputs, targets: Tensor) -> Losses:
        """The loss of each image, without smoothing."""

    def metric_value(self, predictions: Outputs, targets: Tensor) -> Float[Tensor, ""]:
        """The metric."""

    def threshold(self, predictions: Callable[[], Outputs], targets: Tensor) -> float | None:
        """The probability above which a label counts, chosen on valid; None: there is none."""


TASKS: dict[str, Task] = {
    task.name: task for task in (Classification(), MultiLabel(), Keypoints(), Regression())
}


def check_finite(outputs: Float[Tensor, "image output"]) -> None:
    """Raise if the outputs for an image are not all finite.

    Raises:
        ValueError: with the count.
    """
    lost = int((~outputs.isfinite().all(1)).sum())
    if lost:
        raise ValueError(
            f"the model gives no finite outputs for {lost} of {len(outputs)} images: train it "
            "again, with a lower learning rate (lr, unfrozen.lr_max) if it diverged"
        )
