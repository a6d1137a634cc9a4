"""What predict says of an image that has one class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pawprint.inference.request import Outputs, Request
from pawprint.models.model_file import ModelCard
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.classification import Classification

NONE = "none of these"
ClassProbabilities = list[tuple[str, float]]  # classes with their probabilities, likeliest first


@dataclass(frozen=True)
class ClassAnswer:
    """One class."""

    file: str
    label: str | None  # None: no class reaches the least probability
    probability: float  # 0-1, of the likeliest class
    top: ClassProbabilities  # the likeliest classes

    @classmethod
    def of(cls, image: CachedImage, predictions: Outputs, request: Request) -> "ClassAnswer":
        """The likeliest class, if its probability is `request.min_probability` or more."""
        ranked = rank_classes(
            Classification().activation(predictions[None])[0], request.model_card.classes
        )
        label, probability = ranked[0]
        return cls(
            image.name,
            label if probability >= (request.min_probability or 0) else None,
            probability,
            ranked[: request.top],
        )

    @staticmethod
    def columns(model_card: ModelCard) -> Sequence[str]:
        """The names of `cells`."""
        return ["label", "probability"]

    @property
    def as_dict(self) -> dict[str, Any]:
        """label, probability, top."""
        return {
            "label": self.label,
            "probability": round(self.probability, 6),
            "top": round_top(self.top),
        }

    @property
    def cells(self) -> Sequence[str]:
        """label, probability."""
        return (self.label or "", f"{self.probability:.6f}")

    @property
    def text(self) -> str:
        """The label, its probability, what else it may be."""
        return f"{self.label or NONE} {self.probability:.2f}{other_classes(self.top[1:])}"


def rank_classes(probabilities: Outputs, classes: Sequence[str]) -> ClassProbabilities:
    """All classes, likeliest first."""
    values, order = probabilities.sort(descending=True)
    return [(classes[i], p) for i, p in zip(order.tolist(), values.tolist(), strict=True)]


def round_top(top: ClassProbabilities) -> list[list[str | float]]:
    """Six decimals."""
    return [[label, round(probability, 6)] for label, probability in top]


def other_classes(rest: ClassProbabilities) -> str:
    """What else it may be, in brackets."""
    text = ", ".join(f"{label} {probability:.2f}" for label, probability in rest)
    return f"  ({text})" if text else ""
