"""Batches from the cache: augmented and shuffled to train, plain and in order to evaluate."""

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
    """Every image of `train` once, in a different order for each epoch.

    With several processes, each gets its share of every batch.
    Order and augmentation are drawn for all images at once, from `key` (seed, phase, epoch) alone:
    neither device nor batch size nor a restart changes them.
    """
    generator = rng.generator(*key)
    order = torch.randperm(len(train), generator=generator)
    draws = augment.sample_params(len(train), augment_config, generator)
    image_sizes = cache.image_sizes[train.rows]
    transform = resample.image_transform(draws, image_sizes, cache.size, input_spec)
    chunks = torch.tensor_split(order, distributed.steps_per_epoch(len(train), batch_size))
    rows = [distributed.shard(chunk) for chunk in chunks]
    return render_batches(cache, train, transform, rows, input_spec)


def eval_batches(
    cache: ImageCache,
    split: Split,
    input_spec: InputSpec,
    batch_size: int,
    draws: AugmentParams | None = None,
) -> Iterator[Batch]:
    """The images of `split` in order: plain centre squares, or changed by `draws`."""
    transform, rows = eval_transform(cache, split, input_spec, draws), torch.arange(len(split))
    return render_batches(cache, split, transform, torch.split(rows, batch_size), input_spec)


def eval_transform(
    cache: ImageCache, split: Split, input_spec: InputSpec, draws: AugmentParams | None = None
) -> BatchTransform:
    """How to sample the images of `split` for evaluation, on the device."""
    image_sizes = cache.image_sizes[split.rows]
    return resample.image_transform(draws, image_sizes, cache.size, input_spec).to(cache.device)


def render_batches(
    cache: ImageCache,
    split: Split,
    transform: BatchTransform,
    batches: Iterable[Int64[Tensor, " _"]],
    input_spec: InputSpec,
) -> Iterator[Batch]:
    """Images and targets of these rows of `split`, on the device."""
    transform = transform.to(cache.device)
    for rows in batches:
        on_device = rows.to(cache.device, non_blocking=True)
        images, maps = cache.images(split.rows[rows]), transform.subset(on_device)
        targets = split.task.transform_targets(split.targets[on_device], maps)
        yield resample.render(images, maps, input_spec), targets


@torch.no_grad()
def predict(
    model: nn.Module,
    cache: ImageCache,
    split: Split,
    input_spec: InputSpec,
    batch_size: int,
    draws: AugmentParams | None = None,
) -> Float[Tensor, "image output"]:
    """The model's predictions for the images of `split`, in evaluation mode, in order, in float32.

    Args:
        model: on the device of `cache`.
        cache: the images.
        split: the rows of the images to predict.
        input_spec: how the model sees them.
        batch_size: images at a time.
        draws: random changes of the images; None for plain centre squares.
    """
    model.eval()
    batches = eval_batches(cache, split, input_spec, batch_size, draws)
    outputs = torch.cat([model(images).float() for images, _ in batches])
    return split.task.decode(outputs, eval_transform(cache, split, input_spec, draws))
