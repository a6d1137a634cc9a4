"""What a picture is to be told: here one class of several.

All that another kind of target would change stands in this module.
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional


def classes(labels: Sequence[str]) -> list[str]:
    """The classes in the order of the network's outputs: sorted by code point, capitals first."""
    return sorted(set(labels))


def encoded(labels: Sequence[str], known: Sequence[str]) -> Int64[Tensor, " image"]:
    """The number of each label's class."""
    number = {label: i for i, label in enumerate(known)}
    return torch.tensor([number[label] for label in labels], dtype=torch.int64)


def loss(
    logits: Float[Tensor, "image class"], labels: Int64[Tensor, " image"], smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats; in float32 at least, whatever the network ran in."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return functional.cross_entropy(wide, labels, label_smoothing=smoothing)


def averaged(
    logits: Float[Tensor, "view image class"], weights: Sequence[float]
) -> Float[Tensor, "image class"]:
    """Logits whose probabilities are the weighted mean of those of the views; weights sum to 1."""
    shares = torch.tensor(weights, device=logits.device).log().view(-1, 1, 1)
    return torch.logsumexp(torch.log_softmax(logits, 2) + shares, 0)


def losses(
    logits: Float[Tensor, "image class"], labels: Int64[Tensor, " image"]
) -> Float[Tensor, " image"]:
    """Cross-entropy of each picture, in nats."""
    return functional.cross_entropy(logits, labels, reduction="none")


def is_wrong(
    logits: Float[Tensor, "image class"], labels: Int64[Tensor, " image"]
) -> Bool[Tensor, " image"]:
    """Whether the likeliest class is another than the label."""
    return logits.argmax(1) != labels


def check_finite(logits: Float[Tensor, "image class"]) -> None:
    """Raise where the outputs for a picture are not all numbers.

    Raises:
        ValueError: with the count.
    """
    lost = int((~logits.isfinite().all(1)).sum())
    if lost:
        raise ValueError(
            f"the model gives no finite outputs for {lost} of {len(logits)} pictures; it is lost: "
            "train it anew, at a lower rate (lr, unfrozen.lr_max) if it diverged"
        )


probabilities = partial(torch.softmax, dim=1)
