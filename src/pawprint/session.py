"""What lr_find and the train stages share: device, data and recipe, opened from the same params."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pawprint import (
    augment,
    batches,
    dataset,
    devices,
    finder,
    networks,
    optimizers,
    processes,
    sampling,
    training,
)
from pawprint.dataset import Dataset
from pawprint.modelfile import Card, versions
from pawprint.networks import Network
from pawprint.schedules import Growing
from pawprint.training import Recipe, State

GROUPS = 3  # of layers, each with a rate of its own


@dataclass(frozen=True)
class Session:
    """The frame of a phase."""

    device: torch.device
    data: Dataset
    recipe: Recipe
    optimizer: optimizers.Settings

    @property
    def machine(self) -> dict[str, str]:
        """Device, instructions and type, for the record of the run."""
        return devices.described(self.device, self.recipe.kind)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return batches.per_epoch(len(self.data.parts["train"]), self.recipe.batch_size)


def opened(
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
    processes.joined(keys["processes"])
    here = devices.prepared(device, keys["threads"])
    chosen = optimizers.Settings(**keys["optimizer"])
    data = dataset.opened(images, index, labels, here, devices.budget(here, memory))
    recipe = Recipe(
        view=sampling.view(keys["size"], keys["augment"]),
        batch_size=keys["batch_size"],
        seed=keys["seed"],
        kind=devices.dtype(keys["precision"], here),
        strengths=augment.strengths(keys["augment"]),
        smoothing=chosen.label_smoothing,
        target=data.kind,
    )
    return Session(here, data, recipe, chosen)


def state(session: Session, network: Network) -> State:
    """The network on the device, with an optimizer of what it trains."""
    network.to(session.device)
    networks.drop(network, session.optimizer.dropout)
    optimizer = optimizers.adamw(
        networks.groups(network), networks.is_decayed(network), session.optimizer
    )
    return training.started(network, optimizer, session.recipe.kind)


def found(
    run: Session, network: Network, finder_keys: Mapping[str, Any], phase: str
) -> Iterator[tuple[float, float]]:
    """The finder's curve for this network: rate and smoothed loss, until it diverges.

    Args:
        run: the session.
        network: trained on from where it is; of no use afterwards.
        finder_keys: start, end, steps.
        phase: keys the order and the augmentation.
    """
    rates = Growing(**finder_keys, groups=GROUPS)
    begun, steps = state(run, network), finder_keys["steps"]
    task = training.Pictures(run.data, run.recipe, phase)
    return finder.curve(training.finder_points(begun, task, rates, steps))


def threshold(session: Session, network: Network) -> float | None:
    """The probability above which a label is said, by valid; None for other kinds of target."""
    data, recipe = session.data, session.recipe
    part, asked = data.parts["valid"], (recipe.view, recipe.batch_size)
    seen = partial(batches.predicted, network, data.cache, part, *asked)
    return data.kind.threshold(seen, part.targets)


def card(session: Session, network: Network, keys: Mapping[str, Any]) -> Card:
    """What the network's file says of it."""
    return Card(
        arch=keys["arch"],
        classes=session.data.classes,
        size=session.recipe.view.size,
        presize=session.data.cache.size,
        mean=list(sampling.MEAN),
        std=list(sampling.STD),
        params=dict(keys),
        data=session.data.digest,
        versions=versions(),
        target=session.data.kind.name,
        threshold=threshold(session, network),
        background=keys["presize"]["background"],
    )
