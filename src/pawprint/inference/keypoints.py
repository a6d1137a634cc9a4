"""What predict says of an image that has points in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pawprint.inference.request import Outputs, Request, check_no_minimum
from pawprint.models.model_file import ModelCard
from pawprint.vision import keypoints
from pawprint.vision.cache_writer import CachedImage


@dataclass(frozen=True)
class PointsAnswer:
    """Points in the picture."""

    file: str
    points: list[tuple[float, float]]  # x, y in px of the original

    @classmethod
    def of(cls, image: CachedImage, predictions: Outputs, request: Request) -> "PointsAnswer":
        """The places in pixels.

        Raises:
            ValueError: a least probability is asked for.
        """
        check_no_minimum(request, "points")
        pairs = keypoints.as_points(predictions[None])[0].tolist()
        width, height = image.width / 2, image.height / 2
        return cls(image.name, [((x + 1) * width, (y + 1) * height) for x, y in pairs])

    @staticmethod
    def columns(model_card: ModelCard) -> Sequence[str]:
        """The names of `cells`: x and y of each point."""
        return model_card.classes

    @property
    def as_dict(self) -> dict[str, Any]:
        """points: a list of x, y."""
        return {"points": [[round(x, 2), round(y, 2)] for x, y in self.points]}

    @property
    def cells(self) -> Sequence[str]:
        """x, y of each point."""
        return [f"{value:.2f}" for point in self.points for value in point]

    @property
    def text(self) -> str:
        """x and y of each point."""
        return "; ".join(f"x {x:.1f}, y {y:.1f}" for x, y in self.points) + " px"
