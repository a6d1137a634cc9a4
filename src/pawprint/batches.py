"""Batches from the cache: augmented and shuffled for training, plain and in order for judging."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from pawprint import augment, randomness
from pawprint.augment import Maps, Strengths
from pawprint.cache import Cache
from pawprint.dataset import Part

Batch = tuple[Float[Tensor, "_ rgb=3 _ _"], Tensor]


def per_epoch(pictures: int, batch_size: int) -> int:
    """Batches an epoch: as few as can be, of sizes that differ by one picture at most.

    A last batch of two pictures would disturb BatchNorm and the optimizer's moments: on 578
    photographs in batches of 32 it doubled the training loss. fastai drops the last batch.

    >>> per_epoch(128, 64), per_epoch(129, 64)
    (2, 3)
    """
    return -(-pictures // batch_size)


def augmented(
    stored: Cache, train: Part, strengths: Strengths, size: int, batch_size: int, *words: int | str
) -> Iterator[Batch]:
    """Every picture of `train` once, in an order of the epoch's own.

    Order and augmentation are drawn for all pictures at once, from `words` (seed, phase, epoch)
    and nothing else: neither device nor batch size nor a restart changes them.
    """
    draws = randomness.generator(*words)
    order = torch.randperm(len(train), generator=draws)
    drawn = augment.drawn(len(train), strengths, draws)
    maps = augment.maps(drawn, stored.sides[train.rows], stored.size, light=True)
    chosen = torch.tensor_split(order, per_epoch(len(train), batch_size))
    return batches(stored, train, maps, chosen, size)


def plain(stored: Cache, part: Part, size: int, batch_size: int) -> Iterator[Batch]:
    """The centre squares of `part`, in order, nothing random."""
    neutral = augment.neutral(len(part))
    maps = augment.maps(neutral, stored.sides[part.rows], stored.size, light=False)
    return batches(stored, part, maps, torch.split(torch.arange(len(part)), batch_size), size)


def batches(
    stored: Cache, part: Part, maps: Maps, chosen: Iterable[Int64[Tensor, " _"]], size: int
) -> Iterator[Batch]:
    """Pictures and targets of these rows of `part`, on the device."""
    maps = maps.to(stored.device)
    for rows in chosen:
        here = rows.to(stored.device, non_blocking=True)
        pictures = stored.pictures(part.rows[rows])
        yield augment.batch(pictures, maps.of(here), size), part.targets[here]


@torch.no_grad()
def predicted(
    network: nn.Module, stored: Cache, part: Part, size: int, batch_size: int
) -> Float[Tensor, "image output"]:
    """The network's outputs for `part`, in order, in float32, by the network in evaluation mode."""
    network.eval()
    found = plain(stored, part, size, batch_size)
    return torch.cat([network(pictures).float() for pictures, _ in found])
