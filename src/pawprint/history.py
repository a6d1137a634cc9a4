"""The table of epochs: on the screen, in a CSV, and the last line as metrics."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from pawprint import files
from pawprint.console import clock, row
from pawprint.training import Epoch

COLUMNS = ("epoch", "train_loss", "valid_loss", "error_rate")  # the time differs between runs


def written(
    histories: Iterable[Sequence[Epoch]], table: Path, summary: Path, phase: str
) -> Iterator[str]:
    """The lines of the table as the epochs are done, each once it stands in the files.

    Args:
        histories: the epochs so far: of a run that was broken off, then after each new one.
        table: CSV, written anew after each epoch, so that `dvc exp show` sees a running stage.
        summary: JSON, likewise; the last epoch's figures under the phase's name.
        phase: frozen or unfrozen.
    """
    yield row([*COLUMNS, "time"])
    shown, begun = 0, False
    for history in histories:
        if history and not begun:
            yield f"resumed after epoch {len(history)}"
        write(history, table, summary, phase)
        yield from (line(epoch) for epoch in history[shown:])
        shown, begun = len(history), True


def line(epoch: Epoch) -> str:
    """One line of the table."""
    figures = [epoch.train_loss, epoch.valid_loss, epoch.error_rate]
    return row([epoch.epoch, *figures, clock(epoch.seconds)])


def write(history: Sequence[Epoch], table: Path, summary: Path, phase: str) -> None:
    """Write the CSV, and the JSON with the number of epochs and the last one's figures."""
    rows = [{column: asdict(epoch)[column] for column in COLUMNS} for epoch in history]
    files.write_csv(table, COLUMNS, [list(row.values()) for row in rows])
    last = rows[-1] if rows else {}
    figures = {column: last[column] for column in COLUMNS[1:] if column in last}
    files.write_json(summary, {phase: {"epochs": len(rows), **figures}})
