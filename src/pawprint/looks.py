"""How a target looks to a person: a caption below the picture, or a mark in it."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pawprint import points

Marks = Float[Tensor, "image point 2"]  # places in [-1, 1] of the picture as it is shown
Looks = tuple[list[str], Marks]


def named(wanted: Tensor, classes: Sequence[str]) -> Looks:
    """The class."""
    return [classes[number] for number in wanted.tolist()], unmarked(len(wanted))


def tagged(wanted: Tensor, classes: Sequence[str]) -> Looks:
    """The classes that are there."""
    captions = [
        ", ".join(label for label, there in zip(classes, row, strict=True) if there) or "none"
        for row in wanted.tolist()
    ]
    return captions, unmarked(len(wanted))


def placed(wanted: Tensor, classes: Sequence[str]) -> Looks:
    """Crosses in the picture."""
    return [""] * len(wanted), points.pairs(wanted.cpu())


def unmarked(n: int) -> Marks:
    """No marks in `n` pictures."""
    return torch.zeros(n, 0, 2)


LOOKS: dict[str, Callable[[Tensor, Sequence[str]], Looks]] = {
    "label": named,
    "labels": tagged,
    "points": placed,
}
