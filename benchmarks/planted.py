"""How well ratings that were made from known factors give these back."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from pawprint import collab, embedded, files, rated, rating_file, ratings, training
from pawprint.factors import Dot
from pawprint.findings import Findings
from pawprint.schedules import OneCycle

ROOT = Path(__file__).resolve().parents[1] / "collab"


@dataclass(frozen=True)
class Recovered:
    """What one training gave back."""

    rmse: float  # on valid
    noise: float  # planted
    biases: float  # correlation of the items' mean logits, planted and found
    factors: float  # the least canonical correlation of the planted factors with those found
    seconds: float  # of an epoch


def recovered(seed: int) -> Recovered:
    """Train as presets/planted.yaml says, with another split and training seed."""
    p = collab.load(ROOT / "presets/planted.yaml")
    block = collab.block(p.dataset, ROOT / "datasets.yaml")
    with tempfile.TemporaryDirectory() as name:
        archive, table = Path(name) / "planted.tar", Path(name) / "ratings.csv"
        embedded.write_planted(archive)
        rows = rating_file.read(archive, block.table.file, {}, None, Findings())
        rows["split"] = ratings.sides(rows, "random", p.split.valid_fraction, p.split.seed + seed)
        files.write_csv(table, list(rows.columns), rows.itertuples(index=False))
        run = rated.run({**collab.training(p), "seed": seed}, table, "cpu")
    shape = p.train.model_dump(include={"pct_start", "div", "div_final"})
    rates = OneCycle([float(p.lr)], p.train.epochs * run.task.per_epoch, **shape)
    state = run.state()
    epochs = list(training.fit(state, run.task, rates, p.train.epochs))
    truth = embedded.planted()
    assert isinstance(state.network, Dot)
    biases, spaces = compared(truth, state.network, [int(item) - 1 for item in run.card.items])
    seconds = float(np.median([epoch.seconds for epoch in epochs]))
    return Recovered(epochs[-1].valid_loss ** 0.5, truth.noise, biases, spaces, seconds)


def compared(truth: embedded.Planted, network: Dot, items: list[int]) -> tuple[float, float]:
    """Correlation of the items' mean logits, and the least canonical correlation of factors.

    A dot product does not tell how its factors are turned, nor a bias from a dot product with the
    users' mean: so means and spaces are compared, not columns.
    """
    with torch.no_grad():
        users, own = (table[1:].double() for table in network.tables())
        biases = network.bias_tables()
        assert biases is not None
        found = (biases[1][1:].double() + own @ users.mean(0)).numpy()
    mean = truth.item_bias[items] + truth.items[items] @ truth.users.mean(0)
    spaces = canonical(truth.items[items], own.numpy())
    return float(np.corrcoef(mean, found)[0, 1]), float(spaces.min())


def canonical(
    one: Float[np.ndarray, "row a"], two: Float[np.ndarray, "row b"]
) -> Float[np.ndarray, " a"]:
    """Cosines of the angles between the column spaces, once centred."""
    bases = [np.linalg.qr(part - part.mean(0))[0] for part in (one, two)]
    cosines: np.ndarray = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    return cosines
