"""What a trained model says of each picture, by one view of it or several (test-time augmentation).

Source: fastai 2.8's callback/core.py for `augmented`: a quarter the plain picture, three quarters
the mean of 4 augmented ones, of probabilities.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pawprint import augment, batches, randomness, sampling, targets
from pawprint.augment import Draws, Strengths
from pawprint.cache import Cache
from pawprint.counting import COUNTS, Counted
from pawprint.dataset import Dataset, Part
from pawprint.modelfile import Card
from pawprint.sampling import Size, View

Kind = Literal["none", "flip", "augmented"]
AUGMENTED, PLAIN_SHARE = 4, 0.25


@dataclass(frozen=True)
class Judging:
    """How a model is asked."""

    view: View
    batch_size: int
    tta: Kind
    strengths: Strengths  # of the training's augmentation, for `augmented`
    seed: int  # of its draws
    threshold: float | None = None  # of labels


def how(card: Card, size: Size | None, tta: Kind, batch_size: int) -> Judging:
    """As the model was trained, but for what `evaluate` in params.yaml changes.

    Args:
        card: of the model's file.
        size: px, or HEIGHTxWIDTH; None for the training's.
        tta: the kind of test-time augmentation.
        batch_size: pictures at a time.
    """
    keys = card.params["augment"]
    view = sampling.view(size or card.size, keys)
    return Judging(
        view, batch_size, tta, augment.strengths(keys), card.params["seed"], card.threshold
    )


def views(kind: Kind, n: int, strengths: Strengths, seed: int) -> list[tuple[float, Draws | None]]:
    """Weight and changes of each view of `n` pictures; None is the plain picture.

    Args:
        kind: `flip` adds the mirrored picture, `augmented` four as in training.
        n: pictures.
        strengths: of the training's augmentation, for `augmented`.
        seed: of its draws.
    """
    if kind == "none":
        return [(1.0, None)]
    if kind == "flip":
        plain = augment.neutral(n)
        return [(0.5, None), (0.5, replace(plain, flip=-plain.flip))]
    drawn = [
        augment.drawn(n, strengths, randomness.generator(seed, "tta", i)) for i in range(AUGMENTED)
    ]
    return [(PLAIN_SHARE, None), *(((1 - PLAIN_SHARE) / AUGMENTED, draws) for draws in drawn)]


def predicted(
    network: nn.Module, stored: Cache, part: Part, how: Judging
) -> Float[Tensor, "image output"]:
    """What the network says of `part`: the weighted mean of the views."""
    shares, outputs = [], []
    for share, draws in views(how.tta, len(part), how.strengths, how.seed):
        shares.append(share)
        outputs.append(batches.predicted(network, stored, part, how.view, how.batch_size, draws))
    if len(outputs) == 1:
        return outputs[0]
    return part.kind.averaged(torch.stack(outputs), shares)


def judged(network: nn.Module, data: Dataset, how: Judging) -> dict[str, Counted]:
    """The counts for valid, and for test if there is one.

    Raises:
        ValueError: some outputs are NaN or infinite.
    """
    made = {}
    for split in ("valid", "test"):
        if len(part := data.parts[split]):
            seen = predicted(network, data.cache, part, how)
            targets.check_finite(seen)
            sides, count = data.cache.sides[part.rows], COUNTS[part.kind.name]
            made[split] = count(seen, part.targets, sides, data.classes, how.threshold)
    return made
