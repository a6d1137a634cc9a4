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

from pawprint.ratings import dataset, models
from pawprint.ratings.dataset import Ratings
from pawprint.ratings.models import RatingsCard
from pawprint.runtime import distributed, rng
from pawprint.runtime.device import describe_machine, setup_device
from pawprint.runtime.tensor_file import versions
from pawprint.training import checkpoint, history, loop, lr_finder
from pawprint.training.checkpoint import CheckpointStore
from pawprint.training.loop import State
from pawprint.training.optimizer import OptimizerConfig, adamw
from pawprint.training.schedule import ExponentialRamp, OneCycle

AT_ONCE = 1 << 16  # ratings that are predicted together
PHASE = "train"


@dataclass(frozen=True)
class SquaredError:
    """The rule of a step: the mean squared error, in float32."""

    batch_size: int
    seed: int
    dtype: torch.dtype = torch.float32

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """The mean squared error of a batch."""
        return functional.mse_loss(outputs, targets)


@dataclass(frozen=True)
class RatingWorkload:
    """The task on ratings, for training.fit."""

    data: Ratings
    recipe: SquaredError
    phase: str = PHASE

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return distributed.steps_per_epoch(len(self.data.train), self.recipe.batch_size)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every rating of train once, in an order of the epoch's own."""
        side = self.data.train
        draws = rng.generator(self.recipe.seed, self.phase, epoch)
        order = torch.randperm(len(side), generator=draws).to(side.targets.device)
        columns = (side.pairs[order], side.targets[order])
        return zip(
            *(torch.tensor_split(column, self.steps_per_epoch) for column in columns), strict=True
        )

    def validate(self, model: nn.Module) -> tuple[float, None]:
        """The mean squared error on valid."""
        side = self.data.valid
        outputs = predict(model, side.pairs).double()
        return functional.mse_loss(outputs, side.targets.double()).item(), None


@torch.no_grad()
def predict(model: nn.Module, pairs: Int32[Tensor, "rating pair=2"]) -> Float32[Tensor, " rating"]:
    """The ratings that the network predicts, in evaluation mode."""
    model.eval()
    return torch.cat([model(chunk) for chunk in torch.split(pairs, AT_ONCE)])


def metrics(model: nn.Module, data: Ratings, noise: float | None) -> dict[str, float | int]:
    """mse, rmse and mae on valid, the sd of the noise where it is known, and the ratings, n."""
    errors = predict(model, data.valid.pairs).double() - data.valid.targets.double()
    mse = errors.square().mean().item()
    scores = {"mse": mse, "rmse": math.sqrt(mse), "mae": errors.abs().mean().item()}
    known = {} if noise is None else {"noise": noise}
    return {**scores, **known, "n": len(errors)}


@dataclass(frozen=True)
class RatingSession:
    """What lr_find and train share, opened from the same params."""

    device: torch.device
    workload: RatingWorkload
    model_card: RatingsCard
    optimizer: OptimizerConfig

    @property
    def machine(self) -> dict[str, str]:
        """Device, instructions and type, for the record of the run."""
        return describe_machine(self.device, self.workload.recipe.dtype)

    def state(self) -> State:
        """A network with the initial values of the seed, before its first epoch."""
        return self.init_state(models.create_model(self.model_card, self.workload.recipe.seed))

    def init_state(self, model: nn.Module) -> State:
        """This network on the device, with an optimizer of all of it."""
        model.to(self.device)
        groups, decayed = [list(model.parameters())], models.is_decayed(model)
        optimizer = adamw(groups, decayed, self.optimizer)
        return loop.init_state(model, optimizer, self.workload.recipe.dtype)


def open_session(keys: Mapping[str, Any], table: Path, device: str) -> RatingSession:
    """The frame of lr_find and train.

    Args:
        keys: params by name: seed, batch_size, threads, model and optimizer.
        table: split's ratings.csv.
        device: auto, cpu, cuda or cuda:N.
    """
    here = setup_device(device, keys["threads"])
    data, shape = dataset.load_ratings(table, here), keys["model"]
    model_card = RatingsCard(
        kind=shape["kind"],
        users=data.users,
        items=data.items,
        factors=models.factor_counts(shape["factors"], len(data.users), len(data.items)),
        hidden=shape["hidden"],
        span=None if shape["low"] is None else [shape["low"], shape["high"]],
        params=dict(keys),
        data=data.digest,
        versions=versions(),
    )
    chosen = OptimizerConfig(**keys["optimizer"], label_smoothing=0.0, train_norm=True)
    return RatingSession(
        here,
        RatingWorkload(data, SquaredError(keys["batch_size"], keys["seed"])),
        model_card,
        chosen,
    )


def lr_curve(
    opened: RatingSession, finder_keys: Mapping[str, Any]
) -> Iterator[tuple[float, float]]:
    """The finder's curve: rate and smoothed loss, until it diverges."""
    schedule, steps = ExponentialRamp(**finder_keys, groups=1), finder_keys["steps"]
    return lr_finder.smooth_curve(
        loop.lr_range_test(opened.state(), opened.workload, schedule, steps)
    )


def train_epochs(
    opened: RatingSession, lr: float, cycle: Mapping[str, Any], store: CheckpointStore, state: State
) -> Iterator[Sequence[loop.Epoch]]:
    """Train the state's network: the history so far, at the start and after each epoch."""
    shape = {key: cycle[key] for key in ("pct_start", "div", "div_final")}
    schedule = OneCycle([lr], cycle["epochs"] * opened.workload.steps_per_epoch, **shape)
    store.restore(state)
    yield state.history
    for _ in loop.fit(state, opened.workload, schedule, cycle["epochs"]):
        store.save(state)
        yield state.history


def run_phase(
    opened: RatingSession,
    lr: float,
    cycle: Mapping[str, Any],
    stage: Path,
    files_written: Sequence[Path],
) -> Iterator[str]:
    """Train and write model, table and summary: the lines of the table.

    A run that was broken off goes on from its last whole epoch.

    Args:
        opened: the run.
        lr: the highest rate.
        cycle: epochs, pct_start, div, div_final.
        stage: the stage's own file.
        files_written: ratings.csv, then the model, the table of epochs (CSV) and its last line (JSON).
    """
    source, target, table, summary = files_written
    declared = {**opened.model_card.params, "lr": lr, PHASE: dict(cycle)}
    mark = checkpoint.fingerprint(declared, [source], stage, opened.machine)
    store, state = CheckpointStore(stage.stem, mark), opened.state()
    epochs = train_epochs(opened, lr, cycle, store, state)
    yield from history.log_epochs(epochs, table, summary, PHASE, None)
    model_card = replace(opened.model_card, params=declared)
    models.write(target, state.model, model_card)
    store.clear()
