"""Any number of classes per image: sigmoids and binary cross-entropy."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from pawprint.core import label_cells
from pawprint.runtime.device import at_least_float32
from pawprint.vision.classification import Classification

THRESHOLDS = tuple(round(i / 100, 2) for i in range(1, 100))


@dataclass(frozen=True)
class MultiLabel:
    """Any number of classes per image: a sigmoid and binary cross-entropy for each, in nats."""

    name: ClassVar[str] = "labels"
    metric: ClassVar[str] = "accuracy_multi"
    scale: ClassVar[None] = None
    output_name: ClassVar[str] = "probabilities"
    output_note: ClassVar[str] = ""

    def chance_loss(self, classes: int) -> float:
        """Each class as likely as not."""
        return math.log(2)

    def classes(self, cells: Sequence[str]) -> list[str]:
        """Sorted by code point, capitals first."""
        return sorted({label for cell in cells for label in label_cells.classes(cell, self.name)})

    def encode(self, cells: Sequence[str], classes: Sequence[str], image_sizes: Tensor) -> Tensor:
        """1 for each class that is there, 0 for the others."""
        here = [set(label_cells.classes(cell, self.name)) for cell in cells]
        rows = [[float(label in labels) for label in classes] for labels in here]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(cells), len(classes))

    fit, with_scale = Classification.fit, Classification.with_scale
    check, decode = Classification.check, Classification.decode
    transform_targets = Classification.transform_targets

    def activation(self, outputs: Tensor) -> Tensor:
        """A probability for each class, of its own."""
        return outputs.sigmoid()

    def average_views(self, predictions: Tensor, weights: Sequence[float]) -> Tensor:
        """Logits whose probabilities are the mean of those of the views."""
        scale = torch.tensor(weights, dtype=predictions.dtype, device=predictions.device).view(
            -1, 1, 1
        )
        return (predictions.sigmoid() * scale).sum(0).clamp(1e-7, 1 - 1e-7).logit()

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean over all cells; smoothing moves each target to 0.5 by that share."""
        smoothed = targets * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(at_least_float32(outputs), smoothed)

    def per_image_loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """The mean over the classes."""
        return functional.binary_cross_entropy_with_logits(
            at_least_float32(predictions),
            targets.to(at_least_float32(predictions).dtype),
            reduction="none",
        ).mean(1)

    def metric_value(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """The share of cells that are right at a threshold of 0.5."""
        return ((predictions > 0) == (targets > 0)).float().mean()

    def threshold(self, predictions: Callable[[], Tensor], targets: Tensor) -> float | None:
        """Where most cells are right."""
        outputs = predictions().cpu().double()  # MPS has no float64
        return best_threshold(self.activation(outputs), targets.cpu() > 0)


def accuracies(
    probabilities: Float[Tensor, "image class"], there: Bool[Tensor, "image class"]
) -> dict[float, float]:
    """By threshold, the share of cells for which `probability > threshold` is right."""
    return {at: ((probabilities > at) == there).double().mean().item() for at in THRESHOLDS}


def best_threshold(
    probabilities: Float[Tensor, "image class"], there: Bool[Tensor, "image class"]
) -> float:
    """The threshold at which most cells are right; of equal ones that which is nearest to 0.5."""
    accuracy_at = accuracies(probabilities, there)
    return max(THRESHOLDS, key=lambda at: (accuracy_at[at], -abs(at - 0.5)))
