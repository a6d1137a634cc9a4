"""The training loop: ten lines, the same for all phases, the finder and both pipelines.

A phase passes its model, schedule and workload; the loop does not know which phase it is, nor
whether it trains on images (training/workload.py) or ratings (ratings/training.py).
No step waits for a GPU: there, losses are checked at the end of the epoch.
"""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn, optim

from pawprint.runtime import distributed, rng
from pawprint.runtime.device import autocast, fill_new_memory
from pawprint.training.ema import DebiasedEMA
from pawprint.training.optimizer import set_lrs, zero_grad
from pawprint.training.schedule import ExponentialRamp, OneCycle

Batches = Iterable[tuple[Tensor, Tensor]]  # inputs and targets
Schedule = OneCycle | ExponentialRamp


@runtime_checkable
class Workload(Protocol):
    """What a phase learns: the batches of an epoch, the loss of a step, the score on valid."""

    @property
    def phase(self) -> str:
        """The phase's name; it keys the random numbers."""

    @property
    def seed(self) -> int:
        """The seed of the order, augmentation and dropout."""

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of autocast."""

    @property
    def metric(self) -> str | None:
        """The name of the metric that `score` returns besides the loss; None if it has none."""

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches per epoch."""

    def train_batches(self, epoch: int) -> Batches:
        """Every example of train once, in a different order for each epoch."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """The mean loss of a batch."""

    def valid_batches(self) -> Batches:
        """This process's share of valid, in order."""

    def score(self, outputs: Tensor) -> tuple[float, float | None]:
        """Mean loss and metric on valid, from the model's outputs for `valid_batches`."""


@dataclass(frozen=True)
class Epoch:
    """One line of a phase's table."""

    epoch: int  # from 0
    train_loss: float  # debiased exponential mean over the phase
    valid_loss: float  # mean over valid
    metric: float | None  # of valid; None where there is none
    seconds: float


@dataclass
class State:
    """Everything that a phase needs to continue after an epoch; kept in memory and on disk."""

    model: nn.Module
    parallel: nn.Module  # the model as it is trained: itself, or what joins several processes
    optimizer: optim.AdamW
    scaler: torch.amp.GradScaler
    smoothed: DebiasedEMA
    history: list[Epoch]


def init_state(model: nn.Module, optimizer: optim.AdamW, dtype: torch.dtype) -> State:
    """The state before the first epoch."""
    device = next(model.parameters()).device
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    return State(model, distributed.wrap_parallel(model), optimizer, scaler, DebiasedEMA(), [])


def fit(state: State, workload: Workload, schedule: Schedule, epochs: int) -> Iterator[Epoch]:
    """Train up to `epochs` epochs, starting at `state`; each epoch changes `state` in place.

    Raises:
        ValueError: a loss is not finite; the message names its step and learning rate.
    """
    for number in range(len(state.history), epochs):
        began, first = time.perf_counter(), number * workload.steps_per_epoch
        # dropout must differ by process; order and augmentation have generators without a rank
        key = (workload.seed, workload.phase, number, distributed.rank_key("dropout"))
        with rng.global_seed(*key):
            batches = workload.train_batches(number)
            # lazy: the steps are taken in collect_finite_losses, still under this seed
            losses = train_one_epoch(state, batches, workload, schedule, first)
            train_losses = collect_finite_losses(losses, first, schedule)
        # as fastai: over the phase, with dropout and augmentation; not the mean of the epoch
        state.smoothed = state.smoothed.update(train_losses)
        distributed.average_buffers(state.model.buffers())
        valid_loss, metric = validate(state.model, workload.valid_batches(), workload)
        if not math.isfinite(valid_loss):
            raise ValueError(
                f"{workload.phase}: the loss on valid became {valid_loss} in epoch {number}, so "
                "training diverged; try a lower lr (or unfrozen.lr_max), or precision: float32"
            )
        seconds = time.perf_counter() - began
        state.history.append(Epoch(number, state.smoothed.value, valid_loss, metric, seconds))
        yield state.history[-1]


def train_one_epoch(
    state: State, batches: Batches, workload: Workload, schedule: Schedule, first: int
) -> Iterator[Float[Tensor, ""]]:
    """The loss of each step, still on the device; each changes `state` in place.

    A generator: each step runs when its loss is requested.

    Args:
        state: the state of the phase.
        batches: the batches of the epoch.
        workload: defines the loss and the dtype of a step.
        schedule: learning rates and momentum of each step.
        first: the number of the first step.
    """
    # frozen layers are in training mode too, as in fastai: BatchNorm's statistics move
    model, optimizer, scaler = state.parallel.train(), state.optimizer, state.scaler
    for step, (inputs, targets) in enumerate(batches, first):
        fill_new_memory(is_wanted=step == first)
        set_lrs(optimizer, *schedule.at(step))
        with autocast(inputs.device, workload.dtype):
            loss = workload.loss(model(inputs), targets)  # under autocast too, as in fastai
        loss = distributed.weight_loss(loss, len(targets))
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)  # skipped if float16 overflows; as in fastai the lr goes on
        scaler.update()
        zero_grad(optimizer)
        yield distributed.all_reduce_mean(loss.detach())


@torch.no_grad()
def validate(model: nn.Module, batches: Batches, workload: Workload) -> tuple[float, float | None]:
    """Mean loss and metric on valid, with the model in evaluation mode."""
    model.eval()
    with autocast(next(model.parameters()).device, workload.dtype):
        # all outputs at once: mean average precision is no mean over batches
        outputs = torch.cat([model(inputs).float() for inputs, _ in batches])
        return workload.score(outputs)


def lr_range_test(
    state: State, workload: Workload, schedule: Schedule, count: int
) -> Iterator[tuple[float, float]]:
    """Learning rate and loss of `count` steps, over as many epochs as necessary."""
    epoch, step = 0, 0
    while step < count:
        key = (workload.seed, workload.phase, epoch, distributed.rank_key("dropout"))
        with rng.global_seed(*key):
            batches = workload.train_batches(epoch)
            for loss in train_one_epoch(state, batches, workload, schedule, step):
                yield schedule.at(step)[0][-1], loss.item()  # the finder looks at every loss
                step += 1
                if step == count:
                    return
        epoch += 1


def collect_finite_losses(
    losses: Iterable[Float[Tensor, ""]], first: int, schedule: Schedule
) -> list[float]:
    """Run the steps of an epoch; return their losses, which are all finite.

    On a CPU each loss is checked at once. On a GPU that would make every step wait, so there they
    are checked together at the end of the epoch.

    Raises:
        ValueError: with the step, its learning rate, and what to try.
    """
    values, later = list[float](), list[Tensor]()
    for step, loss in enumerate(losses, first):
        if loss.device.type == "cpu":
            values.append(loss.item())  # the tensor goes: kept, it would split the memory around it
            check_finite_losses(values[-1:], step, schedule)
        else:
            later.append(loss)
    if later:
        values = torch.stack(later).tolist()
        check_finite_losses(values, first, schedule)
    return values


def check_finite_losses(losses: list[float], first: int, schedule: Schedule) -> None:
    """Raise for the first loss that is NaN or infinite.

    Raises:
        ValueError: with the step, its learning rate, and what to try.
    """
    for step, loss in enumerate(losses, first):
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss became {loss} at step {step} with learning rate "
                f"{schedule.at(step)[0][-1]:.2g}; try a lower lr, precision: float32, or less "
                "augmentation"
            )
