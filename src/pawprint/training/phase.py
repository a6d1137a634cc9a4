"""A phase of the training as its stage runs it: the epochs, their table, the model file."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawprint.models import model_file
from pawprint.models.network import Network
from pawprint.runtime import distributed
from pawprint.training import checkpoint, history, loop, session
from pawprint.training.checkpoint import CheckpointStore
from pawprint.training.loop import Epoch
from pawprint.training.schedule import OneCycle
from pawprint.training.session import Session
from pawprint.training.workload import ImageWorkload


@dataclass(frozen=True)
class PhaseFiles:
    """What a train stage reads and writes."""

    name: str  # frozen or unfrozen; keys the order, the augmentation and the metrics
    stage: Path  # the stage's own file
    inputs: Sequence[Path]  # on which the result depends
    model: Path
    table: Path
    summary: Path


def run_phase(
    run: Session,
    model: Network,
    max_lrs: Sequence[float],
    keys: Mapping[str, Any],
    phase: PhaseFiles,
) -> Iterator[str]:
    """Train the network in place and write the phase's files: the lines of its table.

    A run that was broken off goes on from its last whole epoch.

    Args:
        run: the session.
        network: what of it requires a gradient is trained.
        peaks: highest rate of each group of layers.
        keys: params that the stage declares; `keys[phase.name]` are the cycle's.
        phase: the files.
    """
    # index.csv has the hashes of the files, not of what presize.size made of them
    facts = {**keys, "cache": run.data.cache.size}
    mark = checkpoint.fingerprint(facts, phase.inputs, phase.stage, run.machine)
    store = CheckpointStore(phase.stage.stem, mark)
    epochs = train_epochs(run, model, max_lrs, keys[phase.name], phase.name, store)
    if not distributed.is_main_process():  # that one tells and writes, the others only compute
        deque(epochs, maxlen=0)
        return
    metric = run.recipe.target.metric
    yield from history.log_epochs(epochs, phase.table, phase.summary, phase.name, metric)
    model_card = session.model_card(run, model, {**keys, "peaks": list(max_lrs)})
    model_file.write(phase.model, model, model_card)
    store.clear()


def train_epochs(
    run: Session,
    model: Network,
    max_lrs: Sequence[float],
    cycle: Mapping[str, Any],
    phase: str,
    store: CheckpointStore,
) -> Iterator[Sequence[Epoch]]:
    """Train the network in place: the history so far, at the start and after each epoch.

    Where the store holds the state of a run that was broken off, it goes on from there.

    Args:
        run: the session.
        network: what of it requires a gradient is trained.
        peaks: highest rate of each group of layers.
        cycle: epochs, pct_start, div, div_final.
        phase: frozen or unfrozen; keys the order and the augmentation.
        store: where the state is kept after each epoch.
    """
    shape = {key: cycle[key] for key in ("pct_start", "div", "div_final")}
    schedule = OneCycle(max_lrs, cycle["epochs"] * run.steps_per_epoch, **shape)
    begun = session.init_state(run, model)
    store.restore(begun)
    yield begun.history
    workload = ImageWorkload(run.data, run.recipe, phase)
    for _ in loop.fit(begun, workload, schedule, cycle["epochs"]):
        store.save(begun)
        yield begun.history
