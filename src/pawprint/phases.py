"""A phase of the training as its stage runs it: the epochs, their table, the model file."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawprint import checkpoints, history, modelfile, processes, session, training
from pawprint.checkpoints import Store
from pawprint.networks import Network
from pawprint.schedules import OneCycle
from pawprint.session import Session
from pawprint.training import Epoch


@dataclass(frozen=True)
class Phase:
    """What a train stage reads and writes."""

    name: str  # frozen or unfrozen; keys the order, the augmentation and the metrics
    stage: Path  # the stage's own file
    inputs: Sequence[Path]  # on which the result depends
    model: Path
    table: Path
    summary: Path


def completed(
    run: Session, network: Network, peaks: Sequence[float], keys: Mapping[str, Any], phase: Phase
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
    mark = checkpoints.fingerprint(facts, phase.inputs, phase.stage, run.machine)
    store = Store(phase.stage.stem, mark)
    epochs = trained(run, network, peaks, keys[phase.name], phase.name, store)
    if not processes.is_first():  # that one tells and writes, the others only compute
        deque(epochs, maxlen=0)
        return
    metric = run.recipe.target.metric
    yield from history.written(epochs, phase.table, phase.summary, phase.name, metric)
    card = session.card(run, network, {**keys, "peaks": list(peaks)})
    modelfile.write(phase.model, network, card)
    store.clear()


def trained(
    run: Session,
    network: Network,
    peaks: Sequence[float],
    cycle: Mapping[str, Any],
    phase: str,
    store: Store,
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
    rates = OneCycle(peaks, cycle["epochs"] * run.steps_per_epoch, **shape)
    begun = session.state(run, network)
    store.restore(begun)
    yield begun.history
    task = training.Pictures(run.data, run.recipe, phase)
    for _ in training.fit(begun, task, rates, cycle["epochs"]):
        store.save(begun)
        yield begun.history
