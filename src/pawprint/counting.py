"""What evaluate counts, for each kind of target in its own way, in the same files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from pawprint import metrics, placing, tagging
from pawprint.metrics import Predictions

COLUMNS = ("name", "actual", "predicted", "probability", "loss")  # of `rows`
PAIRS = ("actual", "predicted", "count")  # of `most_confused`
SWEPT = ("threshold", "accuracy_multi", "micro_f1", "macro_f1")  # of `sweep`


@runtime_checkable
class Counted(Protocol):
    """One side of the split, judged."""

    @property
    def loss(self) -> Float64[np.ndarray, " image"]:
        """Of each picture."""

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""

    def scalars(self, bins: int) -> dict[str, float | int]:
        """The metrics of reports/evaluate.json."""

    def rows(self, names: Sequence[str]) -> Sequence[Sequence[Any]]:
        """COLUMNS of each picture."""

    def per_class(self) -> Sequence[Sequence[Any]]:
        """A row for each class; none where there are no classes."""

    def most_confused(self) -> Sequence[Sequence[Any]]:
        """PAIRS, most frequent first; none where no class is taken for another."""

    def sweep(self) -> Sequence[Sequence[Any]]:
        """SWEPT; none where nothing has a threshold."""


@dataclass(frozen=True)
class Named:
    """One class a picture."""

    made: Predictions
    classes: Sequence[str]

    @property
    def loss(self) -> Float64[np.ndarray, " image"]:
        """Cross-entropy, nats."""
        return self.made.loss

    @property
    def scores(self) -> Sequence[str]:
        """The columns of `per_class`."""
        return metrics.SCORES

    def scalars(self, bins: int) -> dict[str, float | int]:
        """As metrics.scalars."""
        return metrics.scalars(self.made, bins)

    def rows(self, names: Sequence[str]) -> Sequence[Sequence[Any]]:
        """As metrics.rows."""
        return metrics.rows(self.made, names, self.classes)

    def per_class(self) -> Sequence[Sequence[Any]]:
        """As metrics.per_class."""
        return metrics.per_class(self.made, self.classes)

    def most_confused(self) -> Sequence[Sequence[Any]]:
        """As metrics.most_confused."""
        return metrics.most_confused(self.made, self.classes)

    def sweep(self) -> Sequence[Sequence[Any]]:
        """None: the likeliest class is the answer."""
        return []


def named(
    seen: Tensor, wanted: Tensor, sides: Tensor, classes: Sequence[str], threshold: float | None
) -> Counted:
    """The counts of single labels."""
    return Named(metrics.predictions(seen, wanted), classes)


# by kind, from what was seen, the targets, the pictures' sides in px, the classes, the threshold
COUNTS: dict[str, Callable[[Tensor, Tensor, Tensor, Sequence[str], float | None], Counted]] = {
    "label": named,
    "labels": tagging.tagged,
    "points": placing.placed,
}


def summary(made: Mapping[str, Counted], bins: int) -> dict[str, float | int]:
    """The scalars of valid, and those of test, if there is one, as test_*."""
    found = made["valid"].scalars(bins)
    if "test" in made:
        found |= {f"test_{name}": value for name, value in made["test"].scalars(bins).items()}
    return found


def top_losses(losses: Float64[np.ndarray, " image"], k: int) -> list[int]:
    """Rows of the k largest losses, or of all if there are fewer, largest first."""
    return [int(row) for row in np.argsort(-losses, kind="stable")[:k]]
