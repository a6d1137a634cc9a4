"""What lr_find and the train stages share: device, data and recipe, opened from the same params."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pawprint.models import network
from pawprint.models.model_file import ModelCard
from pawprint.models.network import Network
from pawprint.runtime import distributed
from pawprint.runtime.device import cache_budget, describe_machine, resolve_dtype, setup_device
from pawprint.runtime.tensor_file import versions
from pawprint.training import loop, lr_finder
from pawprint.training.loop import State
from pawprint.training.optimizer import OptimizerConfig, adamw
from pawprint.training.schedule import ExponentialRamp
from pawprint.training.workload import ImageWorkload, Recipe
from pawprint.vision import augment, dataset, loader, resample
from pawprint.vision.dataset import Dataset

GROUPS = 3  # of layers, each with a rate of its own


@dataclass(frozen=True)
class Session:
    """The frame of a phase."""

    device: torch.device
    data: Dataset
    recipe: Recipe
    optimizer: OptimizerConfig

    @property
    def machine(self) -> dict[str, str]:
        """Device, instructions and type, for the record of the run."""
        return describe_machine(self.device, self.recipe.dtype)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return distributed.steps_per_epoch(len(self.data.splits["train"]), self.recipe.batch_size)


def open_session(
    keys: Mapping[str, Any], images: Path, index: Path, labels: Path, device: str, memory: float
) -> Session:
    """The session of these training keys (see params.training).

    Where they ask for several processes, each of them gets here, but the one that starts them.

    Args:
        keys: params by name.
        images: images.npy, from presize.
        index: index.csv, from presize.
        labels: labels.csv.
        device: auto, cpu, cuda or cuda:N.
        memory: share of the device's free memory that the cache may take.
    """
    distributed.launch_or_join(keys["processes"])
    here = setup_device(device, keys["threads"])
    chosen = OptimizerConfig(**keys["optimizer"])
    data = dataset.load_dataset(images, index, labels, here, cache_budget(here, memory))
    recipe = Recipe(
        input_spec=resample.input_spec(keys["size"], keys["augment"]),
        batch_size=keys["batch_size"],
        seed=keys["seed"],
        dtype=resolve_dtype(keys["precision"], here),
        augment_config=augment.augment_config(keys["augment"]),
        smoothing=chosen.label_smoothing,
        target=data.task,
    )
    return Session(here, data, recipe, chosen)


def init_state(session: Session, model: Network) -> State:
    """The network on the device, with an optimizer of what it trains."""
    model.to(session.device)
    network.set_dropout(model, session.optimizer.dropout)
    optimizer = adamw(network.parameter_groups(model), network.is_decayed(model), session.optimizer)
    return loop.init_state(model, optimizer, session.recipe.dtype)


def lr_curve(
    run: Session, model: Network, finder_keys: Mapping[str, Any], phase: str
) -> Iterator[tuple[float, float]]:
    """The finder's curve for this network: rate and smoothed loss, until it diverges.

    Args:
        run: the session.
        network: trained on from where it is; of no use afterwards.
        finder_keys: start, end, steps.
        phase: keys the order and the augmentation.
    """
    schedule = ExponentialRamp(**finder_keys, groups=GROUPS)
    begun, steps = init_state(run, model), finder_keys["steps"]
    workload = ImageWorkload(run.data, run.recipe, phase)
    return lr_finder.smooth_curve(loop.lr_range_test(begun, workload, schedule, steps))


def choose_threshold(session: Session, model: Network) -> float | None:
    """The probability above which a label is said, by valid; None for other kinds of target."""
    data, recipe = session.data, session.recipe
    split, asked = data.splits["valid"], (recipe.input_spec, recipe.batch_size)
    seen = partial(loader.predict, model, data.cache, split, *asked)
    return data.task.threshold(seen, split.targets)


def model_card(session: Session, model: Network, keys: Mapping[str, Any]) -> ModelCard:
    """What the network's file says of it."""
    return ModelCard(
        arch=keys["arch"],
        classes=session.data.classes,
        size=session.recipe.input_spec.size,
        presize=session.data.cache.size,
        mean=list(resample.MEAN),
        std=list(resample.STD),
        params=dict(keys),
        data=session.data.digest,
        versions=versions(),
        target=session.data.task.name,
        threshold=choose_threshold(session, model),
        background=keys["presize"]["background"],
    )
