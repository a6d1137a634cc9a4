"""The task on ratings: rows, batches, training, and what comes back of what was planted."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks import planted
from pawprint.core.params import OneCycleParams
from pawprint.ratings import dataset, models, training
from pawprint.ratings.dataset import Ratings
from pawprint.ratings.models import EmbeddingDotBias
from pawprint.ratings.training import RatingSession, RatingWorkload
from pawprint.runtime import rng
from pawprint.training import loop
from pawprint.training.phase import PhaseFiles, run_phase
from pawprint.training.schedule import OneCycle
from tests import small
from tests.ratingtables import model_card, ratings

CYCLE = OneCycleParams(epochs=4, pct_start=0.25, div=25.0, div_final=1e5)


def run(data: Ratings, kind: str = "bias", seed: int = 0) -> RatingSession:
    return RatingSession(small.CPU, data, model_card(data, kind), small.SETTINGS, 16, seed)


def workload(data: Ratings, batch_size: int = 16) -> RatingWorkload:
    return RatingWorkload(data, batch_size, 0, "train")


def validate(model: nn.Module, data: Ratings) -> tuple[float, float | None]:
    return loop.validate(model, workload(data).valid_batches(), workload(data))


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
    own = workload(data, batch_size)
    batches = list(own.train_batches(3))
    assert len(batches) == own.steps_per_epoch
    sizes = [len(targets) for _, targets in batches]
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= max(batch_size, 2)
    order = torch.randperm(len(data.train), generator=rng.generator(0, "train", 3))
    assert torch.equal(torch.cat([pairs for pairs, _ in batches]), data.train.pairs[order])
    assert torch.equal(torch.cat([targets for _, targets in batches]), data.train.targets[order])
    again, other = (next(own.train_batches(epoch))[0] for epoch in (3, 4))
    assert torch.equal(again, batches[0][0]) and not torch.equal(other, again)


def test_valid_is_judged_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ratings()
    model = models.create_model(model_card(data, "bias"), 0)
    loss, none = validate(model, data)
    expected = functional.mse_loss(model(data.valid.pairs), data.valid.targets)
    assert none is None and loss == pytest.approx(expected.item())
    monkeypatch.setattr(training, "CHUNK", 7)
    assert validate(model, data)[0] == pytest.approx(loss)


def test_the_metrics_by_hand() -> None:
    data = ratings(n=20)
    model = models.create_model(model_card(data, "dot"), 0)
    errors = (model(data.valid.pairs) - data.valid.targets).tolist()
    metrics = training.metrics(model, data, 0.5)
    assert list(metrics) == ["mse", "rmse", "mae", "noise", "n"]
    assert metrics["mse"] == pytest.approx(sum(e * e for e in errors) / 4)
    assert metrics["rmse"] == pytest.approx(math.sqrt(metrics["mse"]))
    assert metrics["mae"] == pytest.approx(sum(map(abs, errors)) / 4)
    assert (metrics["noise"], metrics["n"]) == (0.5, 4)
    assert "noise" not in training.metrics(model, data, None)


@pytest.mark.parametrize("kind", ["dot", "bias", "network"])
def test_a_few_ratings_are_learned_by_heart(kind: str) -> None:
    data = ratings(n=60)
    opened = run(data, kind)
    state, schedule = (
        opened.init_state(opened.create_model()),
        OneCycle([0.05], 10**9, 0.25, 1, 1e5),
    )
    epochs = loop.fit(state, opened.workload("train"), schedule, 200)
    losses = [epoch.train_loss for epoch in epochs]
    own = functional.mse_loss(training.predict(state.model, data.train.pairs), data.train.targets)
    assert own.item() < 0.1 * losses[0]


def test_only_rows_of_a_batch_have_a_gradient() -> None:
    data = ratings()
    model = models.create_model(model_card(data, "bias"), 0)
    pairs, targets = data.train.pairs[:3], data.train.targets[:3]
    workload(data, 3).loss(model(pairs), targets).backward()  # type: ignore[no-untyped-call]
    assert isinstance(model, EmbeddingDotBias) and model.factors.grad is not None
    for column, gradient in enumerate(torch.split(model.factors.grad, model.rows)):
        rows = gradient.abs().sum(1).nonzero().squeeze(1).tolist()
        assert rows == sorted(set(pairs[:, column].tolist()))


def complete_run(folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> bytes:
    """The model file of a whole run of `train`, in this folder."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)  # the scratch folder lies there
    source = Path("ratings.csv")
    source.write_text("the same in every run")
    model, table, summary = Path("model"), Path("train.csv"), Path("train.json")
    files = PhaseFiles("train", Path(training.__file__), [source], model, table, summary)
    session = run(ratings(), **given)
    declared = {"seed": session.seed, "lr": 0.01, "train": CYCLE.model_dump()}
    lines = run_phase(session, session.create_model(), [0.01], CYCLE, declared, files)
    for line in lines:
        with Path("said.txt").open("a") as message:
            message.write(f"{line}\n")
        if folder.name == "stop" and line.strip().startswith("1 "):
            lines.close()  # type: ignore[attr-defined]
    return model.read_bytes() if model.exists() else b""


def test_equal_runs_give_equal_bytes_and_other_seeds_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (complete_run(tmp_path / name, monkeypatch) for name in "ab")
    assert first == second
    assert complete_run(tmp_path / "c", monkeypatch, seed=1) != first
    assert (tmp_path / "a/train.csv").read_text().startswith("epoch,train_loss,valid_loss\n0,")


def test_a_run_that_was_broken_off_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = complete_run(tmp_path / "whole", monkeypatch)
    assert complete_run(tmp_path / "stop", monkeypatch) == b""
    state = list((tmp_path / "stop/.scratch").rglob("state.safetensors"))
    assert len(state) == 1
    (tmp_path / "stop").rename(tmp_path / "on")
    assert complete_run(tmp_path / "on", monkeypatch) == whole
    text = (tmp_path / "on/said.txt").read_text().splitlines()
    assert text[4] == "resumed after epoch 2" and len(text) == 9  # the table is shown whole
    assert not (tmp_path / "on/.scratch").exists()


def test_the_planted_structure_comes_back() -> None:
    actual = planted.recover(seed=0)
    assert actual.noise <= actual.rmse <= 1.05 * actual.noise
    assert actual.biases > 0.98 and actual.factors > 0.95
    torch.use_deterministic_algorithms(False)
