"""What a model says of a new image, in words: for each kind of target in its own."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from pawprint.core import label_cells
from pawprint.models.model_file import ModelCard
from pawprint.storage import sanitize
from pawprint.vision import keypoints
from pawprint.vision.cache_writer import CachedImage
from pawprint.vision.classification import Classification
from pawprint.vision.multilabel import MultiLabel

NONE = "none of these"
Outputs = Float[Tensor, " output"]  # of one image
ClassProbabilities = list[tuple[str, float]]  # classes with their probabilities, likeliest first


@dataclass(frozen=True)
class Request:
    """What is asked of a model."""

    model_card: ModelCard
    top: int  # classes to name
    min_probability: float | None  # below which there is no label; None: the model's threshold


@runtime_checkable
class Answer(Protocol):
    """One image's."""

    @property
    def file(self) -> str:
        """The image."""

    @property
    def as_dict(self) -> dict[str, Any]:
        """What JSON says of it, beside `file`."""

    @property
    def cells(self) -> Sequence[str]:
        """What a CSV says of it, beside `file`."""

    @property
    def text(self) -> str:
        """What a person reads of it."""


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


@dataclass(frozen=True)
class PointsAnswer:
    """Points in the image."""

    file: str
    points: list[tuple[float, float]]  # x, y in px of the original

    @classmethod
    def of(cls, image: CachedImage, predictions: Outputs, request: Request) -> "PointsAnswer":
        """The places in pixels.

        Raises:
            ValueError: a least probability is asked for.
        """
        if request.min_probability is not None:
            raise ValueError(
                "this model predicts points, which have no probability; leave out --min-probability"
            )
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


ANSWERS: dict[str, type[ClassAnswer] | type[LabelsAnswer] | type[PointsAnswer]] = {
    "label": ClassAnswer,
    "labels": LabelsAnswer,
    "points": PointsAnswer,
}


def header(model_card: ModelCard) -> str:
    """The names of what `as_csv` gives."""
    return ",".join(["file", *ANSWERS[model_card.target].columns(model_card)])


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


def as_json(answer: Answer, is_ascii: bool = False) -> str:
    """One object; if `is_ascii`, in letters that every encoding has."""
    return json.dumps({"file": answer.file, **answer.as_dict}, ensure_ascii=is_ascii)


def as_csv(answer: Answer) -> str:
    """One line.

    A name that a spreadsheet would run as a formula gets a `./` in front: the same file.
    """
    line = io.StringIO()
    name = f"./{answer.file}" if sanitize.FORMULA.match(answer.file) else answer.file
    csv.writer(line, lineterminator="\n").writerow((name, *answer.cells))
    return line.getvalue()[:-1]


def as_text(answer: Answer) -> str:
    """One line for a person."""
    name = answer.file if answer.file.isprintable() else repr(answer.file)
    return f"{name}  {answer.text}"
