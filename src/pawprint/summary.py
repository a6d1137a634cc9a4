"""One picture's way through the whole chain, step by step, and the first thing that is wrong.

Nothing is written, and but for the archive no stage needs to have run.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pawprint import (
    archives,
    augment,
    batches,
    catalogue,
    labels,
    lock,
    modelfile,
    networks,
    params,
    presize,
    randomness,
    reading,
    sampling,
    splits,
    survey,
    unused_files,
    yaml12,
)
from pawprint.findings import Findings
from pawprint.params import Params
from pawprint.targets import KINDS, Kind

PICTURES, LISTS = Path("data/raw/pictures"), Path("data/raw/lists")
PRETRAINED = Path("models/pretrained.safetensors")
SHOWN = 4  # pictures that go through the network
SKEWED = 10  # times as many pictures in the largest class of train as in the smallest
FEW = 4  # batches an epoch; fewer are told of


@dataclass(frozen=True)
class Step:
    """What came out of a step."""

    name: str
    said: str


def steps(p: Params, found: Findings) -> Iterator[Step]:
    """Each step as it is done; what is wrong or odd on the way is told to `found`.

    Args:
        p: the params of the run.
        found: errors stop a run; notes do not.

    Raises:
        FileNotFoundError: fetch has not run.
        ValueError: a step cannot be done at all; nothing after it is tried.
    """
    block = catalogue.block(p.dataset)
    check_fetched(p.dataset)
    listing = archives.listing(PICTURES)
    names = listing.images
    unused_files.check(listing, block.label, found)
    size = PICTURES.stat().st_size / 1e6
    yield Step("found", f"{len(names):,} pictures in {PICTURES} ({size:,.1f} MB)")
    told = reading.told(PICTURES, names, block.label, found, block.target, LISTS / "labels.csv")
    sides = splits.chosen(
        p.label.split, names, told, LISTS, p.label.valid_fraction, p.label.seed, found
    )
    table = labels.table(names, told.targets, sides, block.target)
    counts = labels.counts(table)
    labels.check_classes(counts, table, found)
    check_balance(counts, found)
    if found.errors and table[table["split"] == "train"].empty:
        return
    looked = survey.surveyed(PICTURES, names, p.presize.background)
    survey.check_pixels(looked, p.presize.on_error == "stop", found)
    good = table[table["name"].isin(x.name for x in looked.pictures if not x.fault)]
    if (good["split"] == "train").sum() < 2:
        raise ValueError("train has fewer than two pictures that can be decoded; add some")
    chosen = good[good["split"] == "train"].iloc[0]
    yield Step("sample", f"{chosen['name']}, the first of train")
    of = f"; {len(counts)} classes" if len(counts) else ""
    yield Step("labelled", f"{chosen[block.target]!r} by {block.label.words}{of}")
    yield Step("split", split_line(table, counts, p.label.split))
    groups = labels.across_splits(table, {x.name: x.sha256 for x in looked.pictures})
    labels.check_duplicates(groups, p.label.on_duplicates, found)
    yield from seen(p, good, found)


def last_line(findings: Findings) -> str:
    """What is said once no error was found."""
    if not findings.notes:
        return "Nothing is wrong with this."
    notes = "the note" if len(findings.notes) == 1 else f"the {len(findings.notes)} notes"
    return f"No errors; read {notes} above."


def check_fetched(dataset: str) -> None:
    """The archive is here, and it is this data set's.

    Raises:
        FileNotFoundError, ValueError: it is not.
    """
    if not PICTURES.exists():
        raise FileNotFoundError(f"{PICTURES}: not here yet; run `dvc repro fetch`")
    stages = lock.load()
    used = lock.params(stages.get("fetch", {})).get("params.yaml", {})
    if used.get("dataset", dataset) != dataset:
        raise ValueError(
            f"{PICTURES}: of {used['dataset']} still, but params.yaml asks for {dataset}; run "
            "`dvc repro fetch`"
        )
    own = {"fetch": stages["fetch"]} if "fetch" in stages else {}
    parts = (f"{dataset}.pictures.", f"{dataset}.lists.")
    check_ran(PICTURES, "fetch", own, catalogue.FILE, parts)


def check_ran(path: Path, stage: str, own: lock.Stages, file: Path, keys: tuple[str, ...]) -> None:
    """What a stage wrote is of the params that are in the file now.

    Raises:
        ValueError: it is not; the message names the first key of these that is another one.
    """
    for reason in lock.unrun_params(own, str(file), yaml12.load(file)):
        if reason.startswith(keys):
            raise ValueError(f"{path}: of an earlier run: {reason}; run `dvc repro {stage}`")


def check_balance(counts: pd.DataFrame, found: Findings) -> None:
    """A note where some classes have far more pictures in train than others."""
    train = counts["train"][counts["train"] > 0]
    if len(train) and train.max() > SKEWED * train.min():
        found.notes.append(
            f"train has {train.max():,} pictures of {train.idxmax()} and {train.min():,} of "
            f"{train.idxmin()}: the error rate says little of rare classes; look at macro_f1 and "
            "reports/per_class.csv"
        )


def split_line(table: pd.DataFrame, counts: pd.DataFrame, rule: str) -> str:
    """The sizes of the sides, and the classes of the fewest pictures in train."""
    sizes = table["split"].value_counts()
    sums = ", ".join(f"{x} {sizes[x]:,}" for x in ("train", "valid", "test") if x in sizes)
    if counts.empty:
        return f"{rule}: {sums}"
    least, most = counts["train"].idxmin(), counts["train"].idxmax()
    return (
        f"{rule}: {sums}; in train {counts['train'].min():,} ({least}) to "
        f"{counts['train'].max():,} ({most}) a class"
    )


def seen(p: Params, table: pd.DataFrame, found: Findings) -> Iterator[Step]:
    """From the file's bytes to the loss."""
    train = table[table["split"] == "train"]
    wanted = train["name"].tolist()[:SHOWN]
    contents = dict(archives.contents(PICTURES, wanted))
    ground = p.presize.background
    made = [presize.squeezed(name, contents[name], p.presize.size, ground) for name in wanted]
    first = made[0]
    pixels = torch.stack([picture.pixels for picture in made if picture.pixels is not None])
    original = f"{len(contents[first.name]):,} bytes, {first.width}×{first.height} px"
    yield Step("presized", f"{original} -> {described(pixels[0])}, the whole picture squeezed")
    keys = p.augment.model_dump()
    draws = augment.drawn(len(made), augment.strengths(keys), randomness.generator(p.seed))
    sides = torch.tensor([[float(x.width), float(x.height)] for x in made])
    view = sampling.view(p.size, keys)
    maps = augment.maps(draws, sides, p.presize.size, light=True, aspect=view.aspect)
    batch = sampling.batch(pixels, maps, view)
    yield Step("augmented", f"{described(batch[0])}, normalised")
    count = batches.per_epoch(len(train), p.batch_size)
    largest = math.ceil(len(train) / count)
    many = f"{count:,} {'batch' if count == 1 else 'batches'}"
    yield Step("batched", f"{many} of {largest} an epoch")
    if count < FEW:
        found.notes.append(
            f"an epoch has only {many}, so the rate goes up and down in a few steps: lower "
            f"batch_size ({p.batch_size}), or set more epochs"
        )
    kind = KINDS[table.columns[1]]
    known = kind.classes(train[kind.name].tolist())
    told = train[kind.name].tolist()[:SHOWN]
    targets = kind.encoded(told, known, sides)
    kind.check(targets, [picture.name for picture in made], sides)
    yield from judged(p, batch, kind, kind.moved(targets, maps), len(known))


def judged(p: Params, batch: Tensor, kind: Kind, wanted: Tensor, classes: int) -> Iterator[Step]:
    """The network on these pictures, before any training."""
    stages = lock.load()
    own = {"weights": stages["weights"]} if PRETRAINED.exists() and "weights" in stages else {}
    check_ran(PRETRAINED, "weights", own, params.FILE, ("arch ", "weights ", "weights_sha256 "))
    tensors = modelfile.read_tensors(PRETRAINED)[0] if PRETRAINED.exists() else {}
    try:
        network = networks.fresh(p.arch, classes, p.seed, tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{PRETRAINED}: not the weights of {p.arch}; run `dvc repro weights`"
        ) from error
    whole = sum(x.numel() for x in network.parameters())
    networks.freeze(network, p.optimizer.train_norm)
    networks.drop(network, p.optimizer.dropout)
    trained = sum(x.numel() for x in network.parameters() if x.requires_grad)
    with torch.no_grad(), randomness.seeded(p.seed, "summary", "dropout"):
        features = network.body(batch)
        outputs = network.head(features)
    start = "the pretrained file" if tensors else "the seed"
    yield Step(
        "network",
        f"{p.arch} from {start}: {shape(batch)} -> body {shape(features)} -> head "
        f"{shape(outputs)}; {whole / 1e6:.1f} M weights, of which {trained / 1e6:.2f} M train "
        "while the body is frozen",
    )
    loss = kind.loss(outputs, wanted, 0.0).item()
    yield Step("loss", f"{loss:.2f} before training; guessing gives {kind.guessed(classes):.2f}")


def described(values: Tensor) -> str:
    """Shape, type and range."""
    low, high = values.min().item(), values.max().item()
    kind = str(values.dtype).split(".")[1]
    return f"{shape(values)} {kind}, {np.round(low, 2):g} to {np.round(high, 2):g}"


def shape(values: Tensor) -> str:
    """Such as 3×224×224."""
    return "×".join(str(side) for side in values.shape)
