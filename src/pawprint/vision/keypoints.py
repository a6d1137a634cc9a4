"""Points in an image as targets of a network.

Places are in [-1, 1] from edge to edge of the whole image, x to the right, y down. The network
says them of what it sees; the map that the image was sampled by leads from there to the image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pawprint.core import label_cells
from pawprint.runtime.device import at_least_float32
from pawprint.vision.augment import BatchTransform
from pawprint.vision.classification import Classification


@dataclass(frozen=True)
class Keypoints:
    """A sigmoid that spans the sides, and mean squared error."""

    name: ClassVar[str] = "points"
    metric: ClassVar[str] = "rmse_share"
    scale: ClassVar[None] = None
    output_name: ClassVar[str] = "places"
    output_note: ClassVar[str] = (
        "; -1 and 1 are the edges of that part, left and right for x, upper and lower for y"
    )

    fit, with_scale = Classification.fit, Classification.with_scale

    def chance_loss(self, classes: int) -> float:
        """The middle, where points are uniform over the image."""
        return 1 / 3

    def classes(self, cells: Sequence[str]) -> list[str]:
        """x and y, or where there are several points, x1, y1, x2 ...

        Raises:
            ValueError: images have different numbers of points.
        """
        counts = {len(label_cells.coordinates(cell)) // 2 for cell in cells}
        if len(counts) > 1:
            raise ValueError(
                f"images have {min(counts)} to {max(counts)} points, but each needs the same "
                "number; fix the label rule in datasets.yaml"
            )
        (count,) = counts or {1}
        return ["x", "y"] if count == 1 else [f"{a}{i + 1}" for i in range(count) for a in "xy"]

    def encode(self, cells: Sequence[str], classes: Sequence[str], image_sizes: Tensor) -> Tensor:
        """Places from the cells' pixels."""
        pixels = torch.tensor(
            [label_cells.coordinates(cell) for cell in cells], dtype=torch.float32
        )
        return (
            pixels.reshape(len(cells), len(classes)) * 2 / repeat_sizes(image_sizes, len(classes))
            - 1
        )

    def check(self, targets: Tensor, names: Sequence[str], image_sizes: Tensor) -> None:
        """Raise if points are outside of their images.

        Raises:
            ValueError: with the count, and the first of them.
        """
        outside = (targets.abs() > 1).any(1).nonzero().flatten().tolist()
        if outside:
            at = outside[0]
            width, height = image_sizes[at].int().tolist()
            pixels = (targets + 1) / 2 * repeat_sizes(image_sizes, targets.shape[1])
            shown = " ".join(f"{value:g}" for value in pixels[at].tolist())
            raise ValueError(
                f"{len(outside)} of {len(names)} images have points outside of the image, such as "
                f"{names[at]} ({shown}, but {width}×{height} px); fix these cells (px from the "
                "upper left corner), or `label` in datasets.yaml"
            )

    def transform_targets(self, targets: Tensor, transform: BatchTransform) -> Tensor:
        """Where the maps, which lead from the network's view to the image, have the points."""
        inside = (as_points(targets) - transform.offset[:, None]) / transform.scale[:, None]
        back, _ = torch.linalg.inv_ex(transform.matrix)  # inv would wait for the device
        return project(back, inside).flatten(1)

    def activation(self, outputs: Tensor) -> Tensor:
        """Places in [-1, 1]."""
        return at_least_float32(outputs).sigmoid() * 2 - 1

    def decode(self, outputs: Tensor, transform: BatchTransform) -> Tensor:
        """Places in the whole image."""
        inside = project(transform.matrix, as_points(self.activation(outputs)))
        return (inside * transform.scale[:, None] + transform.offset[:, None]).flatten(1)

    def average_views(self, predictions: Tensor, weights: Sequence[float]) -> Tensor:
        """The mean place."""
        return (predictions * torch.tensor(weights, device=predictions.device).view(-1, 1, 1)).sum(
            0
        )

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean square.

        Raises:
            ValueError: smoothing is asked for.
        """
        check_no_smoothing(smoothing, "points")
        return functional.mse_loss(self.activation(outputs), targets)

    def per_image_loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """The mean square of each image."""
        return (predictions - targets).square().mean(1)

    def metric_value(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """The root of the mean square, as a share of the image's sides."""
        return (predictions - targets).square().mean().sqrt() / 2

    def threshold(self, predictions: Callable[[], Tensor], targets: Tensor) -> float | None:
        """There are no labels."""
        return None


def check_no_smoothing(smoothing: float, what: str) -> None:
    """Raise where labels are to be smoothed that are none.

    Raises:
        ValueError: with the key to set.
    """
    if smoothing:
        raise ValueError(
            f"optimizer.label_smoothing is {smoothing:g}, but {what} have no labels; set it to "
            "0 in params.yaml"
        )


def as_points(places: Float[Tensor, "image output"]) -> Float[Tensor, "image point 2"]:
    """x and y side by side."""
    return places.reshape(len(places), -1, 2)


def repeat_sizes(
    image_sizes: Float[Tensor, "image 2"], outputs: int
) -> Float[Tensor, "image output"]:
    """Width, height, width ... for each output."""
    return image_sizes.repeat(1, outputs // 2)


def project(
    matrix: Float[Tensor, "image 3 3"], places: Float[Tensor, "image point 2"]
) -> Float[Tensor, "image point 2"]:
    """Places under a homography."""
    homogeneous = functional.pad(places, (0, 1), value=1.0) @ matrix.mT
    return homogeneous[..., :2] / homogeneous[..., 2:]
