"""Follow one image through all steps, and report the first thing that is wrong.

Nothing is written, and no stage but fetch needs to have run.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pawprint.core import dvc_lock, params
from pawprint.core.findings import Findings
from pawprint.core.params import Params
from pawprint.curation import stage_outputs, survey
from pawprint.data import catalog, label_table, labels, splits
from pawprint.models import network
from pawprint.runtime import distributed, rng, tensor_file
from pawprint.storage import archives, unused_files
from pawprint.vision import augment, cache_writer, resample
from pawprint.vision.resample import InputSpec
from pawprint.vision.task import TASKS, Task

PICTURES, LISTS = Path("data/raw/pictures"), Path("data/raw/lists")
PRETRAINED = Path("models/pretrained.safetensors")
SHOWN = 4  # pictures that go through the network
SKEWED = 10  # times as many pictures in the largest class of train as in the smallest
FEW = 4  # batches an epoch; fewer are told of


@dataclass(frozen=True)
class Step:
    """The result of a step."""

    name: str
    text: str


def dry_run(p: Params, findings: Findings) -> Iterator[Step]:
    """Yield each step as it is done; `findings` collects what is wrong or odd.

    Args:
        p: the params of the run.
        findings: errors stop a run; notes do not.

    Raises:
        FileNotFoundError: stage fetch has not run.
        ValueError: a step failed; the steps after it are not tried.
    """
    block = catalog.load_dataset_entry(p.dataset)
    stage_outputs.check_fetched(PICTURES, p.dataset)
    listing = archives.listing(PICTURES)
    names = listing.images
    unused_files.check(listing, block.label, findings)
    size = sum(path.stat().st_size for path in PICTURES.iterdir()) / 1e6
    yield Step("found", f"{len(names):,} images in {PICTURES} ({size:,.1f} MB)")
    annotations = labels.read_targets(
        PICTURES, names, block.label, findings, block.target, LISTS / "labels.csv"
    )
    hashes = archives.file_hashes(PICTURES, names)
    annotations = replace(annotations, hashes=[hashes[name] for name in names])
    image_splits = splits.assign_splits(
        p.label.split, names, annotations, LISTS, p.label.valid_fraction, p.label.seed, findings
    )
    table = label_table.labels_table(names, annotations.targets, image_splits, block.target)
    counts = label_table.class_counts(table)
    label_table.check_classes(counts, table, findings)
    check_balance(counts, findings)
    if findings.errors and table[table["split"] == "train"].empty:
        return
    survey_result = survey.survey_archive(PICTURES, names, p.presize.background)
    survey.check_pixels(survey_result, p.presize.on_error == "stop", findings)
    good = table[table["name"].isin(x.name for x in survey_result.images if not x.error)]
    if (good["split"] == "train").sum() < 2:
        raise ValueError("train has fewer than two images that can be decoded; add some")
    chosen = good[good["split"] == "train"].iloc[0]
    yield Step("sample", f"{chosen['name']}, the first image of train")
    of = f"; {len(counts)} classes" if len(counts) else ""
    yield Step("labelled", f"{chosen[block.target]!r} by {block.label.words}{of}")
    yield Step("split", split_line(table, counts, p.label.split))
    groups = label_table.duplicates_across_splits(table, hashes)
    label_table.check_duplicates(groups, p.label.on_duplicates, findings)
    yield from image_steps(p, good, findings)


def last_line(findings: Findings) -> str:
    """The closing line if no error was found."""
    if not findings.notes:
        return "Nothing is wrong."
    notes = "the note" if len(findings.notes) == 1 else f"the {len(findings.notes)} notes"
    return f"No errors; read {notes} above."


def check_balance(counts: pd.DataFrame, findings: Findings) -> None:
    """A note if some classes have far more images in train than others."""
    train = counts["train"][counts["train"] > 0]
    if len(train) and train.max() > SKEWED * train.min():
        findings.notes.append(
            f"train has {train.max():,} images of {train.idxmax()} and {train.min():,} of "
            f"{train.idxmin()}: the error rate says little about rare classes; look at macro_f1 "
            "and reports/per_class.csv"
        )


def split_line(table: pd.DataFrame, counts: pd.DataFrame, rule: str) -> str:
    """The images of each split, and the classes with the fewest images in train."""
    images = table["split"].value_counts()
    sums = ", ".join(f"{x} {images[x]:,}" for x in ("train", "valid", "test") if x in images)
    if counts.empty:
        return f"{rule}: {sums}"
    least, most = counts["train"].idxmin(), counts["train"].idxmax()
    return (
        f"{rule}: {sums}; in train {counts['train'].min():,} ({least}) to "
        f"{counts['train'].max():,} ({most}) per class"
    )


def image_steps(p: Params, table: pd.DataFrame, findings: Findings) -> Iterator[Step]:
    """From the file's bytes to the loss."""
    train = table[table["split"] == "train"]
    sample = train["name"].tolist()[:SHOWN]
    contents = dict(archives.read_files(PICTURES, sample))
    ground = p.presize.background
    images = [
        cache_writer.decode_to_square(name, contents[name], p.presize.size, ground)
        for name in sample
    ]
    first = images[0]
    pixels = torch.stack([image.pixels for image in images if image.pixels is not None])
    original = f"{len(contents[first.name]):,} bytes, {first.width}×{first.height} px"
    yield Step("presized", f"{original} -> {describe_tensor(pixels[0])}, the whole image squeezed")
    config = augment.augment_config(p.augment)
    values = augment.sample_params(len(images), config, rng.generator(p.seed))
    image_sizes = torch.tensor([[float(x.width), float(x.height)] for x in images])
    input_spec = InputSpec(p.size, p.augment.supersample)
    transform = resample.image_transform(values, image_sizes, p.presize.size, input_spec)
    batch = resample.render(pixels, transform, input_spec)
    yield Step("augmented", f"{describe_tensor(batch[0])}, normalised")
    # all equal in size: a last batch of two images spoils BatchNorm's statistics (LOG.md)
    count = distributed.steps_per_epoch(len(train), p.batch_size)
    largest = math.ceil(len(train) / count)
    many = f"{count:,} {'batch' if count == 1 else 'batches'}"
    yield Step("batched", f"{many} of {largest} per epoch")
    if count < FEW:
        findings.notes.append(
            f"an epoch has only {many}, so the learning rate goes up and down in a few steps; "
            f"lower batch_size ({p.batch_size}), or set more epochs"
        )
    target = table.columns[1]
    cells = train[target].tolist()
    task, classes = TASKS[target].fit(cells), TASKS[target].classes(cells)
    targets = task.encode(cells[:SHOWN], classes, image_sizes)
    task.check(targets, [image.name for image in images], image_sizes)
    yield from network_steps(
        p, batch, task, task.transform_targets(targets, transform), len(classes)
    )


def network_steps(
    p: Params, batch: Tensor, task: Task, targets: Tensor, classes: int
) -> Iterator[Step]:
    """The network's output for these images, before any training."""
    stages = dvc_lock.load()
    stages_here = (
        {"weights": stages["weights"]} if PRETRAINED.exists() and "weights" in stages else {}
    )
    stage_outputs.check_ran(
        PRETRAINED, "weights", stages_here, params.FILE, ("arch ", "weights ", "weights_sha256 ")
    )
    tensors = tensor_file.read_tensors(PRETRAINED)[0] if PRETRAINED.exists() else {}
    try:
        model = network.create_model(p.arch, classes, p.seed, tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{PRETRAINED}: not weights for {p.arch}; run `dvc repro weights`"
        ) from error
    whole = sum(x.numel() for x in model.parameters())
    network.freeze(model, p.optimizer.train_norm)
    network.set_dropout(model, p.optimizer.dropout)
    trained = sum(x.numel() for x in model.parameters() if x.requires_grad)
    # dropout draws from torch's global generator: without a seed each call would say another loss
    with torch.no_grad(), rng.global_seed(p.seed, "summary", "dropout"):
        features = model.body(batch)
        outputs = model.head(features)
    start = "the pretrained file" if tensors else "the seed"
    yield Step(
        "network",
        f"{p.arch} from {start}: {format_shape(batch)} -> body {format_shape(features)} -> head "
        f"{format_shape(outputs)}; {whole / 1e6:.1f} M weights, of which {trained / 1e6:.2f} M "
        "train while the body is frozen",
    )
    loss = task.loss(outputs, targets, 0.0).item()
    yield Step(
        "loss", f"{loss:.2f} before training; guessing gives {task.chance_loss(classes):.2f}"
    )


def describe_tensor(values: Tensor) -> str:
    """Shape, type and range."""
    low, high = values.min().item(), values.max().item()
    dtype = str(values.dtype).split(".")[1]
    return f"{format_shape(values)} {dtype}, {np.round(low, 2):g} to {np.round(high, 2):g}"


def format_shape(values: Tensor) -> str:
    """Such as 3×224×224."""
    return "×".join(str(side) for side in values.shape)
