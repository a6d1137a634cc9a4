"""What lr_find and the train stages open once: the image pipeline's device, data and recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pawprint.core.params import TrainParams
from pawprint.models import model_file, network
from pawprint.models.model_file import ModelCard
from pawprint.models.network import Network
from pawprint.runtime import distributed
from pawprint.runtime.device import cache_budget, describe_machine, resolve_dtype, setup_device
from pawprint.runtime.tensor_file import versions
from pawprint.training import loop
from pawprint.training.loop import State
from pawprint.training.optimizer import OptimizerConfig, adamw
from pawprint.training.workload import ImageWorkload, Recipe
from pawprint.vision import augment, dataset, loader, resample
from pawprint.vision.dataset import Dataset
from pawprint.vision.resample import InputSpec

GROUPS = 3  # of layers, each with a learning rate of its own


@dataclass(frozen=True)
class ImageSession:
    """A phase.Session for images."""

    device: torch.device
    data: Dataset
    recipe: Recipe
    optimizer: OptimizerConfig
    arch: str
    dropout: float = 0.5  # of the head

    @property
    def machine(self) -> dict[str, str]:
        """Device, instructions and dtype, for the record of the run."""
        return describe_machine(self.device, self.recipe.dtype)

    @property
    def facts(self) -> dict[str, int]:
        """The cache's size: index.csv has the files' hashes, not what presize.size made of them."""
        return {"cache": self.data.cache.size}

    def workload(self, phase: str) -> ImageWorkload:
        """The workload of this phase; its name keys the order and the augmentation."""
        return ImageWorkload(self.data, self.recipe, phase)

    def init_state(self, model: nn.Module) -> State:
        """The model on the device, with an optimizer of its trainable parameters."""
        assert isinstance(model, Network)
        model.to(self.device)
        network.set_dropout(model, self.dropout)  # model files do not hold it
        groups, decayed = network.parameter_groups(model), network.decay_by_parameter(model)
        return loop.init_state(model, adamw(groups, decayed, self.optimizer), self.recipe.dtype)

    def write_model(
        self, path: Path, model: nn.Module, declared: Mapping[str, Any], max_lrs: Sequence[float]
    ) -> None:
        """Write the model file; its card has what it was trained with."""
        assert isinstance(model, Network)
        params = {**declared, "peaks": list(max_lrs)}  # the name that model files have
        model_file.write(path, model, self._model_card(model, params))

    def _model_card(self, model: Network, params: dict[str, Any]) -> ModelCard:
        scale = self.data.task.scale
        return ModelCard(
            arch=self.arch,
            classes=self.data.classes,
            size=self.recipe.input_spec.size,
            presize=self.data.cache.size,
            mean=list(resample.MEAN),
            std=list(resample.STD),
            params=params,
            data=self.data.digest,
            versions=versions(),
            target=self.data.task.name,
            scale=None if scale is None else [*scale],
            threshold=self._choose_threshold(model),
            background=params["presize"]["background"],
        )

    def _choose_threshold(self, model: Network) -> float | None:
        """The probability above which a label is predicted, chosen on valid; or None."""
        split, recipe = self.data.splits["valid"], self.recipe
        how = (recipe.input_spec, recipe.batch_size)
        predict = partial(loader.predict, model, self.data.cache, split, *how)
        return self.data.task.threshold(predict, split.targets)


def open_session(
    params: TrainParams,
    images: Path,
    blocks: Path,
    index: Path,
    labels: Path,
    device: str,
    memory: float,
) -> ImageSession:
    """The session of these training keys.

    If they ask for several processes, this one starts them and exits (SystemExit).

    Args:
        params: the training keys.
        images: the folder of blocks, from presize.
        blocks: blocks.csv, from presize.
        index: index.csv, from presize.
        labels: labels.csv.
        device: auto, cpu, cuda, cuda:N or mps.
        memory: fraction of the device's free memory that the cache may take.
    """
    # first: a process that only starts the others ends here, before it takes a GPU's memory
    distributed.launch_or_join(params.processes)
    torch_device = setup_device(device, params.threads)
    budget = cache_budget(torch_device, memory)
    recipe = Recipe(
        input_spec=InputSpec(params.size, params.augment.supersample),
        batch_size=params.batch_size,
        seed=params.seed,
        dtype=resolve_dtype(params.precision, torch_device),
        augment_config=augment.augment_config(params.augment),
        smoothing=params.optimizer.label_smoothing,
    )
    data = dataset.load_dataset(images, blocks, index, labels, torch_device, budget)
    keys = params.optimizer
    optimizer = OptimizerConfig(keys.weight_decay, keys.beta2, keys.eps)
    return ImageSession(torch_device, data, recipe, optimizer, params.arch, keys.dropout)
