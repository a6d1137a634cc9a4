"""The table of epochs: printed, in a CSV, and its last line as metrics."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pawprint.core import files
from pawprint.terminal.console import format_seconds, table_row
from pawprint.training.loop import Epoch

COLUMNS = ("epoch", "train_loss", "valid_loss")  # and the metric; the time differs between runs


def log_epochs(
    histories: Iterable[Sequence[Epoch]],
    table: Path,
    summary: Path,
    phase: str,
    metric: str | None,
) -> Iterator[str]:
    """The lines of the table, one after each epoch, once it is in the files.

    Args:
        histories: the epochs so far: first of an interrupted run, then after each new epoch.
        table: CSV, rewritten after each epoch, so that `dvc exp show` sees a running stage.
        summary: JSON, rewritten too; the last epoch's figures under the phase's name.
        phase: frozen or unfrozen.
        metric: the name of the last column; None if there is no metric.
    """
    columns = [*COLUMNS, *([metric] if metric else [])]
    wide = max(11, *(len(column) + 1 for column in columns))
    yield table_row([*columns, "time"], wide)
    shown, begun = 0, False
    for history in histories:
        if history and not begun:
            yield f"resumed after epoch {len(history)}"
        rows = [[*epoch_row(epoch)] for epoch in history]
        write_history(rows, table, summary, phase, columns)
        for epoch in history[shown:]:
            yield table_row([*epoch_row(epoch), format_seconds(epoch.seconds)], wide)
        shown, begun = len(history), True


def epoch_row(epoch: Epoch) -> Iterator[float]:
    """A row; without the metric if there is none."""
    yield from (epoch.epoch, epoch.train_loss, epoch.valid_loss)
    if epoch.metric is not None:
        yield epoch.metric


def write_history(
    rows: Sequence[Sequence[float]], table: Path, summary: Path, phase: str, columns: Sequence[str]
) -> None:
    """Write the CSV, and the JSON with the number of epochs and the last epoch's figures."""
    files.write_csv(table, columns, rows)
    last = dict(zip(columns, rows[-1], strict=True)) if rows else {}
    figures = {column: last[column] for column in columns[1:] if column in last}
    files.write_json(summary, {phase: {"epochs": len(rows), **figures}})
