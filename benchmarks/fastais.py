"""fastai's learner for the benchmarks: its loaders, its loop, and our groups of layers."""

import warnings
from pathlib import Path

import pandas as pd
import torch
import torchvision
from torch import nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastai.vision import all as fastai

__all__ = ["chain", "fastai", "learner", "loaders", "network"]

CUT = {"mobilenet_v2": 7, "resnet18": 6}  # children of the body in the first group


def loaders(images: Path, table: pd.DataFrame, batch_size: int, workers: int) -> fastai.DataLoaders:
    """Chapter 5's loaders: presize to 460 px, batches at 224 px, `aug_transforms`.

    Args:
        pictures: the folder that the names start from.
        table: labels.csv.
        batch_size: images per batch.
        workers: the number of loader processes.
    """
    held = table.index[table["split"] == "valid"].tolist()
    block = fastai.DataBlock(
        blocks=(fastai.ImageBlock, fastai.CategoryBlock),
        get_x=lambda row: images / row["name"],
        get_y=lambda row: row["label"],
        splitter=fastai.IndexSplitter(held),
        item_tfms=fastai.Resize(460),
        batch_tfms=[
            *fastai.aug_transforms(size=224, min_scale=0.75),
            fastai.Normalize.from_stats(*fastai.imagenet_stats),
        ],
    )
    return block.dataloaders(table, bs=batch_size, num_workers=workers)


def chain(split: int) -> fastai.Pipeline:
    """fastai's batch transforms, training (0) or validation (1)."""
    steps = [
        fastai.IntToFloatTensor(),
        *fastai.aug_transforms(size=224, min_scale=0.75),
        fastai.Normalize.from_stats(*fastai.imagenet_stats, cuda=False),
    ]
    return fastai.Pipeline(steps, split_idx=split)


def network(arch: str, classes: int, weights: Path | None = None) -> nn.Sequential:
    """A torchvision body and fastai's head; `weights` is a state dict of the whole model."""
    model = torchvision.models.get_model(arch)
    if weights:
        model.load_state_dict(torch.load(weights, weights_only=True))
    body = model.features if arch == "mobilenet_v2" else nn.Sequential(*list(model.children())[:-2])
    features = 1280 if arch == "mobilenet_v2" else 512
    result = nn.Sequential(body, fastai.create_head(features, classes))
    fastai.apply_init(result[1], nn.init.kaiming_normal_)
    return result


def learner(
    data: fastai.DataLoaders, arch: str, classes: int, weights: Path | None = None
) -> fastai.Learner:
    """A learner with three groups of layers."""
    cut = CUT[arch]
    return fastai.Learner(
        data,
        network(arch, classes, weights),
        splitter=lambda m: [fastai.params(part) for part in (m[0][:cut], m[0][cut:], m[1])],
        loss_func=fastai.CrossEntropyLossFlat(),
        metrics=fastai.error_rate,
    )
