"""Batches from the cache: augmented and shuffled for training, plain and in order for judging."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from pawprint import augment, processes, randomness, sampling
from pawprint.augment import Draws, Maps, Strengths
from pawprint.cache import Cache
from pawprint.dataset import Part
from pawprint.sampling import View

Batch = tuple[Float[Tensor, "_ rgb=3 _ _"], Tensor]


def per_epoch(pictures: int, batch_size: int) -> int:
    """Batches an epoch: as few as can be, of sizes that differ by one picture at most.

    A last batch of two pictures would disturb BatchNorm and the optimizer's moments: on 578
    photographs in batches of 32 it doubled the training loss. fastai drops the last batch.
    No process is left with one picture of a batch, on which BatchNorm cannot work.

    >>> per_epoch(128, 64), per_epoch(129, 64)
    (2, 3)
    """
    return max(min(-(-pictures // batch_size), pictures // (2 * processes.count())), 1)


def augmented(
    stored: Cache, train: Part, strengths: Strengths, view: View, batch_size: int, *words: int | str
) -> Iterator[Batch]:
    """Every picture of `train` once, in an order of the epoch's own.

    Of several processes each has its share of every batch, and all together the whole.
    Order and augmentation are drawn for all pictures at once, from `words` (seed, phase, epoch)
    and nothing else: neither device nor batch size nor a restart changes them.
    """
    draws = randomness.generator(*words)
    order = torch.randperm(len(train), generator=draws)
    drawn = augment.drawn(len(train), strengths, draws)
    sides = stored.sides[train.rows]
    maps = augment.maps(drawn, sides, stored.size, light=True, aspect=view.aspect)
    whole = torch.tensor_split(order, per_epoch(len(train), batch_size))
    return batches(stored, train, maps, [processes.own(rows) for rows in whole], view)


def ordered(
    stored: Cache, part: Part, view: View, batch_size: int, draws: Draws | None = None
) -> Iterator[Batch]:
    """The pictures of `part` in order: their plain centre squares, or as `draws` change them."""
    maps, rows = judging_maps(stored, part, view, draws), torch.arange(len(part))
    return batches(stored, part, maps, torch.split(rows, batch_size), view)


def judging_maps(stored: Cache, part: Part, view: View, draws: Draws | None = None) -> Maps:
    """The maps of `part` by which it is judged, on the device."""
    chosen, light = draws or augment.neutral(len(part)), draws is not None
    sides = stored.sides[part.rows]
    return augment.maps(chosen, sides, stored.size, light, view.aspect).to(stored.device)


def batches(
    stored: Cache, part: Part, maps: Maps, chosen: Iterable[Int64[Tensor, " _"]], view: View
) -> Iterator[Batch]:
    """Pictures and targets of these rows of `part`, on the device."""
    maps = maps.to(stored.device)
    for rows in chosen:
        here = rows.to(stored.device, non_blocking=True)
        pictures = stored.pictures(part.rows[rows])
        own = maps.of(here)
        yield sampling.batch(pictures, own, view), part.kind.moved(part.targets[here], own)


@torch.no_grad()
def predicted(
    network: nn.Module,
    stored: Cache,
    part: Part,
    view: View,
    batch_size: int,
    draws: Draws | None = None,
) -> Float[Tensor, "image output"]:
    """What the network, in evaluation mode, says of the pictures of `part`, in order, in float32.

    Args:
        network: on the device of `stored`.
        stored: the pictures.
        part: whose pictures are shown.
        view: how the network sees them.
        batch_size: pictures at a time.
        draws: changes of the pictures; None for their plain centre squares.
    """
    network.eval()
    found = ordered(stored, part, view, batch_size, draws)
    outputs = torch.cat([network(pictures).float() for pictures, _ in found])
    return part.kind.seen(outputs, judging_maps(stored, part, view, draws))
