"""Pictures for the loop: how a batch is drawn, what a step computes, how valid is judged."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pawprint.runtime import distributed
from pawprint.runtime.device import autocast
from pawprint.vision import loader
from pawprint.vision.augment import AugmentConfig
from pawprint.vision.dataset import Dataset, Split
from pawprint.vision.image_cache import ImageCache
from pawprint.vision.loader import Batch
from pawprint.vision.resample import InputSpec
from pawprint.vision.task import Task


@dataclass(frozen=True)
class Recipe:
    """How a picture becomes a batch, and a batch a step; the same for all phases."""

    input_spec: InputSpec
    batch_size: int
    seed: int
    dtype: torch.dtype  # of autocast
    augment_config: AugmentConfig
    smoothing: float  # of the labels
    target: Task

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """The mean loss of a batch."""
        return self.target.loss(outputs, targets, self.smoothing)


@dataclass(frozen=True)
class ImageWorkload:
    """The task on pictures."""

    data: Dataset
    recipe: Recipe
    phase: str

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return distributed.steps_per_epoch(len(self.data.splits["train"]), self.recipe.batch_size)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The training batches of one epoch."""
        data, recipe, key = self.data, self.recipe, (self.recipe.seed, self.phase, epoch)
        asked = (recipe.augment_config, recipe.input_spec, recipe.batch_size)
        return loader.train_batches(data.cache, data.splits["train"], *asked, *key)

    def validate(self, model: nn.Module) -> tuple[float, float]:
        """Mean loss and metric of valid."""
        return validate(model, self.data.cache, self.data.splits["valid"], self.recipe)


@torch.no_grad()
def validate(
    model: nn.Module, cache: ImageCache, split: Split, recipe: Recipe
) -> tuple[float, float]:
    """Mean loss and metric of `part`, by the network in evaluation mode."""
    rows = distributed.shard(torch.arange(len(split)))
    with autocast(cache.device, recipe.dtype):
        own = split.subset(rows.tolist())
        predictions = loader.predict(model, cache, own, recipe.input_spec, recipe.batch_size)
    predictions = distributed.gather_rows(predictions, rows, len(split))
    loss = recipe.target.per_image_loss(predictions, split.targets).mean()
    return loss.item(), recipe.target.metric_value(predictions, split.targets).item()
