"""Whether a training phase went on for too long, read from its table of epochs.

The model at the end of one-cycle is the model: its rate has come down to nothing there, which no
earlier epoch's has, and an epoch that is picked for its error on valid flatters it. So a phase
that overfits is run again, with fewer epochs, rather than cut short.
Source: the deeper reasons stand in fastbook, chapter 5, "Selecting the number of epochs".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pawprint.core import files

COLUMNS = ("train_loss", "valid_loss", "error_rate")
REMEDY = "delete it, and `dvc repro` makes it anew"
RISE_LIMIT = 1.1  # times its least value: from there on a loss on valid is said to rise


@dataclass(frozen=True)
class Phase:
    """What a table of epochs holds, epochs counted from 1."""

    name: str
    train_loss: list[float]  # nats
    valid_loss: list[float]
    error_rate: list[float]  # 0-1

    @property
    def epochs(self) -> int:
        """How many there are."""
        return len(self.error_rate)


def read_phase(path: Path, name: str) -> Phase:
    """The table of a train stage.

    Raises:
        FileNotFoundError: the stage has not run.
        ValueError: it is no table of epochs, or some of its figures are no numbers.
    """
    try:
        whole = pd.read_csv(path)
        table = whole[[column for column in COLUMNS if column in whole]].astype(float)
    except ValueError as error:
        raise ValueError(f"{path}: no table of epochs; {REMEDY}") from error
    if {*COLUMNS[:2]} <= {*whole.columns} and COLUMNS[2] not in whole and len(whole.columns) > 3:
        raise ValueError(
            f"{path}: its metric is {whole.columns[3]}, and `pawprint epochs` judges error rates "
            "alone; look at valid_loss there"
        )
    if len(table.columns) < len(COLUMNS):
        raise ValueError(f"{path}: no table of epochs; {REMEDY}")
    if not np.isfinite(table.to_numpy()).all():
        raise ValueError(f"{path}: holds figures that are no numbers; {REMEDY}")
    return Phase(name, *(table[key].tolist() for key in COLUMNS))


def judged_images(path: Path) -> int:
    """The pictures of valid, from the summary of stage label.

    Raises:
        FileNotFoundError: the stage has not run.
        ValueError: it does not say how many.
    """
    try:
        count = int(files.read_json(path)["valid"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: does not say how many pictures valid has; {REMEDY}") from error
    if count < 1:
        raise ValueError(f"{path}: valid has {count} pictures; {REMEDY}")
    return count


def diagnose(phase: Phase, images: int, planned: int = 0) -> str:
    """One line: whether it overfits, and how many epochs to train with instead.

    An error that has risen since its best epoch by less than the standard error of a share of so
    many pictures is taken for chance.

    Args:
        phase: at least one epoch.
        images: in valid.
        planned: epochs that params.yaml has; where there are fewer, nothing is judged.
    """
    if phase.epochs < planned:
        return (
            f"{phase.name}: {phase.epochs} of the {format_epochs(planned)} that params.yaml asks "
            "for: broken off, or of other params; `dvc repro` makes it whole"
        )
    errors, losses = phase.error_rate, phase.valid_loss
    if phase.epochs < 2:
        return f"{phase.name}: {format_epochs(phase.epochs)}, too few to judge"
    last, lowest_error = errors[-1], min(errors)
    best_epoch, lowest_at = errors.index(lowest_error) + 1, losses.index(min(losses)) + 1
    # at least one image's: no error at all would have a standard error of 0
    standard_error = math.sqrt(max(last * (1 - last), 1 / images) / images)
    ends = f"{phase.name}: {format_epochs(phase.epochs)}, error {last:.4f} at the end"
    if last - lowest_error > standard_error:
        return (
            f"{ends}, {round((last - lowest_error) * images)} of {images} pictures more than after "
            f"epoch {best_epoch}: it overfits; train anew with -S {phase.name}.epochs={best_epoch}"
        )
    if lowest_at < phase.epochs and losses[-1] > losses[lowest_at - 1] * RISE_LIMIT:
        return (
            f"{ends}, no worse than at its best, but the loss on valid rises since epoch "
            f"{lowest_at}: it grows too sure of itself; keep the epochs, and trust its "
            "probabilities less (ece)"
        )
    if best_epoch == phase.epochs and errors[-2] - last > standard_error:
        more = f"{phase.name}.epochs={2 * phase.epochs}"
        return f"{ends}, still falling: more epochs may help; try -S {more}"
    worse = (
        "its best"
        if best_epoch == phase.epochs
        else f"no worse than its best (epoch {best_epoch}) but by chance"
    )
    return f"{ends}, {worse}: no overfitting seen"


def stale_message(name: str, reasons: Sequence[str]) -> str:
    """One line for a phase whose table is of another run than what is here now."""
    return (
        f"{name}: not judged, since reports/train_{name}.csv is of other params, data or code than "
        f"are here now: {reasons[0]}; `dvc repro` makes it again"
    )


def format_epochs(epochs: int) -> str:
    """1 epoch, 2 epochs."""
    return f"{epochs} epoch{'s' if epochs != 1 else ''}"
