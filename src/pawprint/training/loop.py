"""The training loop: ten lines, one for every phase, for the finder and for both pipelines.

A phase hands in its model, its schedule and its workload; nothing here knows which one it is, nor
whether it is of images (training/workload.py) or of ratings (ratings/training.py).
No step waits for a GPU: there losses are looked at when the epoch is over.
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
    """What a phase learns: the batches of an epoch, the loss of a step, the score of valid."""

    @property
    def phase(self) -> str:
        """Its name; keys the random numbers."""

    @property
    def seed(self) -> int:
        """Of the order, the augmentation and dropout."""

    @property
    def dtype(self) -> torch.dtype:
        """Of autocast."""

    @property
    def metric(self) -> str | None:
        """The name of what `score` counts beside the loss; None: nothing."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""

    def train_batches(self, epoch: int) -> Batches:
        """Every example of train once, in an order of the epoch's own."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """The mean loss of a batch."""

    def valid_batches(self) -> Batches:
        """This process's share of valid, in order."""

    def score(self, outputs: Tensor) -> tuple[float, float | None]:
        """Mean loss and metric of valid, from the model's outputs for `valid_batches`."""


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
    """All that a phase needs to go on after an epoch; it lives in the stage and on disk."""

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
    """Train until `epochs` are done, from where `state` is; each epoch changes `state` in place.

    Raises:
        ValueError: a loss is not finite; the message names its step and rate.
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
                "the network is lost; try a lower lr (or unfrozen.lr_max), or precision: float32"
            )
        seconds = time.perf_counter() - began
        state.history.append(Epoch(number, state.smoothed.value, valid_loss, metric, seconds))
        yield state.history[-1]


def train_one_epoch(
    state: State, batches: Batches, workload: Workload, schedule: Schedule, first: int
) -> Iterator[Float[Tensor, ""]]:
    """The loss of each step, still on the device; each changes `state` in place.

    A generator: a step is taken when its loss is asked for.

    Args:
        state: of the phase.
        batches: of the epoch.
        workload: gives the loss and the dtype of a step.
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
    """Mean loss and metric of valid, by the model in evaluation mode."""
    model.eval()
    with autocast(next(model.parameters()).device, workload.dtype):
        # all outputs at once: mean average precision is no mean over batches
        outputs = torch.cat([model(inputs).float() for inputs, _ in batches])
        return workload.score(outputs)


def lr_range_test(
    state: State, workload: Workload, schedule: Schedule, count: int
) -> Iterator[tuple[float, float]]:
    """Learning rate and loss of `count` steps, over as many epochs as that takes."""
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
    """Take the steps of an epoch: their losses, of which none is NaN or infinite.

    On a CPU each is looked at as it comes. On a GPU that would make every step wait for it, so
    there they are looked at together when the epoch is over.

    Raises:
        ValueError: with the step, its rate, and what to try.
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
    """Raise at the first loss that is NaN or infinite.

    Raises:
        ValueError: with the step, its rate, and what to try.
    """
    for step, loss in enumerate(losses, first):
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss became {loss} at step {step} with rate {schedule.at(step)[0][-1]:.2g}; "
                "try a lower lr, precision: float32, or less augmentation"
            )
