"""How a target looks to a person: a caption below the picture, or a mark in it."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pawprint.vision import keypoints

Marks = Float[Tensor, "image point 2"]  # places in [-1, 1] of the picture as it is shown
Display = tuple[list[str], Marks]


def class_display(targets: Tensor, classes: Sequence[str]) -> Display:
    """The class."""
    return [classes[number] for number in targets.tolist()], no_marks(len(targets))


def labels_display(targets: Tensor, classes: Sequence[str]) -> Display:
    """The classes that are there."""
    captions = [
        ", ".join(label for label, there in zip(classes, row, strict=True) if there) or "none"
        for row in targets.tolist()
    ]
    return captions, no_marks(len(targets))


def points_display(targets: Tensor, classes: Sequence[str]) -> Display:
    """Crosses in the picture."""
    return [""] * len(targets), keypoints.as_points(targets.cpu())


def no_marks(n: int) -> Marks:
    """No marks in `n` pictures."""
    return torch.zeros(n, 0, 2)


DISPLAYS: dict[str, Callable[[Tensor, Sequence[str]], Display]] = {
    "label": class_display,
    "labels": labels_display,
    "points": points_display,
}
