"""A phase as its stage runs it: epochs, table and model file; or the finder's curve."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import nn

from pawprint.core.params import Finder, OneCycleParams
from pawprint.runtime import distributed
from pawprint.training import checkpoint, history, loop, lr_finder
from pawprint.training.checkpoint import CheckpointStore
from pawprint.training.loop import Epoch, State, Workload
from pawprint.training.schedule import ExponentialRamp, OneCycle


@runtime_checkable
class Session(Protocol):
    """What a pipeline opens once: the device, the data, the recipe, and how to write its model."""

    @property
    def machine(self) -> dict[str, str]:
        """Device, instructions and dtype, for the record of the run."""

    @property
    def facts(self) -> dict[str, int]:
        """What else the result depends on, besides params, files and code, for the fingerprint."""

    def workload(self, phase: str) -> Workload:
        """What this phase learns."""

    def init_state(self, model: nn.Module) -> State:
        """The model on the device, with an optimizer of its trainable parameters."""

    def write_model(
        self, path: Path, model: nn.Module, declared: Mapping[str, Any], max_lrs: Sequence[float]
    ) -> None:
        """Write the model file; its card has what it was trained with."""


@dataclass(frozen=True)
class PhaseFiles:
    """What a train stage reads and writes."""

    name: str  # frozen, unfrozen or train; keys the order, the augmentation and the metrics
    stage: Path  # the stage's own file
    inputs: Sequence[Path]  # on which the result depends
    model: Path
    table: Path
    summary: Path


def run_phase(
    session: Session,
    model: nn.Module,
    max_lrs: Sequence[float],
    cycle: OneCycleParams,
    declared: Mapping[str, Any],
    files: PhaseFiles,
) -> Iterator[str]:
    """Train the model in place, write the phase's files, and yield the lines of its table.

    A generator: each epoch is trained when its line is requested.

    An interrupted run continues from its last complete epoch.

    Args:
        session: the session of the stage's pipeline.
        model: its parameters that require a gradient are trained.
        max_lrs: the highest learning rate of each group of layers.
        cycle: epochs and shape of the one-cycle schedule.
        declared: all params that the result depends on, for the fingerprint and the model's card.
        files: the files to read and write.
    """
    facts = {**declared, **session.facts}
    run_fingerprint = checkpoint.fingerprint(facts, files.inputs, files.stage, session.machine)
    store = CheckpointStore(files.stage.stem, run_fingerprint)
    state, workload = session.init_state(model), session.workload(files.name)
    epochs = train_epochs(state, workload, max_lrs, cycle, store)
    if not distributed.is_main_process():  # that one prints and writes, the others only compute
        deque(epochs, maxlen=0)
        return
    yield from history.log_epochs(epochs, files.table, files.summary, files.name, workload.metric)
    session.write_model(files.model, model, declared, max_lrs)
    store.clear()  # last: a run that is killed before goes on after its last epoch


def train_epochs(
    state: State,
    workload: Workload,
    max_lrs: Sequence[float],
    cycle: OneCycleParams,
    store: CheckpointStore,
) -> Iterator[Sequence[Epoch]]:
    """Train in place; yield the history so far, at the start and after each epoch.

    If the store has the checkpoint of an interrupted run, training continues from it.
    """
    steps = cycle.epochs * workload.steps_per_epoch
    schedule = OneCycle(max_lrs, steps, cycle.pct_start, cycle.div, cycle.div_final)
    store.restore(state)
    yield state.history
    for _ in loop.fit(state, workload, schedule, cycle.epochs):
        store.save(state)  # before the line is shown: an epoch that was seen is never lost
        yield state.history


def lr_curve(
    session: Session, model: nn.Module, finder: Finder, groups: int, phase: str
) -> Iterator[tuple[float, float]]:
    """The finder's curve for this model: learning rate and smoothed loss, until it diverges.

    Args:
        session: the session of the stage's pipeline.
        model: trained from its current state; do not use it afterwards.
        finder: the range of learning rates, and the number of steps.
        groups: the number of groups of layers.
        phase: keys the order and the augmentation.
    """
    schedule = ExponentialRamp(finder.start, finder.end, finder.steps, groups)
    # fastai restores the weights after its finder; here the stage ends and the model is dropped
    state, workload = session.init_state(model), session.workload(phase)
    points = loop.lr_range_test(state, workload, schedule, finder.steps)
    return lr_finder.smooth_curve(points)
