"""The task on ratings: the whole table on the device, its batches, and a run of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float32, Int32
from torch import Tensor, nn
from torch.nn import functional

from pawprint import (
    batches,
    checkpoints,
    devices,
    factors,
    files,
    finder,
    history,
    optimizers,
    randomness,
    ratings,
    tables,
    training,
)
from pawprint.checkpoints import Store
from pawprint.factors import Card
from pawprint.modelfile import versions
from pawprint.schedules import Growing, OneCycle
from pawprint.training import State

AT_ONCE = 1 << 16  # ratings that are predicted together
PHASE = "train"


@dataclass(frozen=True)
class Side:
    """Ratings of one side of the split, on the device."""

    pairs: Int32[Tensor, "rating pair=2"]  # rows of the users' and the items' tables
    wanted: Float32[Tensor, " rating"]

    def __len__(self) -> int:
        """Ratings."""
        return len(self.wanted)


@dataclass(frozen=True)
class Ratings:
    """Both sides, and the names of the rows: those of train, from row 1 on."""

    users: list[str]
    items: list[str]
    train: Side
    valid: Side
    digest: str  # sha256 of ratings.csv


def opened(path: Path, device: torch.device) -> Ratings:
    """The ratings of split's table; users and items that train does not have are row 0.

    Raises:
        FileNotFoundError: split has not run.
    """
    table = tables.read(path, ["user", "item", "rating", "split"], {"user": "str", "item": "str"})
    is_train = table["split"] == "train"
    names = {x: ratings.vocabulary(table.loc[is_train, x].unique()) for x in ("user", "item")}
    columns = []
    for column, known in names.items():
        row = {name: i for i, name in enumerate(known, 1)}
        numbers = table[column].map(row).fillna(0).to_numpy()
        columns.append(torch.tensor(numbers, dtype=torch.int32))
    pairs = torch.stack(columns, 1)
    wanted = torch.tensor(table["rating"].to_numpy(), dtype=torch.float32)
    rows = [torch.tensor((table["split"] == side).to_numpy()) for side in ("train", "valid")]
    train, valid = (Side(pairs[row].to(device), wanted[row].to(device)) for row in rows)
    return Ratings(names["user"], names["item"], train, valid, files.digest(path))


@dataclass(frozen=True)
class Squares:
    """The rule of a step: the mean squared error, in float32."""

    batch_size: int
    seed: int
    kind: torch.dtype = torch.float32

    def loss(self, outputs: Tensor, wanted: Tensor) -> Float[Tensor, ""]:
        """The mean squared error of a batch."""
        return functional.mse_loss(outputs, wanted)


@dataclass(frozen=True)
class Rated:
    """The task on ratings, for training.fit."""

    data: Ratings
    recipe: Squares
    phase: str = PHASE

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch."""
        return batches.per_epoch(len(self.data.train), self.recipe.batch_size)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every rating of train once, in an order of the epoch's own."""
        side = self.data.train
        draws = randomness.generator(self.recipe.seed, self.phase, epoch)
        order = torch.randperm(len(side), generator=draws).to(side.wanted.device)
        columns = (side.pairs[order], side.wanted[order])
        return zip(*(torch.tensor_split(column, self.per_epoch) for column in columns), strict=True)

    def judged(self, network: nn.Module) -> tuple[float, None]:
        """The mean squared error on valid."""
        side = self.data.valid
        outputs = predicted(network, side.pairs).double()
        return functional.mse_loss(outputs, side.wanted.double()).item(), None


@torch.no_grad()
def predicted(
    network: nn.Module, pairs: Int32[Tensor, "rating pair=2"]
) -> Float32[Tensor, " rating"]:
    """The ratings that the network predicts, in evaluation mode."""
    network.eval()
    return torch.cat([network(part) for part in torch.split(pairs, AT_ONCE)])


def summary(network: nn.Module, data: Ratings, noise: float | None) -> dict[str, float | int]:
    """mse, rmse and mae on valid, the sd of the noise where it is known, and the ratings, n."""
    errors = predicted(network, data.valid.pairs).double() - data.valid.wanted.double()
    mse = errors.square().mean().item()
    told = {"mse": mse, "rmse": math.sqrt(mse), "mae": errors.abs().mean().item()}
    known = {} if noise is None else {"noise": noise}
    return {**told, **known, "n": len(errors)}


@dataclass(frozen=True)
class Run:
    """What lr_find and train share, opened from the same params."""

    device: torch.device
    task: Rated
    card: Card
    optimizer: optimizers.Settings

    @property
    def machine(self) -> dict[str, str]:
        """Device, instructions and type, for the record of the run."""
        return devices.described(self.device, self.task.recipe.kind)

    def state(self) -> State:
        """A network with the initial values of the seed, before its first epoch."""
        return self.of(factors.fresh(self.card, self.task.recipe.seed))

    def of(self, network: nn.Module) -> State:
        """This network on the device, with an optimizer of all of it."""
        network.to(self.device)
        groups, decayed = [list(network.parameters())], factors.is_decayed(network)
        optimizer = optimizers.adamw(groups, decayed, self.optimizer)
        return training.started(network, optimizer, self.task.recipe.kind)


def run(keys: Mapping[str, Any], table: Path, device: str) -> Run:
    """The frame of lr_find and train.

    Args:
        keys: params by name: seed, batch_size, threads, model and optimizer.
        table: split's ratings.csv.
        device: auto, cpu, cuda or cuda:N.
    """
    here = devices.prepared(device, keys["threads"])
    data, model = opened(table, here), keys["model"]
    card = Card(
        kind=model["kind"],
        users=data.users,
        items=data.items,
        factors=factors.sizes(model["factors"], len(data.users), len(data.items)),
        hidden=model["hidden"],
        span=None if model["low"] is None else [model["low"], model["high"]],
        params=dict(keys),
        data=data.digest,
        versions=versions(),
    )
    chosen = optimizers.Settings(**keys["optimizer"], label_smoothing=0.0, train_norm=True)
    return Run(here, Rated(data, Squares(keys["batch_size"], keys["seed"])), card, chosen)


def found(opened: Run, finder_keys: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """The finder's curve: rate and smoothed loss, until it diverges."""
    rates, steps = Growing(**finder_keys, groups=1), finder_keys["steps"]
    return finder.curve(training.finder_points(opened.state(), opened.task, rates, steps))


def fitted(
    opened: Run, lr: float, cycle: Mapping[str, Any], store: Store, state: State
) -> Iterator[Sequence[training.Epoch]]:
    """Train the state's network: the history so far, at the start and after each epoch."""
    shape = {key: cycle[key] for key in ("pct_start", "div", "div_final")}
    rates = OneCycle([lr], cycle["epochs"] * opened.task.per_epoch, **shape)
    store.restore(state)
    yield state.history
    for _ in training.fit(state, opened.task, rates, cycle["epochs"]):
        store.save(state)
        yield state.history


def completed(
    opened: Run, lr: float, cycle: Mapping[str, Any], stage: Path, made: Sequence[Path]
) -> Iterator[str]:
    """Train and write model, table and summary: the lines of the table.

    A run that was broken off goes on from its last whole epoch.

    Args:
        opened: the run.
        lr: the highest rate.
        cycle: epochs, pct_start, div, div_final.
        stage: the stage's own file.
        made: ratings.csv, then the model, the table of epochs (CSV) and its last line (JSON).
    """
    source, model, table, summary = made
    declared = {**opened.card.params, "lr": lr, PHASE: dict(cycle)}
    mark = checkpoints.fingerprint(declared, [source], stage, opened.machine)
    store, state = Store(stage.stem, mark), opened.state()
    epochs = fitted(opened, lr, cycle, store, state)
    yield from history.written(epochs, table, summary, PHASE, None)
    card = replace(opened.card, params=declared)
    factors.write(model, state.network, card)
    store.clear()
