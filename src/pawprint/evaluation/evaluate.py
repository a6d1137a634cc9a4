"""What a trained model says of each image, by one view of it or several (test-time augmentation).

Source: fastai 2.8's callback/core.py for `augmented`: a quarter the plain image, three quarters
the mean of 4 augmented ones, of probabilities.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pawprint.evaluation.context import EvalContext
from pawprint.evaluation.results import RESULTS, EvalResult
from pawprint.models.model_file import ModelCard
from pawprint.runtime import rng
from pawprint.vision import augment, loader
from pawprint.vision.augment import AugmentConfig, AugmentParams
from pawprint.vision.dataset import Dataset, Split
from pawprint.vision.image_cache import ImageCache
from pawprint.vision.resample import InputSpec, Size
from pawprint.vision.task import check_finite

Tta = Literal["none", "flip", "augmented"]
N_AUGMENTED, PLAIN_WEIGHT = 4, 0.25


@dataclass(frozen=True)
class EvalConfig:
    """How a model is asked."""

    input_spec: InputSpec
    batch_size: int
    tta: Tta
    augment_config: AugmentConfig  # of the training's augmentation, for `augmented`
    seed: int  # of its draws
    threshold: float | None = None  # of labels


def eval_config(model_card: ModelCard, size: Size | None, tta: Tta, batch_size: int) -> EvalConfig:
    """As the model was trained, but for what `evaluate` in params.yaml changes.

    Args:
        model_card: of the model's file.
        size: px, or HEIGHTxWIDTH; None for the training's.
        tta: the kind of test-time augmentation.
        batch_size: images at a time.
    """
    return EvalConfig(
        eval_input_spec(model_card, size),
        batch_size,
        tta,
        augment.augment_config(model_card.augment),
        model_card.params["seed"],
        model_card.threshold,
    )


def eval_input_spec(model_card: ModelCard, size: Size | None) -> InputSpec:
    """As the model was trained, but for a `size` of evaluate's own."""
    return InputSpec(size or model_card.size, model_card.supersample)


def tta_views(
    tta: Tta, n: int, augment_config: AugmentConfig, seed: int
) -> list[tuple[float, AugmentParams | None]]:
    """Weight and changes of each view of `n` images; None is the plain image.

    Args:
        tta: `flip` adds the mirrored image, `augmented` four as in training.
        n: images.
        augment_config: of the training's augmentation, for `augmented`.
        seed: of its draws.
    """
    if tta == "none":
        return [(1.0, None)]
    if tta == "flip":
        plain = augment.identity_params(n)
        return [(0.5, None), (0.5, replace(plain, flip=-plain.flip))]
    drawn = [
        augment.sample_params(n, augment_config, rng.generator(seed, "tta", i))
        for i in range(N_AUGMENTED)
    ]
    weight = (1 - PLAIN_WEIGHT) / N_AUGMENTED
    return [(PLAIN_WEIGHT, None), *((weight, draws) for draws in drawn)]


def predict_views(
    model: nn.Module, cache: ImageCache, split: Split, config: EvalConfig
) -> Float[Tensor, "image output"]:
    """What the network says of `split`: the weighted mean of the views."""
    weights, outputs = [], []
    for weight, draws in tta_views(config.tta, len(split), config.augment_config, config.seed):
        weights.append(weight)
        outputs.append(
            loader.predict(model, cache, split, config.input_spec, config.batch_size, draws)
        )
    if len(outputs) == 1:
        return outputs[0]
    return split.task.average_views(torch.stack(outputs), weights)


def evaluate(model: nn.Module, data: Dataset, config: EvalConfig) -> dict[str, EvalResult]:
    """The counts for valid, and for test if there is one.

    Raises:
        ValueError: some outputs are NaN or infinite.
    """
    by_split = {}
    for name in ("valid", "test"):
        if len(split := data.splits[name]):
            predictions = predict_views(model, data.cache, split, config)
            check_finite(predictions)
            image_sizes = data.cache.image_sizes[split.rows]
            context = EvalContext(
                split.task, data.classes, split.cells, image_sizes, config.threshold
            )
            by_split[name] = RESULTS[split.task.name](predictions, split.targets, context)
    return by_split
