"""Ratings: what comes back of planted factors, an epoch beside fastai's, and what more cost.

Part of `make bench`. Made ratings: whole stars by biases and two factors, items by a power law.
"""

import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks import planted, processes, results
from pawprint import devices, factors, modelfile, training
from pawprint.factors import Card
from pawprint.optimizers import Settings
from pawprint.rated import Rated, Ratings, Run, Side, Squares
from pawprint.schedules import OneCycle
from pawprint.splits import random

SEEDS, EPOCHS, LR, DECAY, FACTORS, SPAN = 5, 5, 5e-3, 0.1, 50, (0.0, 5.5)
LAYOUTS = {  # ratings: users and items as MovieLens has them, ratings a batch
    100_000: (943, 1_682, 64),
    1_000_000: (6_040, 3_706, 640),
    10_000_000: (69_878, 10_677, 6_400),
}
GROWTH = 3  # epochs, of which the first is left out


def made(n: int) -> pd.DataFrame:
    """Columns user and item (from 1 on), rating (1 to 5)."""
    users, items, _ = LAYOUTS[n]
    rng = np.random.default_rng(0)
    share = 1 / np.arange(5, items + 5)
    user, item = rng.integers(0, users, n), rng.choice(items, n, p=share / share.sum())
    biases = rng.normal(0.3, 0.4, users)[user] + rng.normal(0.3, 0.6, items)[item]
    tastes = (rng.normal(0, 0.9, (users, 2))[user] * rng.normal(0, 0.9, (items, 2))[item]).sum(1)
    stars = 5.5 / (1 + np.exp(-biases - tastes)) + rng.normal(0, 0.5, n)
    rating = np.clip(np.rint(stars), 1, 5).astype(np.int64)
    return pd.DataFrame({"user": user + 1, "item": item + 1, "rating": rating})


def opened(table: pd.DataFrame, is_valid: np.ndarray, batch_size: int, seed: int) -> Run:
    """The run of these ratings, all of whose names have a row."""
    pairs = torch.from_numpy(table[["user", "item"]].to_numpy(dtype=np.int32))
    wanted = torch.from_numpy(table["rating"].to_numpy(dtype=np.float32))
    rows = torch.from_numpy(is_valid)
    users, items = ([str(i + 1) for i in range(table[name].max())] for name in ("user", "item"))
    train, valid = (Side(pairs[row], wanted[row]) for row in (~rows, rows))
    data = Ratings(users, items, train, valid, "")
    versions = modelfile.versions()
    card = Card("bias", users, items, [FACTORS, FACTORS], 0, list(SPAN), {}, "", versions)
    settings = Settings(DECAY, 0.99, 1e-5, 0.0, True)
    return Run(torch.device("cpu"), Rated(data, Squares(batch_size, seed)), card, settings)


def ours(run: Run, epochs: int) -> tuple[list[float], float]:
    """Seconds of each epoch, and the last loss on valid."""
    cycle = OneCycle([LR], epochs * run.task.per_epoch, 0.25, 25.0, 1e5)
    found = list(training.fit(run.state(), run.task, cycle, epochs))
    return [epoch.seconds for epoch in found], found[-1].valid_loss


def fastais(table: pd.DataFrame, seed: int, threads: int) -> tuple[float, float]:
    """Mean seconds of an epoch, and the last loss on valid."""
    from fastai import collab

    torch.set_num_threads(threads)
    data = collab.CollabDataLoaders.from_df(table, valid_pct=0.2, seed=42, bs=64)
    torch.manual_seed(seed)
    learn = collab.collab_learner(data, n_factors=FACTORS, y_range=SPAN)
    with learn.no_bar(), learn.no_logging():
        began = time.perf_counter()
        learn.fit_one_cycle(EPOCHS, LR, wd=DECAY)
    seconds = (time.perf_counter() - began) / EPOCHS
    torch.set_num_threads(1)
    return seconds, learn.recorder.values[-1][1]


def beside(repeats: int = 3) -> str:
    """Both sides by turns, on the same 80,000 and 20,000 ratings."""
    n, cores = 100_000, torch.get_num_threads()
    torch.set_num_threads(1)
    table = made(n)
    is_valid = np.array(random(n, 0.2, 42)) == "valid"
    found: dict[str, list[tuple[float, float]]] = {}
    sides = {"ours": 1, "fastai, one thread": 1, f"fastai, {cores} threads, its default": cores}
    for seed in range(repeats):
        for side, threads in sides.items():
            if side == "ours":
                seconds, loss = ours(opened(table, is_valid, LAYOUTS[n][2], seed), EPOCHS)
                one = (statistics.mean(seconds), loss)
            else:
                one = fastais(table, seed, threads)
            found.setdefault(side, []).append(one)
            print(side, one, flush=True)
    head = ("side", "seconds an epoch", "over ours", "valid_loss")
    rows = []
    for side, runs in found.items():
        ratios = [b / a for (a, _), (b, _) in zip(found["ours"], runs, strict=True)]
        times = ", ".join(f"{seconds:.2f}" for seconds, _ in runs)
        ends = ", ".join(f"{loss:.4f}" for _, loss in runs)
        rows.append([side, times, f"{statistics.median(ratios):.1f}", ends])
    return (
        f"An epoch of 80,000 ratings in batches of 64, 20,000 judged, {FACTORS} factors with "
        f"biases, range {SPAN}, weight decay {DECAY}, one-cycle of {EPOCHS} epochs at {LR}, "
        f"{repeats} seeds, by turns. fastai 2.8 draws the ratings of an epoch with replacement, "
        "so it sees 63 % of them; we see each once.\n\n" + results.table(head, rows)
    )


def growth() -> str:
    """A process for each size, and what it took."""
    rows = []
    for n, (users, items, batch_size) in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, "-m", "benchmarks.ratings", name, str(n)]
            where = (Path.cwd(), Path(name) / "log")
            _, own = processes.watched(command, *where, processes.anonymous)
            told = json.loads((Path(name) / "told.json").read_text())
        counts = [f"{count:,}" for count in (n, users, items, batch_size)]
        figures = [f"{told['seconds']:.2f}", f"{told['table']:.0f}", f"{told['model']:.0f}"]
        rows.append([*counts, *figures, f"{own / 2**20:,.0f}"])
        print(rows[-1], flush=True)
    head = ("ratings", "users", "items", "a batch", "seconds an epoch", "table, MiB", "model, MiB")
    return (
        f"More ratings, a fifth judged, {FACTORS} factors with biases, one thread; median of "
        f"{GROWTH - 1} epochs after the first. Memory: what the ratings take on the device; the "
        "model with its gradients and moments; all that the process took, Python and torch (about "
        "half a GiB) and the making of the ratings included.\n\n"
        + results.table((*head, "in all, MiB"), rows)
    )


def child(folder: Path, n: int) -> None:
    """Some epochs of n ratings; seconds and memory as JSON."""
    devices.prepared("cpu", 1)
    run = opened(made(n), np.arange(n) % 5 == 0, LAYOUTS[n][2], 0)
    seconds, _ = ours(run, GROWTH)
    sides = (run.task.data.train, run.task.data.valid)
    held = [part for side in sides for part in (side.pairs, side.wanted)]
    weights = sum(weight.nbytes for weight in factors.built(run.card).parameters())
    told = {
        "seconds": statistics.median(seconds[1:]),
        "table": sum(part.nbytes for part in held) / 2**20,
        "model": 4 * weights / 2**20,
    }
    (folder / "told.json").write_text(json.dumps(told))


def twin() -> str:
    """What comes back of the planted factors, over seeds of split and training."""
    found = [planted.recovered(seed) for seed in range(SEEDS)]

    def told(values: Sequence[float], digits: int = 4) -> str:
        spread = statistics.stdev(values)
        return f"{statistics.mean(values):.{digits}f} (sd {spread:.{digits}f})"

    over = [one.rmse / one.noise - 1 for one in found]
    return (
        f"The twin (collab/presets/planted.yaml), {SEEDS} seeds of split and training: rmse "
        f"{told([one.rmse for one in found])} where the planted noise is {found[0].noise}, so "
        f"{100 * min(over):.1f} to {100 * max(over):.1f} % above it; correlation of the items' "
        f"mean logits with the planted ones {told([one.biases for one in found])}, least canonical "
        f"correlation of the planted factors with those found "
        f"{told([one.factors for one in found])}; {told([one.seconds for one in found], 2)} s an "
        "epoch."
    )


def main() -> None:
    """Measure and write the section; with arguments, be the child."""
    if len(sys.argv) > 1:
        child(Path(sys.argv[1]), int(sys.argv[2]))
        return
    warnings.filterwarnings("ignore")
    devices.prepared("cpu", torch.get_num_threads())
    parts = [results.machine(), beside(), twin(), growth()]
    results.put("Ratings", "\n\n".join(parts))


if __name__ == "__main__":
    main()
