"""One class per image: softmax and cross-entropy."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn import functional

from pawprint.runtime.device import at_least_float32
from pawprint.vision.augment import BatchTransform

AnyTask = TypeVar("AnyTask")  # the other tasks take some of these methods as they are


@dataclass(frozen=True)
class Classification:
    """One class per image: softmax and cross-entropy, in nats."""

    name: ClassVar[str] = "label"
    metric: ClassVar[str] = "error_rate"
    scale: ClassVar[None] = None
    output_name: ClassVar[str] = "probabilities"
    output_note: ClassVar[str] = ""

    def fit(self: AnyTask, cells: Sequence[str]) -> AnyTask:
        """Nothing of it depends on the training images."""
        return self

    def with_scale(self: AnyTask, scale: Sequence[float] | None) -> AnyTask:
        """It has none."""
        return self

    def chance_loss(self, classes: int) -> float:
        """All classes alike."""
        return math.log(classes)

    def classes(self, cells: Sequence[str]) -> list[str]:
        """Sorted by code point, capitals first."""
        return sorted(set(cells))

    def encode(self, cells: Sequence[str], classes: Sequence[str], image_sizes: Tensor) -> Tensor:
        """The number of each label's class."""
        number = {label: i for i, label in enumerate(classes)}
        return torch.tensor([number[label] for label in cells], dtype=torch.int64)

    def check(self, targets: Tensor, names: Sequence[str], image_sizes: Tensor) -> None:
        """Any class can be any image's."""

    def transform_targets(self, targets: Tensor, transform: BatchTransform) -> Tensor:
        """A class stays what it is, wherever it is."""
        return targets

    def activation(self, outputs: Tensor) -> Tensor:
        """Probabilities."""
        return torch.softmax(outputs, 1)

    def decode(self, outputs: Tensor, transform: BatchTransform) -> Tensor:
        """The logits."""
        return outputs

    def average_views(self, predictions: Tensor, weights: Sequence[float]) -> Tensor:
        """Logits whose probabilities are the mean of those of the views."""
        logs = torch.tensor(weights, device=predictions.device).log().view(-1, 1, 1)
        return torch.logsumexp(torch.log_softmax(predictions, 2) + logs, 0)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean cross-entropy."""
        return functional.cross_entropy(
            at_least_float32(outputs), targets, label_smoothing=smoothing
        )

    def per_image_loss(self, predictions: Tensor, targets: Int64[Tensor, " image"]) -> Tensor:
        """Cross-entropy of each image."""
        return functional.cross_entropy(at_least_float32(predictions), targets, reduction="none")

    def metric_value(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """The share of images whose likeliest class is another than the label."""
        return (predictions.argmax(1) != targets).float().mean()

    def threshold(self, predictions: Callable[[], Tensor], targets: Tensor) -> float | None:
        """The likeliest class is the answer, whatever its probability."""
        return None
