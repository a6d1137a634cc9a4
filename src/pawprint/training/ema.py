"""The debiased exponential mean in which training losses are reported, as fastai does."""

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
        """The state once these values, in order, have come in."""
        total, count = self.total, self.count
        for value in values:
            total, count = BETA * total + (1 - BETA) * value, count + 1
        return DebiasedEMA(total, count)

    @property
    def value(self) -> float:
        """The mean, as if the values before the first had not been; NaN of none."""
        return self.total / (1 - BETA**self.count) if self.count else math.nan
