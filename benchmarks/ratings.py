"""Ratings: recovery of planted factors, an epoch compared with fastai, the cost of more ratings.

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
from pawprint.data.splits import random_split
from pawprint.ratings import models
from pawprint.ratings.dataset import Ratings, RatingSplit
from pawprint.ratings.models import RatingsCard
from pawprint.ratings.training import RatingSession
from pawprint.runtime import tensor_file
from pawprint.runtime.device import setup_device
from pawprint.training import loop
from pawprint.training.optimizer import OptimizerConfig
from pawprint.training.schedule import OneCycle

SEEDS, EPOCHS, LR, DECAY, FACTORS, SPAN = 5, 5, 5e-3, 0.1, 50, (0.0, 5.5)
LAYOUTS = {  # ratings: users and items as MovieLens has them, ratings a batch
    100_000: (943, 1_682, 64),
    1_000_000: (6_040, 3_706, 640),
    10_000_000: (69_878, 10_677, 6_400),
}
BESIDE = 100_000  # ratings beside fastai
Told = dict[str, float]
GROWTH = 3  # epochs, of which the first is left out


def make(n: int) -> pd.DataFrame:
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


def open_it(table: pd.DataFrame, is_valid: np.ndarray, batch_size: int, seed: int) -> RatingSession:
    """The session of these ratings, in which all names have a row."""
    pairs = torch.from_numpy(table[["user", "item"]].to_numpy(dtype=np.int32))
    targets = torch.from_numpy(table["rating"].to_numpy(dtype=np.float32))
    rows = torch.from_numpy(is_valid)
    users, items = ([str(i + 1) for i in range(table[name].max())] for name in ("user", "item"))
    train, valid = (RatingSplit(pairs[row], targets[row]) for row in (~rows, rows))
    data = Ratings(users, items, train, valid, "")
    versions = tensor_file.versions()
    model_card = RatingsCard(
        "bias", users, items, [FACTORS, FACTORS], 0, list(SPAN), {}, "", versions
    )
    optimizer = OptimizerConfig(DECAY, 0.99, 1e-5)
    return RatingSession(torch.device("cpu"), data, model_card, optimizer, batch_size, seed)


def train_small(run: RatingSession, epochs: int) -> tuple[list[float], float]:
    """Seconds of each epoch, and the last loss on valid."""
    workload, state = run.workload("train"), run.init_state(run.create_model())
    cycle = OneCycle([LR], epochs * workload.steps_per_epoch, 0.25, 25.0, 1e5)
    rows = list(loop.fit(state, workload, cycle, epochs))
    return [epoch.seconds for epoch in rows], rows[-1].valid_loss


def ours(seed: int, threads: int) -> Told:
    """Mean seconds of an epoch, and the last loss on valid."""
    setup_device("cpu", threads)
    is_valid = np.array(random_split(BESIDE, 0.2, 42)) == "valid"
    seconds, loss = train_small(open_it(make(BESIDE), is_valid, LAYOUTS[BESIDE][2], seed), EPOCHS)
    return {"seconds": statistics.mean(seconds), "loss": loss}


def fastais(seed: int, threads: int) -> Told:
    """The same with fastai."""
    from fastai import collab

    torch.set_num_threads(threads)
    data = collab.CollabDataLoaders.from_df(
        make(BESIDE), valid_pct=0.2, seed=42, bs=LAYOUTS[BESIDE][2]
    )
    torch.manual_seed(seed)
    learn = collab.collab_learner(data, n_factors=FACTORS, y_range=SPAN)
    with learn.no_bar(), learn.no_logging():
        began = time.perf_counter()
        learn.fit_one_cycle(EPOCHS, LR, wd=DECAY)
    seconds = (time.perf_counter() - began) / EPOCHS
    return {"seconds": seconds, "loss": learn.recorder.values[-1][1]}


def grown(n: int, threads: int) -> Told:
    """Seconds per epoch of n ratings, and MiB of the table and the model."""
    setup_device("cpu", threads)
    run = open_it(make(n), np.arange(n) % 5 == 0, LAYOUTS[n][2], 0)
    seconds, _ = train_small(run, GROWTH)
    splits = (run.data.train, run.data.valid)
    held = [part for side in splits for part in (side.pairs, side.targets)]
    weights = sum(weight.nbytes for weight in models.build_model(run.model_card).parameters())
    return {
        "seconds": statistics.median(seconds[1:]),
        "table": sum(part.nbytes for part in held) / 2**20,
        "model": 4 * weights / 2**20,
    }


CHILDREN = {"ours": ours, "fastai": fastais, "grown": grown}


def apart(name: str, number: int, threads: int) -> tuple[Told, int]:
    """The result of the child of that name, in a separate process, and its memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        words = [name, str(number), str(threads), folder]
        command = [sys.executable, "-m", "benchmarks.ratings", *words]
        _, own = processes.watch(command, Path.cwd(), Path(folder) / "log", processes.anonymous)
        return json.loads((Path(folder) / "told.json").read_text()), own


def beside(repeats: int = 5) -> str:
    """Both sides in turns, on the same 80,000 and 20,000 ratings."""
    cores = torch.get_num_threads()
    actual: dict[tuple[str, int], list[Told]] = {}
    for seed in range(repeats):
        for threads in (1, cores):
            for side in ("ours", "fastai"):
                lines, _ = apart(side, seed, threads)
                actual.setdefault((side, threads), []).append(lines)
                print(side, threads, lines, flush=True)
    head = ("side", "threads", "seconds an epoch", "over ours", "valid_loss")
    rows = []
    for (side, threads), runs in actual.items():
        pairs = zip(actual["ours", threads], runs, strict=True)
        ratio = statistics.median(theirs["seconds"] / own["seconds"] for own, theirs in pairs)
        times = ", ".join(f"{run['seconds']:.3f}" for run in runs)
        ends = ", ".join(f"{run['loss']:.4f}" for run in runs)
        rows.append([side, str(threads), times, f"{ratio:.1f}", ends])
    return (
        f"An epoch of 80,000 ratings in batches of 64, 20,000 judged, {FACTORS} factors with "
        f"biases, range {SPAN}, weight decay {DECAY}, one-cycle of {EPOCHS} epochs at {LR}, "
        f"{repeats} seeds, by turns, each in a process of its own; over ours: of equal threads, "
        f"median. fastai's default is {cores} threads here. fastai 2.8 draws the ratings of an "
        "epoch with replacement, so it sees 63 % of them; we see each once.\n\n"
        + results.table(head, rows)
    )


def growth() -> str:
    """A process for each size, and its time and memory."""
    rows = []
    for n, (users, items, batch_size) in LAYOUTS.items():
        lines, own = apart("grown", n, 1)
        counts = [f"{count:,}" for count in (n, users, items, batch_size)]
        figures = [f"{lines['seconds']:.2f}", f"{lines['table']:.0f}", f"{lines['model']:.0f}"]
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


def twin() -> str:
    """How well the planted factors are recovered, over seeds of split and training."""
    rows = [planted.recover(seed) for seed in range(SEEDS)]

    def told(values: Sequence[float], digits: int = 4) -> str:
        spread = statistics.stdev(values)
        return f"{statistics.mean(values):.{digits}f} (sd {spread:.{digits}f})"

    over = [one.rmse / one.noise - 1 for one in rows]
    return (
        f"The twin (collab/presets/planted.yaml), {SEEDS} seeds of split and training: rmse "
        f"{told([one.rmse for one in rows])} where the planted noise is {rows[0].noise}, so "
        f"{100 * min(over):.1f} to {100 * max(over):.1f} % above it; correlation of the items' "
        f"mean logits with the planted ones {told([one.biases for one in rows])}, least canonical "
        f"correlation of the planted factors with those found "
        f"{told([one.factors for one in rows])}; {told([one.seconds for one in rows], 2)} s an "
        "epoch."
    )


def main() -> None:
    """Measure and write the section; with arguments, run as the child."""
    warnings.filterwarnings("ignore")
    if len(sys.argv) > 1:
        name, number, threads, folder = sys.argv[1:]
        lines = CHILDREN[name](int(number), int(threads))
        (Path(folder) / "told.json").write_text(json.dumps(lines))
        return
    setup_device("cpu", torch.get_num_threads())
    parts = [results.machine(), beside(), twin(), growth()]
    results.put("Ratings", "\n\n".join(parts))


if __name__ == "__main__":
    main()
