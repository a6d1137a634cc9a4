"""What predict says of an image that has a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pawprint.core import label_cells
from pawprint.inference.request import Outputs, Request, check_no_minimum
from pawprint.models.model_file import ModelCard
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.task import load_task


@dataclass(frozen=True)
class NumberAnswer:
    """A number."""

    file: str
    value: str  # as many digits as the training images' deviation gives it

    @classmethod
    def of(cls, image: CachedImage, predictions: Outputs, request: Request) -> "NumberAnswer":
        """The number in the units of the data set.

        Raises:
            ValueError: a least probability is asked for.
        """
        check_no_minimum(request, "numbers")
        task = load_task(request.model_card.target, request.model_card.scale)
        _, deviation = task.scale or (0.0, 1.0)
        value = task.activation(predictions[None].double())[0, 0].item()
        return cls(image.name, label_cells.format_prediction(value, deviation))

    @staticmethod
    def columns(model_card: ModelCard) -> Sequence[str]:
        """The name of the cell."""
        return model_card.classes

    @property
    def as_dict(self) -> dict[str, Any]:
        """label (null), value, top (empty)."""
        return {"label": None, "value": float(self.value), "top": []}

    @property
    def cells(self) -> Sequence[str]:
        """The number."""
        return [self.value]

    @property
    def text(self) -> str:
        """The number."""
        return self.value
