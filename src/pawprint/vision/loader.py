"""Batches from the cache: augmented and shuffled for training, plain and in order for judging."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from pawprint.runtime import distributed, rng
from pawprint.vision import augment, resample
from pawprint.vision.augment import AugmentConfig, AugmentParams, BatchTransform
from pawprint.vision.dataset import Split
from pawprint.vision.image_cache import ImageCache
from pawprint.vision.resample import InputSpec

Batch = tuple[Float[Tensor, "_ rgb=3 _ _"], Tensor]


def train_batches(
    cache: ImageCache,
    train: Split,
    augment_config: AugmentConfig,
    input_spec: InputSpec,
    batch_size: int,
    *key: int | str,
) -> Iterator[Batch]:
    """Every picture of `train` once, in an order of the epoch's own.

    Of several processes each has its share of every batch, and all together the whole.
    Order and augmentation are drawn for all pictures at once, from `words` (seed, phase, epoch)
    and nothing else: neither device nor batch size nor a restart changes them.
    """
    generator = rng.generator(*key)
    order = torch.randperm(len(train), generator=generator)
    drawn = augment.sample_params(len(train), augment_config, generator)
    image_sizes = cache.image_sizes[train.rows]
    transform = augment.build_transform(
        drawn, image_sizes, cache.size, light=True, aspect=input_spec.aspect
    )
    chunks = torch.tensor_split(order, distributed.steps_per_epoch(len(train), batch_size))
    return render_batches(
        cache, train, transform, [distributed.shard(rows) for rows in chunks], input_spec
    )


def eval_batches(
    cache: ImageCache,
    split: Split,
    input_spec: InputSpec,
    batch_size: int,
    draws: AugmentParams | None = None,
) -> Iterator[Batch]:
    """The pictures of `part` in order: their plain centre squares, or as `draws` change them."""
    transform, rows = eval_transform(cache, split, input_spec, draws), torch.arange(len(split))
    return render_batches(cache, split, transform, torch.split(rows, batch_size), input_spec)


def eval_transform(
    cache: ImageCache, split: Split, input_spec: InputSpec, draws: AugmentParams | None = None
) -> BatchTransform:
    """The maps of `part` by which it is judged, on the device."""
    chosen, light = draws or augment.identity_params(len(split)), draws is not None
    image_sizes = cache.image_sizes[split.rows]
    return augment.build_transform(chosen, image_sizes, cache.size, light, input_spec.aspect).to(
        cache.device
    )


def render_batches(
    cache: ImageCache,
    split: Split,
    transform: BatchTransform,
    chosen: Iterable[Int64[Tensor, " _"]],
    input_spec: InputSpec,
) -> Iterator[Batch]:
    """Pictures and targets of these rows of `part`, on the device."""
    transform = transform.to(cache.device)
    for rows in chosen:
        here = rows.to(cache.device, non_blocking=True)
        images = cache.images(split.rows[rows])
        own = transform.subset(here)
        yield (
            resample.render(images, own, input_spec),
            split.task.transform_targets(split.targets[here], own),
        )


@torch.no_grad()
def predict(
    model: nn.Module,
    cache: ImageCache,
    split: Split,
    input_spec: InputSpec,
    batch_size: int,
    draws: AugmentParams | None = None,
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
    model.eval()
    batches = eval_batches(cache, split, input_spec, batch_size, draws)
    outputs = torch.cat([model(images).float() for images, _ in batches])
    return split.task.decode(outputs, eval_transform(cache, split, input_spec, draws))
