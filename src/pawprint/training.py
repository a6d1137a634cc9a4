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

from pawprint import batches, devices, optimizers, processes, randomness
from pawprint.augment import Strengths
from pawprint.batches import Batch
from pawprint.cache import Cache
from pawprint.dataset import Dataset, Part
from pawprint.sampling import View
from pawprint.schedules import Growing, OneCycle
from pawprint.smoothing import Smoothed
from pawprint.targets import Kind


@runtime_checkable
class Rule(Protocol):
    """How a batch becomes a step."""

    @property
    def seed(self) -> int:
        """Of dropout."""

    @property
    def kind(self) -> torch.dtype:
        """Of autocast."""

    def loss(self, outputs: Tensor, wanted: Tensor) -> Float[Tensor, ""]:
        """The mean loss of a batch."""


@runtime_checkable
class Task(Protocol):
    """What a phase learns."""

    @property
    def phase(self) -> str:
        """Its name; keys the random numbers."""

    @property
    def recipe(self) -> Rule:
        """The same for all phases."""

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch."""

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """What the network is given in each batch, and what it is to say."""

    def judged(self, network: nn.Module) -> tuple[float, float | None]:
        """Mean loss on valid, and the metric where there is one."""


@dataclass(frozen=True)
class Recipe:
    """How a picture becomes a batch, and a batch a step; the same for all phases."""

    view: View
    batch_size: int
    seed: int
    kind: torch.dtype  # of autocast
    strengths: Strengths
    smoothing: float  # of the labels
    target: Kind

    def loss(self, outputs: Tensor, wanted: Tensor) -> Float[Tensor, ""]:
        """The mean loss of a batch."""
        return self.target.loss(outputs, wanted, self.smoothing)


@dataclass(frozen=True)
class Pictures:
    """The task on pictures."""

    data: Dataset
    recipe: Recipe
    phase: str

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch."""
        return batches.per_epoch(len(self.data.parts["train"]), self.recipe.batch_size)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The training batches of one epoch."""
        data, recipe, words = self.data, self.recipe, (self.recipe.seed, self.phase, epoch)
        asked = (recipe.strengths, recipe.view, recipe.batch_size)
        return batches.augmented(data.cache, data.parts["train"], *asked, *words)

    def judged(self, network: nn.Module) -> tuple[float, float]:
        """Mean loss and metric of valid."""
        return judged(network, self.data.cache, self.data.parts["valid"], self.recipe)


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

    network: nn.Module
    parallel: nn.Module  # the network as it is trained: itself, or what joins several processes
    optimizer: optim.AdamW
    scaler: torch.amp.GradScaler
    smoothed: Smoothed
    history: list[Epoch]


def started(network: nn.Module, optimizer: optim.AdamW, kind: torch.dtype) -> State:
    """The state before the first epoch."""
    device = next(network.parameters()).device
    scaler = torch.amp.GradScaler(device.type, enabled=kind == torch.float16)
    return State(network, processes.parallel(network), optimizer, scaler, Smoothed(), [])


def fit(state: State, task: Task, schedule: OneCycle | Growing, epochs: int) -> Iterator[Epoch]:
    """Train until `epochs` are done, from where `state` is; each epoch changes `state` in place.

    Raises:
        ValueError: a loss is not finite; the message names its step and rate.
    """
    recipe, phase = task.recipe, task.phase
    for number in range(len(state.history), epochs):
        began, first = time.perf_counter(), number * task.per_epoch
        found = task.batches(number)
        with randomness.seeded(recipe.seed, phase, number, processes.named("dropout")):
            losses = watched(steps(state, found, schedule, first, recipe), first, schedule)
        state.smoothed = state.smoothed.after(losses)
        processes.agree(state.network.buffers())
        valid_loss, metric = task.judged(state.network)
        if not math.isfinite(valid_loss):
            raise ValueError(
                f"{phase}: the loss on valid became {valid_loss} in epoch {number}, so the network "
                "is lost; try a lower lr (or unfrozen.lr_max), or precision: float32"
            )
        seconds = time.perf_counter() - began
        made = Epoch(number, state.smoothed.value, valid_loss, metric, seconds)
        state.history.append(made)
        yield made


def steps(
    state: State,
    found: Iterable[tuple[Tensor, Tensor]],
    schedule: OneCycle | Growing,
    first: int,
    recipe: Rule,
) -> Iterator[Float[Tensor, ""]]:
    """The loss of each step, still on the device."""
    network, optimizer, scaler = state.parallel.train(), state.optimizer, state.scaler
    for step, (given, wanted) in enumerate(found, first):
        devices.fill_memory(is_wanted=step == first)
        optimizers.set_rates(optimizer, *schedule.at(step))
        with devices.autocast(given.device, recipe.kind):
            loss = recipe.loss(network(given), wanted)
        loss = processes.weighed(loss, len(wanted))
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()
        optimizers.clear(optimizer)
        yield processes.mean(loss.detach())


@torch.no_grad()
def judged(network: nn.Module, stored: Cache, part: Part, recipe: Recipe) -> tuple[float, float]:
    """Mean loss and metric of `part`, by the network in evaluation mode."""
    rows = processes.own(torch.arange(len(part)))
    with devices.autocast(stored.device, recipe.kind):
        own = part.of(rows.tolist())
        seen = batches.predicted(network, stored, own, recipe.view, recipe.batch_size)
    seen = processes.gathered(seen, rows, len(part))
    loss = recipe.target.losses(seen, part.targets).mean()
    return loss.item(), recipe.target.measured(seen, part.targets).item()


def watched(
    losses: Iterable[Float[Tensor, ""]], first: int, schedule: OneCycle | Growing
) -> list[float]:
    """The losses of an epoch, of which none is NaN or infinite.

    On a processor each is looked at as it comes. On a GPU that would make every step wait for it,
    so there they are looked at together when the epoch is over.

    Raises:
        ValueError: with the step, its rate, and what to try.
    """
    told, later = list[float](), list[Tensor]()
    for step, loss in enumerate(losses, first):
        if loss.device.type == "cpu":
            told.append(loss.item())  # the tensor goes: kept, it would split the memory around it
            check_finite(told[-1:], step, schedule)
        else:
            later.append(loss)
    if later:
        told = torch.stack(later).tolist()
        check_finite(told, first, schedule)
    return told


def check_finite(losses: list[float], first: int, schedule: OneCycle | Growing) -> None:
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


def finder_points(
    state: State, task: Task, schedule: OneCycle | Growing, count: int
) -> Iterator[tuple[float, float]]:
    """Rate and loss of `count` batches, over as many epochs as that takes."""
    recipe, epoch, step = task.recipe, 0, 0
    while step < count:
        found = task.batches(epoch)
        with randomness.seeded(recipe.seed, task.phase, epoch, processes.named("dropout")):
            for loss in steps(state, found, schedule, step, recipe):
                yield schedule.at(step)[0][-1], loss.item()  # the finder looks at every loss
                step += 1
                if step == count:
                    return
        epoch += 1
