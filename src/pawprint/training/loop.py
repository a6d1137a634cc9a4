"""The training loop: ten lines, one for every phase and for the finder.

A phase hands in its network, its schedule and its task; nothing here knows which one it is. The
task on pictures stands below, the one on ratings in rated.py.
No step waits for the device: losses are looked at when the epoch is over.
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


@runtime_checkable
class StepRule(Protocol):
    """How a batch becomes a step."""

    @property
    def seed(self) -> int:
        """Of dropout."""

    @property
    def dtype(self) -> torch.dtype:
        """Of autocast."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        """The mean loss of a batch."""


@runtime_checkable
class Workload(Protocol):
    """What a phase learns."""

    @property
    def phase(self) -> str:
        """Its name; keys the random numbers."""

    @property
    def recipe(self) -> StepRule:
        """The same for all phases."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """What the network is given in each batch, and what it is to say."""

    def validate(self, model: nn.Module) -> tuple[float, float | None]:
        """Mean loss on valid, and the metric where there is one."""


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
    parallel: nn.Module  # the network as it is trained: itself, or what joins several processes
    optimizer: optim.AdamW
    scaler: torch.amp.GradScaler
    smoothed: DebiasedEMA
    history: list[Epoch]


def init_state(model: nn.Module, optimizer: optim.AdamW, dtype: torch.dtype) -> State:
    """The state before the first epoch."""
    device = next(model.parameters()).device
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    return State(model, distributed.wrap_parallel(model), optimizer, scaler, DebiasedEMA(), [])


def fit(
    state: State, workload: Workload, schedule: OneCycle | ExponentialRamp, epochs: int
) -> Iterator[Epoch]:
    """Train until `epochs` are done, from where `state` is; each epoch changes `state` in place.

    Raises:
        ValueError: a loss is not finite; the message names its step and rate.
    """
    recipe, phase = workload.recipe, workload.phase
    for number in range(len(state.history), epochs):
        began, first = time.perf_counter(), number * workload.steps_per_epoch
        batches = workload.batches(number)
        with rng.global_seed(recipe.seed, phase, number, distributed.rank_key("dropout")):
            losses = collect_finite_losses(
                train_one_epoch(state, batches, schedule, first, recipe), first, schedule
            )
        state.smoothed = state.smoothed.update(losses)
        distributed.average_buffers(state.model.buffers())
        valid_loss, metric = workload.validate(state.model)
        if not math.isfinite(valid_loss):
            raise ValueError(
                f"{phase}: the loss on valid became {valid_loss} in epoch {number}, so the network "
                "is lost; try a lower lr (or unfrozen.lr_max), or precision: float32"
            )
        seconds = time.perf_counter() - began
        done = Epoch(number, state.smoothed.value, valid_loss, metric, seconds)
        state.history.append(done)
        yield done


def train_one_epoch(
    state: State,
    batches: Iterable[tuple[Tensor, Tensor]],
    schedule: OneCycle | ExponentialRamp,
    first: int,
    recipe: StepRule,
) -> Iterator[Float[Tensor, ""]]:
    """The loss of each step, still on the device."""
    model, optimizer, scaler = state.parallel.train(), state.optimizer, state.scaler
    for step, (inputs, targets) in enumerate(batches, first):
        fill_new_memory(is_wanted=step == first)
        set_lrs(optimizer, *schedule.at(step))
        with autocast(inputs.device, recipe.dtype):
            loss = recipe.loss(model(inputs), targets)
        loss = distributed.weight_loss(loss, len(targets))
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()
        zero_grad(optimizer)
        yield distributed.all_reduce_mean(loss.detach())


def collect_finite_losses(
    losses: Iterable[Float[Tensor, ""]], first: int, schedule: OneCycle | ExponentialRamp
) -> list[float]:
    """The losses of an epoch, of which none is NaN or infinite.

    On a processor each is looked at as it comes. On a GPU that would make every step wait for it,
    so there they are looked at together when the epoch is over.

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


def check_finite_losses(
    losses: list[float], first: int, schedule: OneCycle | ExponentialRamp
) -> None:
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


def lr_range_test(
    state: State, workload: Workload, schedule: OneCycle | ExponentialRamp, count: int
) -> Iterator[tuple[float, float]]:
    """Rate and loss of `count` batches, over as many epochs as that takes."""
    recipe, epoch, step = workload.recipe, 0, 0
    while step < count:
        batches = workload.batches(epoch)
        with rng.global_seed(recipe.seed, workload.phase, epoch, distributed.rank_key("dropout")):
            for loss in train_one_epoch(state, batches, schedule, step, recipe):
                yield schedule.at(step)[0][-1], loss.item()  # the finder looks at every loss
                step += 1
                if step == count:
                    return
        epoch += 1
