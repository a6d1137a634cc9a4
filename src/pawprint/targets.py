"""What a picture is to be told: one class of several, any number of classes, or points in it.

All that differs between the three in training stands here and in points.py; what evaluate counts
of each, in counting.py; how it is shown and said, in looks.py, mistakes.py and answers.py.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor
from torch.nn import functional

from pawprint import cells
from pawprint.augment import Maps
from pawprint.points import Points
from pawprint.precision import wide

THRESHOLDS = tuple(round(i / 100, 2) for i in range(1, 100))
Outputs = Float[Tensor, "image output"]
Losses = Float[Tensor, " image"]


@runtime_checkable
class Kind(Protocol):
    """One kind. `outputs` are the network's, `seen` what they say of the whole picture."""

    @property
    def name(self) -> str:
        """The column of labels.csv."""

    @property
    def metric(self) -> str:
        """The column of the tables of epochs."""

    @property
    def excludes(self) -> bool:
        """Whether one class is taken for another."""

    @property
    def least(self) -> int:
        """Fewest classes with which there is anything to learn."""

    def guessed(self, classes: int) -> float:
        """The loss of a network that knows nothing."""

    def classes(self, known: Sequence[str]) -> list[str]:
        """The names of the network's outputs, in order, from the cells of train."""

    def encoded(
        self, known: Sequence[str], classes: Sequence[str], sides: Float32[Tensor, "image 2"]
    ) -> Tensor:
        """The targets of these cells; `sides`: width and height of the pictures, px."""

    def check(
        self, targets: Tensor, names: Sequence[str], sides: Float32[Tensor, "image 2"]
    ) -> None:
        """Raise where a data set's target cannot be one of its picture."""

    def moved(self, targets: Tensor, maps: Maps) -> Tensor:
        """The targets as the network sees the pictures through these maps."""

    def activated(self, outputs: Outputs) -> Outputs:
        """The outputs as numbers for a person: probabilities, or places in [-1, 1]."""

    def seen(self, outputs: Outputs, maps: Maps) -> Outputs:
        """What the outputs say of the whole picture: the inverse of `moved`, for judging."""

    def averaged(
        self, seen: Float[Tensor, "view image output"], shares: Sequence[float]
    ) -> Outputs:
        """The weighted mean of several views; shares sum to 1."""

    def loss(self, outputs: Outputs, targets: Tensor, smoothing: float) -> Float[Tensor, ""]:
        """Mean loss of a training batch; in float32 at least, whatever the network ran in."""

    def losses(self, seen: Outputs, targets: Tensor) -> Losses:
        """The loss of each picture, without smoothing."""

    def measured(self, seen: Outputs, targets: Tensor) -> Float[Tensor, ""]:
        """The metric."""

    def threshold(self, seen: Callable[[], Outputs], targets: Tensor) -> float | None:
        """The probability above which a label counts, chosen on valid; None: there is none."""


@dataclass(frozen=True)
class Label:
    """One class a picture: softmax and cross-entropy, in nats."""

    name: ClassVar[str] = "label"
    metric: ClassVar[str] = "error_rate"
    excludes: ClassVar[bool] = True
    least: ClassVar[int] = 2

    def guessed(self, classes: int) -> float:
        """All classes alike."""
        return math.log(classes)

    def classes(self, known: Sequence[str]) -> list[str]:
        """Sorted by code point, capitals first."""
        return sorted(set(known))

    def encoded(self, known: Sequence[str], classes: Sequence[str], sides: Tensor) -> Tensor:
        """The number of each label's class."""
        number = {label: i for i, label in enumerate(classes)}
        return torch.tensor([number[label] for label in known], dtype=torch.int64)

    def check(self, targets: Tensor, names: Sequence[str], sides: Tensor) -> None:
        """Any class can be any picture's."""

    def moved(self, targets: Tensor, maps: Maps) -> Tensor:
        """A class stays what it is, wherever it is."""
        return targets

    def activated(self, outputs: Tensor) -> Tensor:
        """Probabilities."""
        return torch.softmax(outputs, 1)

    def seen(self, outputs: Tensor, maps: Maps) -> Tensor:
        """The logits."""
        return outputs

    def averaged(self, seen: Tensor, shares: Sequence[float]) -> Tensor:
        """Logits whose probabilities are the mean of those of the views."""
        logs = torch.tensor(shares, device=seen.device).log().view(-1, 1, 1)
        return torch.logsumexp(torch.log_softmax(seen, 2) + logs, 0)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean cross-entropy."""
        return functional.cross_entropy(wide(outputs), targets, label_smoothing=smoothing)

    def losses(self, seen: Tensor, targets: Int64[Tensor, " image"]) -> Tensor:
        """Cross-entropy of each picture."""
        return functional.cross_entropy(wide(seen), targets, reduction="none")

    def measured(self, seen: Tensor, targets: Tensor) -> Tensor:
        """The share of pictures whose likeliest class is another than the label."""
        return (seen.argmax(1) != targets).float().mean()

    def threshold(self, seen: Callable[[], Tensor], targets: Tensor) -> float | None:
        """The likeliest class is the answer, whatever its probability."""
        return None


@dataclass(frozen=True)
class Labels:
    """Any number of classes a picture: a sigmoid and binary cross-entropy for each, in nats."""

    name: ClassVar[str] = "labels"
    metric: ClassVar[str] = "accuracy_multi"
    excludes: ClassVar[bool] = False
    least: ClassVar[int] = 1

    def guessed(self, classes: int) -> float:
        """Each class as likely as not."""
        return math.log(2)

    def classes(self, known: Sequence[str]) -> list[str]:
        """Sorted by code point, capitals first."""
        return sorted({label for cell in known for label in cells.classes(cell, self.name)})

    def encoded(self, known: Sequence[str], classes: Sequence[str], sides: Tensor) -> Tensor:
        """1 for each class that is there, 0 for the others."""
        here = [set(cells.classes(cell, self.name)) for cell in known]
        rows = [[float(label in labels) for label in classes] for labels in here]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(known), len(classes))

    check, moved, seen = Label.check, Label.moved, Label.seen

    def activated(self, outputs: Tensor) -> Tensor:
        """A probability for each class, of its own."""
        return outputs.sigmoid()

    def averaged(self, seen: Tensor, shares: Sequence[float]) -> Tensor:
        """Logits whose probabilities are the mean of those of the views."""
        weights = torch.tensor(shares, dtype=seen.dtype, device=seen.device).view(-1, 1, 1)
        return (seen.sigmoid() * weights).sum(0).clamp(1e-7, 1 - 1e-7).logit()

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean over all cells; smoothing moves each target to 0.5 by that share."""
        smoothed = targets * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(wide(outputs), smoothed)

    def losses(self, seen: Tensor, targets: Tensor) -> Tensor:
        """The mean over the classes."""
        return functional.binary_cross_entropy_with_logits(
            wide(seen), targets.to(wide(seen).dtype), reduction="none"
        ).mean(1)

    def measured(self, seen: Tensor, targets: Tensor) -> Tensor:
        """The share of cells that are right at a threshold of 0.5."""
        return ((seen > 0) == (targets > 0)).float().mean()

    def threshold(self, seen: Callable[[], Tensor], targets: Tensor) -> float | None:
        """Where most cells are right."""
        return best(self.activated(seen().double()), targets > 0)


KINDS: dict[str, Kind] = {kind.name: kind for kind in (Label(), Labels(), Points())}


def accuracies(
    shares: Float[Tensor, "image class"], there: Bool[Tensor, "image class"]
) -> dict[float, float]:
    """By threshold, the share of cells for which `share > threshold` is right."""
    return {at: ((shares > at) == there).double().mean().item() for at in THRESHOLDS}


def best(shares: Float[Tensor, "image class"], there: Bool[Tensor, "image class"]) -> float:
    """The threshold at which most cells are right; of equal ones that which is nearest to 0.5."""
    found = accuracies(shares, there)
    return max(THRESHOLDS, key=lambda at: (found[at], -abs(at - 0.5)))


def check_finite(outputs: Float[Tensor, "image output"]) -> None:
    """Raise where the outputs for a picture are not all numbers.

    Raises:
        ValueError: with the count.
    """
    lost = int((~outputs.isfinite().all(1)).sum())
    if lost:
        raise ValueError(
            f"the model gives no finite outputs for {lost} of {len(outputs)} pictures; it is lost: "
            "train it anew, at a lower rate (lr, unfrozen.lr_max) if it diverged"
        )
