"""The debiased exponential mean of training losses, reported as in fastai."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

BETA = 0.98  # fastai's: about the last 50 batches count, 1 / (1 - 0.98)


@dataclass(frozen=True)
class DebiasedEMA:
    """The state after `count` values; a new one has none."""

    total: float = 0.0
    count: int = 0

    def update(self, values: Iterable[float]) -> "DebiasedEMA":
        """The state after adding these values in order."""
        total, count = self.total, self.count
        for value in values:
            total, count = BETA * total + (1 - BETA) * value, count + 1
        return DebiasedEMA(total, count)

    @property
    def value(self) -> float:
        """The debiased mean; NaN without values."""
        return self.total / (1 - BETA**self.count) if self.count else math.nan
