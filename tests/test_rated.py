"""The task on ratings: rows, batches, training, and what comes back of what was planted."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch.nn import functional

from benchmarks import planted
from pawprint.ratings import dataset, models, training
from pawprint.ratings.dataset import Ratings
from pawprint.ratings.models import EmbeddingDotBias
from pawprint.ratings.training import RatingSession, RatingWorkload, SquaredError
from pawprint.runtime import rng
from pawprint.training import loop
from pawprint.training.schedule import OneCycle
from tests import small
from tests.ratingtables import model_card, ratings

CYCLE = {"epochs": 4, "pct_start": 0.25, "div": 25.0, "div_final": 1e5}


def run(data: Ratings, kind: str = "bias", seed: int = 0) -> RatingSession:
    return RatingSession(
        small.CPU,
        RatingWorkload(data, SquaredError(16, seed)),
        model_card(data, kind),
        small.SETTINGS,
    )


def table(path: Path, rows: list[tuple[str, str, float, str]]) -> Path:
    pd.DataFrame(rows, columns=["user", "item", "rating", "split"]).to_csv(path, index=False)
    return path


def test_names_of_train_have_rows_and_others_are_row_0(tmp_path: Path) -> None:
    path = table(
        tmp_path / "ratings.csv",
        [
            ("10", "NA", 3, "train"), ("9", "b", 4, "train"), ("9", "NA", 5, "train"),
            ("9", "c", 1, "valid"), ("7", "b", 2, "valid"),
        ],
    )  # fmt: skip
    data = dataset.load_ratings(path, small.CPU)
    assert (data.users, data.items) == (["9", "10"], ["NA", "b"])
    assert data.train.pairs.tolist() == [[2, 1], [1, 2], [1, 1]]
    assert data.train.targets.tolist() == [3, 4, 5]
    assert data.valid.pairs.tolist() == [[1, 0], [0, 2]]


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_every_rating_comes_once_an_epoch_in_an_order_that_no_batch_size_changes(
    batch_size: int,
) -> None:
    data = ratings()
    task = RatingWorkload(data, SquaredError(batch_size, 0))
    found = list(task.batches(3))
    assert len(found) == task.steps_per_epoch
    sizes = [len(targets) for _, targets in found]
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= max(batch_size, 2)
    order = torch.randperm(len(data.train), generator=rng.generator(0, "train", 3))
    assert torch.equal(torch.cat([pairs for pairs, _ in found]), data.train.pairs[order])
    assert torch.equal(torch.cat([targets for _, targets in found]), data.train.targets[order])
    again, other = (next(task.batches(epoch))[0] for epoch in (3, 4))
    assert torch.equal(again, found[0][0]) and not torch.equal(other, again)


def test_valid_is_judged_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ratings()
    model = models.create_model(model_card(data, "bias"), 0)
    loss, none = RatingWorkload(data, SquaredError(16, 0)).validate(model)
    expected = functional.mse_loss(model(data.valid.pairs), data.valid.targets)
    assert none is None and loss == pytest.approx(expected.item())
    monkeypatch.setattr(training, "AT_ONCE", 7)
    assert RatingWorkload(data, SquaredError(16, 0)).validate(model)[0] == pytest.approx(loss)


def test_the_metrics_by_hand() -> None:
    data = ratings(n=20)
    model = models.create_model(model_card(data, "dot"), 0)
    errors = (model(data.valid.pairs) - data.valid.targets).tolist()
    found = training.metrics(model, data, 0.5)
    assert list(found) == ["mse", "rmse", "mae", "noise", "n"]
    assert found["mse"] == pytest.approx(sum(e * e for e in errors) / 4)
    assert found["rmse"] == pytest.approx(math.sqrt(found["mse"]))
    assert found["mae"] == pytest.approx(sum(map(abs, errors)) / 4)
    assert (found["noise"], found["n"]) == (0.5, 4)
    assert "noise" not in training.metrics(model, data, None)


@pytest.mark.parametrize("kind", ["dot", "bias", "network"])
def test_a_few_ratings_are_learned_by_heart(kind: str) -> None:
    data = ratings(n=60)
    opened = run(data, kind)
    state = opened.state()
    losses = [
        epoch.train_loss
        for epoch in loop.fit(state, opened.workload, OneCycle([0.05], 10**9, 0.25, 1.0, 1e5), 200)
    ]
    own = functional.mse_loss(training.predict(state.model, data.train.pairs), data.train.targets)
    assert own.item() < 0.1 * losses[0]


def test_only_rows_of_a_batch_have_a_gradient() -> None:
    data = ratings()
    model = models.create_model(model_card(data, "bias"), 0)
    pairs, targets = data.train.pairs[:3], data.train.targets[:3]
    SquaredError(3, 0).loss(model(pairs), targets).backward()  # type: ignore[no-untyped-call]
    assert isinstance(model, EmbeddingDotBias) and model.factors.grad is not None
    for column, gradient in enumerate(torch.split(model.factors.grad, model.rows)):
        rows = gradient.abs().sum(1).nonzero().squeeze(1).tolist()
        assert rows == sorted(set(pairs[:, column].tolist()))


def completed(folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> bytes:
    """The model file of a whole run of `train`, in this folder."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)  # the scratch folder lies there
    source = Path("ratings.csv")
    source.write_text("the same in every run")
    made = [source, Path("model"), Path("train.csv"), Path("train.json")]
    lines = training.run_phase(run(ratings(), **given), 0.01, CYCLE, Path(training.__file__), made)
    for line in lines:
        with Path("said.txt").open("a") as said:
            said.write(f"{line}\n")
        if folder.name == "stop" and line.strip().startswith("1 "):
            lines.close()  # type: ignore[attr-defined]
    return made[1].read_bytes() if made[1].exists() else b""


def test_equal_runs_give_equal_bytes_and_other_seeds_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (completed(tmp_path / name, monkeypatch) for name in "ab")
    assert first == second
    assert completed(tmp_path / "c", monkeypatch, seed=1) != first
    assert (tmp_path / "a/train.csv").read_text().startswith("epoch,train_loss,valid_loss\n0,")


def test_a_run_that_was_broken_off_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = completed(tmp_path / "whole", monkeypatch)
    assert completed(tmp_path / "stop", monkeypatch) == b""
    state = list((tmp_path / "stop/.scratch").rglob("state.safetensors"))
    assert len(state) == 1
    (tmp_path / "stop").rename(tmp_path / "on")
    assert completed(tmp_path / "on", monkeypatch) == whole
    said = (tmp_path / "on/said.txt").read_text().splitlines()
    assert said[4] == "resumed after epoch 2" and len(said) == 9  # the table is shown whole
    assert not (tmp_path / "on/.scratch").exists()


def test_the_planted_structure_comes_back() -> None:
    found = planted.recovered(seed=0)
    assert found.noise <= found.rmse <= 1.05 * found.noise
    assert found.biases > 0.98 and found.factors > 0.95
    torch.use_deterministic_algorithms(False)
