"""What predict says of an image that has any number of classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pawprint.core import label_cells
from pawprint.inference.classification import (
    NONE,
    ClassProbabilities,
    other_classes,
    rank_classes,
    round_top,
)
from pawprint.inference.request import Outputs, Request
from pawprint.models.model_file import ModelCard
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.multilabel import MultiLabel


@dataclass(frozen=True)
class LabelsAnswer:
    """Any number of classes."""

    file: str
    labels: ClassProbabilities  # above the threshold
    top: ClassProbabilities  # the likeliest classes

    @classmethod
    def of(cls, image: CachedImage, predictions: Outputs, request: Request) -> "LabelsAnswer":
        """The classes above the model's threshold, or of `request.min_probability` or more."""
        ranked = rank_classes(
            MultiLabel().activation(predictions[None])[0], request.model_card.classes
        )
        threshold, minimum = request.model_card.threshold, request.min_probability
        at = 0.5 if threshold is None else threshold
        labels = [(c, p) for c, p in ranked if (p > at if minimum is None else p >= minimum)]
        return cls(image.name, labels, ranked[: request.top])

    @staticmethod
    def columns(model_card: ModelCard) -> Sequence[str]:
        """The names of `cells`."""
        return ["labels", "probability"]

    @property
    def as_dict(self) -> dict[str, Any]:
        """labels, top."""
        return {"labels": [label for label, _ in self.labels], "top": round_top(self.top)}

    @property
    def cells(self) -> Sequence[str]:
        """The labels, the probability of the likeliest class."""
        labels = label_cells.BETWEEN.join(label for label, _ in self.labels)
        return (labels, f"{self.top[0][1]:.6f}")

    @property
    def text(self) -> str:
        """The labels with their probabilities, or that there are none, and what else may be."""
        text = ", ".join(f"{label} {probability:.2f}" for label, probability in self.labels) or NONE
        return text + other_classes([pair for pair in self.top if pair not in self.labels])
