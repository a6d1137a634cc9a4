"""How well known factors are recovered from ratings made with them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from pawprint.core import files
from pawprint.core.findings import Findings
from pawprint.ratings import config, planted, rating_file, training
from pawprint.ratings.models import EmbeddingDotBias
from pawprint.ratings.table import split_ratings
from pawprint.training import loop
from pawprint.training.schedule import OneCycle

ROOT = Path(__file__).resolve().parents[1] / "collab"


@dataclass(frozen=True)
class Recovered:
    """What one training recovered."""

    rmse: float  # on valid
    noise: float  # planted
    biases: float  # correlation of the items' mean logits, planted and found
    factors: float  # the least canonical correlation of the planted factors with those found
    seconds: float  # of an epoch


def recover(seed: int) -> Recovered:
    """Train as in presets/planted.yaml, with another seed of split and training."""
    p = config.load(ROOT / "presets/planted.yaml")
    block = config.load_ratings_entry(p.dataset, ROOT / "datasets.yaml")
    with tempfile.TemporaryDirectory() as name:
        archive, table = Path(name) / "planted.tar", Path(name) / "ratings.csv"
        planted.write_planted(archive)
        rows = rating_file.read_ratings(archive, block.table.file, {}, None, Findings())
        rows["split"] = split_ratings(rows, "random", p.split.valid_fraction, p.split.seed + seed)
        files.write_csv(table, list(rows.columns), rows.itertuples(index=False))
        run = training.open_session(
            config.train_params(p.model_copy(update={"seed": seed})), table, "cpu"
        )
    shape = p.train.model_dump(include={"pct_start", "div", "div_final"})
    workload, state = run.workload("train"), run.init_state(run.create_model())
    rates = OneCycle([float(p.lr)], p.train.epochs * workload.steps_per_epoch, **shape)
    epochs = list(loop.fit(state, workload, rates, p.train.epochs))
    truth = planted.plant_ratings()
    assert isinstance(state.model, EmbeddingDotBias)
    biases, spaces = compare_with(
        truth, state.model, [int(item) - 1 for item in run.model_card.items]
    )
    seconds = float(np.median([epoch.seconds for epoch in epochs]))
    return Recovered(epochs[-1].valid_loss ** 0.5, truth.noise, biases, spaces, seconds)


def compare_with(
    truth: planted.PlantedRatings, model: EmbeddingDotBias, items: list[int]
) -> tuple[float, float]:
    """Correlation of the items' mean logits, and the least canonical correlation of factors.

    A dot product does not determine the rotation of its factors, nor separate a bias from a dot
    product with the users' mean, so this compares means and spaces, not columns.
    """
    with torch.no_grad():
        users, own = (table[1:].double() for table in model.tables())
        biases = model.bias_tables()
        assert biases is not None
        actual = (biases[1][1:].double() + own @ users.mean(0)).numpy()
    mean = truth.item_bias[items] + truth.items[items] @ truth.users.mean(0)
    spaces = canonical(truth.items[items], own.numpy())
    return float(np.corrcoef(mean, actual)[0, 1]), float(spaces.min())


def canonical(
    one: Float[np.ndarray, "row a"], two: Float[np.ndarray, "row b"]
) -> Float[np.ndarray, " a"]:
    """Cosines of the angles between the centred column spaces."""
    bases = [np.linalg.qr(part - part.mean(0))[0] for part in (one, two)]
    cosines: np.ndarray = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    return cosines
