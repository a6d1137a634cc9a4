"""Whether a training phase trained for too long, from its table of epochs.

Use the model at the end of one-cycle: only there has the learning rate come down to zero, and
picking an epoch by its error on valid makes that error too low. So to fix overfitting, train again
with fewer epochs, rather than stop early. Source: fastbook, chapter 5, "Selecting the number of
epochs".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pawprint.core import files

COLUMNS = ("train_loss", "valid_loss", "error_rate")
REMEDY = "delete it, then `dvc repro` makes it again"
RISE_LIMIT = 1.1  # times its least value: from there on a loss on valid is said to rise


@dataclass(frozen=True)
class Phase:
    """The content of a table of epochs; epochs are counted from 1."""

    name: str
    train_loss: list[float]  # nats
    valid_loss: list[float]
    error_rate: list[float]  # 0-1

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return len(self.error_rate)


def read_phase(path: Path, name: str) -> Phase:
    """The table of a train stage.

    Raises:
        FileNotFoundError: the stage has not run.
        ValueError: it is not a table of epochs, or some of its figures are not finite.
    """
    try:
        whole = pd.read_csv(path)
        table = whole[[column for column in COLUMNS if column in whole]].astype(float)
    except ValueError as error:
        raise ValueError(f"{path}: not a table of epochs; {REMEDY}") from error
    if {*COLUMNS[:2]} <= {*whole.columns} and COLUMNS[2] not in whole and len(whole.columns) > 3:
        raise ValueError(
            f"{path}: its metric is {whole.columns[3]}, but `pawprint epochs` only judges error "
            "rates; look at valid_loss there"
        )
    if len(table.columns) < len(COLUMNS):
        raise ValueError(f"{path}: not a table of epochs; {REMEDY}")
    if not np.isfinite(table.to_numpy()).all():
        raise ValueError(f"{path}: contains figures that are not finite; {REMEDY}")
    return Phase(name, *(table[key].tolist() for key in COLUMNS))


def judged_images(path: Path) -> int:
    """The number of valid images, from the summary of stage label.

    Raises:
        FileNotFoundError: the stage has not run.
        ValueError: the summary does not have it.
    """
    try:
        count = int(files.read_json(path)["valid"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: does not say how many images valid has; {REMEDY}") from error
    if count < 1:
        raise ValueError(f"{path}: valid has {count} images; {REMEDY}")
    return count


def diagnose(phase: Phase, images: int, planned: int = 0) -> str:
    """One line: whether it overfits, and how many epochs to use instead.

    If the error has risen since its best epoch by less than the standard error for this many
    images, that counts as chance.

    Args:
        phase: at least one epoch.
        images: the number of valid images.
        planned: the epochs in params.yaml; if there are fewer in the table, there is no verdict.
    """
    if phase.epochs < planned:
        return (
            f"{phase.name}: only {phase.epochs} of the {format_epochs(planned)} in params.yaml: "
            "interrupted, or from other params; `dvc repro` completes it"
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
            f"{ends}, {round((last - lowest_error) * images)} of {images} images more than after "
            f"epoch {best_epoch}: it overfits; train again with -S {phase.name}.epochs={best_epoch}"
        )
    if lowest_at < phase.epochs and losses[-1] > losses[lowest_at - 1] * RISE_LIMIT:
        return (
            f"{ends}, no worse than at its best, but the loss on valid rises since epoch "
            f"{lowest_at}: the model is getting overconfident; keep the epochs, but trust "
            "its probabilities less (ece)"
        )
    if best_epoch == phase.epochs and errors[-2] - last > standard_error:
        more = f"{phase.name}.epochs={2 * phase.epochs}"
        return f"{ends}, still falling: more epochs may help; try -S {more}"
    worse = (
        "its best"
        if best_epoch == phase.epochs
        else f"worse than its best (epoch {best_epoch}) only by chance"
    )
    return f"{ends}, {worse}: no sign of overfitting"


def stale_message(name: str, reasons: Sequence[str]) -> str:
    """One line for a phase whose table is not from the current params, data and code."""
    return (
        f"{name}: not judged, because reports/train_{name}.csv is from other params, data or code "
        f"than the current ones: {reasons[0]}; `dvc repro` makes it again"
    )


def format_epochs(epochs: int) -> str:
    """1 epoch, 2 epochs."""
    return f"{epochs} epoch{'s' if epochs != 1 else ''}"
