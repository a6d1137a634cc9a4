"""Images for the loop: how to draw a batch, compute a step and score valid."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pawprint.runtime import distributed
from pawprint.vision import loader
from pawprint.vision.augment import AugmentConfig
from pawprint.vision.dataset import Dataset, Split
from pawprint.vision.loader import Batch
from pawprint.vision.resample import InputSpec


@dataclass(frozen=True)
class Recipe:
    """How images become batches, and batches steps; the same for all phases."""

    input_spec: InputSpec
    batch_size: int
    seed: int
    dtype: torch.dtype  # of autocast
    augment_config: AugmentConfig
    smoothing: float  # of the labels


@dataclass(frozen=True)
class ImageWorkload:
    """A loop.Workload for images."""

    data: Dataset
    recipe: Recipe
    phase: str

    @property
    def seed(self) -> int:
        """The seed of the order, augmentation and dropout."""
        return self.recipe.seed

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of autocast."""
        return self.recipe.dtype

    @property
    def metric(self) -> str:
        """The task's metric."""
        return self.data.task.metric

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches per epoch."""
        return distributed.steps_per_epoch(len(self.data.splits["train"]), self.recipe.batch_size)

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        """Every image of train once, augmented and shuffled."""
        recipe = self.recipe
        return loader.train_batches(
            *(self.data.cache, self.data.splits["train"], recipe.augment_config),
            *(recipe.input_spec, recipe.batch_size),
            *(recipe.seed, self.phase, epoch),
        )

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """The mean loss of a batch."""
        return self.data.task.loss(outputs, targets, self.recipe.smoothing)

    def valid_batches(self) -> Iterator[Batch]:
        """This process's share of valid: plain centre squares, in order."""
        _, split = self._valid_shard()
        recipe = self.recipe
        return loader.eval_batches(self.data.cache, split, recipe.input_spec, recipe.batch_size)

    def score(self, outputs: Tensor) -> tuple[float, float]:
        """Mean loss and metric on all of valid."""
        rows, shard = self._valid_shard()
        task, valid = self.data.task, self.data.splits["valid"]
        transform = loader.eval_transform(self.data.cache, shard, self.recipe.input_spec)
        predictions = task.decode(outputs, transform)
        predictions = distributed.gather_rows(predictions, rows, len(valid))
        loss = task.per_image_loss(predictions, valid.targets).mean()
        return loss.item(), task.metric_value(predictions, valid.targets).item()

    def _valid_shard(self) -> tuple[Tensor, Split]:
        """This process's share of valid: the rows, and their images."""
        valid = self.data.splits["valid"]
        rows = distributed.shard(torch.arange(len(valid)))
        return rows, valid.subset(rows.tolist())
