"""Numbers as losses are computed in: whatever the network ran in, not below float32."""

import torch
from torch import Tensor


def wide(values: Tensor) -> Tensor:
    """In float64 where they are, else in float32."""
    return values if values.dtype == torch.float64 else values.float()
