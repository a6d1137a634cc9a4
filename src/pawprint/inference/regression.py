"""What predict says of an image that has a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pawprint.inference.request import Outputs, Request, check_no_minimum
from pawprint.models.model_file import ModelCard
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.regression import Regression


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
        (value,) = Regression().with_scale(request.model_card.scale).format(predictions[None])
        return cls(image.name, value)

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
