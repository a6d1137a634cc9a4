"""fastai's collaborative filtering beside ours: vocabulary, split, initial values, losses."""

import importlib
import os
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from pawprint.data import splits
from pawprint.ratings import models, planted
from pawprint.ratings.dataset import Ratings, RatingSplit, vocabulary
from pawprint.ratings.training import RatingSession, RatingWorkload
from pawprint.training import loop
from pawprint.training.optimizer import OptimizerConfig
from pawprint.training.schedule import OneCycle
from tests import small
from tests.ratingtables import model_card

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    if os.environ.get("CI"):  # there a skip would hide that it is missing
        importlib.import_module("fastai.collab")
    fastai: Any = pytest.importorskip("fastai.collab")
    every: Any = importlib.import_module("fastai.tabular.all")

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]

STEPS, BATCH, SPAN = 50, 64, (0.0, 5.5)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Whole stars of 80 users for 60 items; the last user and item come once only."""
    result = planted.plant_ratings(2, 80, 60)
    rows = np.argwhere(result.rated)
    stars = np.clip(np.rint(result.ratings[result.rated]), 1, 5).astype(int)
    actual = pd.DataFrame({"user": rows[:, 0] + 1, "item": rows[:, 1] + 1, "rating": stars})
    actual["item"] = "film " + actual["item"].astype(str)
    last = pd.DataFrame([(9999, "only once", 3)], columns=list(actual))
    return pd.concat([actual, last], ignore_index=True)


@pytest.fixture(scope="module")
def loaders(table: pd.DataFrame) -> Any:
    return fastai.CollabDataLoaders.from_df(table, valid_pct=0.2, seed=42, bs=BATCH)


@pytest.fixture(scope="module")
def data(table: pd.DataFrame) -> Ratings:
    """The same table by our own code: the split of the same seed, our vocabulary."""
    is_valid = np.array(splits.random_split(len(table), 0.2, 42)) == "valid"
    texts = table.astype({"user": str})
    names = [vocabulary(texts.loc[~is_valid, column]) for column in ("user", "item")]
    rows = [
        texts[column].map({name: i for i, name in enumerate(known, 1)}).fillna(0).to_numpy()
        for column, known in zip(("user", "item"), names, strict=True)
    ]
    pairs = torch.tensor(np.stack(rows, 1), dtype=torch.int32)
    targets = torch.tensor(table["rating"].to_numpy(), dtype=torch.float32)
    train, valid = (
        RatingSplit(pairs[row], targets[row]) for row in map(torch.tensor, (~is_valid, is_valid))
    )
    return Ratings(names[0], names[1], train, valid, "0" * 64)


def test_vocabulary_split_and_unknown_rows_are_fastais(loaders: Any, data: Ratings) -> None:
    assert [str(name) for name in loaders.classes["user"]] == ["#na#", *data.users]
    assert list(loaders.classes["item"]) == ["#na#", *data.items]
    for split, ratings in ((loaders.train_ds, data.train), (loaders.valid_ds, data.valid)):
        rows = split.items.sort_index()  # fastai keeps the order of the draw, we that of the file
        assert np.array_equal(rows[["user", "item"]].to_numpy(), ratings.pairs.numpy())
        assert np.array_equal(rows["rating"].to_numpy(), ratings.targets.numpy())


def test_a_number_that_train_lacks_is_row_0_and_a_text_gets_a_row_that_nothing_trains(
    table: pd.DataFrame,
) -> None:
    seed = next(s for s in range(99) if splits.random_split(len(table), 0.2, s)[-1] == "valid")
    actual = fastai.CollabDataLoaders.from_df(table, valid_pct=0.2, seed=seed, bs=BATCH)
    user, item = actual.valid_ds.items[["user", "item"]].loc[len(table) - 1]
    assert user == 0  # as ours; but fastai 2.8 reads the names of texts before it splits
    assert actual.classes["item"][item] == "only once"
    assert item not in actual.train_ds.items["item"].to_numpy()


def test_fastai_draws_an_epoch_with_replacement_and_we_take_each_rating_once(
    loaders: Any, data: Ratings
) -> None:
    rows = loaders.train.get_idxs()  # TabWeightedDL, with equal weights
    assert len(rows) == len(data.train)
    assert 0.55 < len(set(rows)) / len(rows) < 0.70  # 1 - 1/e of them
    ours = torch.cat(
        [pairs for pairs, _ in RatingWorkload(data, BATCH, 0, "train").train_batches(0)]
    )
    assert sorted(ours.tolist()) == sorted(data.train.pairs.tolist())


def test_initial_values_and_sizes_are_fastais() -> None:
    torch.manual_seed(3)
    theirs = every.Embedding(70, 9).weight
    torch.manual_seed(3)
    assert torch.equal(models.embedding(70, 9).weight, theirs)
    for names in (1, 5, 60, 943, 1681, 10**5, 10**7):
        assert models.emb_size_rule(names) == every.emb_sz_rule(names + 1)


class DotProduct(every.Module):  # type: ignore[misc]
    """fastbook's first model, in its words."""

    def __init__(self, n_users: int, n_movies: int, n_factors: int, y_range: Any = None) -> None:
        self.user_factors = every.Embedding(n_users, n_factors)
        self.movie_factors = every.Embedding(n_movies, n_factors)
        self.y_range = y_range

    def forward(self, x: Tensor) -> Tensor:
        users = self.user_factors(x[:, 0])
        movies = self.movie_factors(x[:, 1])
        result: Tensor = (users * movies).sum(dim=1)
        if self.y_range is not None:
            result = every.sigmoid_range(result, *self.y_range)
        return result


class CollabNN(every.Module):  # type: ignore[misc]
    """fastbook's small network, in its words."""

    def __init__(self, user_sz: Any, item_sz: Any, y_range: Any, n_act: int) -> None:
        self.user_factors = every.Embedding(*user_sz)
        self.item_factors = every.Embedding(*item_sz)
        self.layers = nn.Sequential(
            nn.Linear(user_sz[1] + item_sz[1], n_act), nn.ReLU(), nn.Linear(n_act, 1)
        )
        self.y_range = y_range

    def forward(self, x: Tensor) -> Tensor:
        embs = self.user_factors(x[:, 0]), self.item_factors(x[:, 1])
        result: Tensor = every.sigmoid_range(self.layers(torch.cat(embs, dim=1)), *self.y_range)
        return result


def theirs(kind: str, loaders: Any, span: Any) -> Any:
    users, items = (len(loaders.classes[name]) for name in ("user", "item"))
    if kind == "dot":
        return DotProduct(users, items, 5, span)
    if kind == "network":
        users, items = every.get_emb_sz(loaders)
        return CollabNN(users, items, SPAN, 16)
    return fastai.EmbeddingDotBias(5, users, items, span)


class Seen(every.Callback):  # type: ignore[misc]
    """The loss of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def before_step(self) -> None:
        self.losses.append(self.learn.loss.item())


PRESETS = [
    ("dot", None, 0.01),
    ("dot", SPAN, 0.01),
    ("bias", SPAN, 0.01),
    ("bias", SPAN, 0.1),
    ("network", SPAN, 0.01),
]


def both(kind: str, span: Any, loaders: Any, data: Ratings) -> tuple[nn.Module, nn.Module]:
    """Our network with the initial values of fastai's, and fastai's."""
    torch.manual_seed(0)
    peer = theirs(kind, loaders, span)
    ours = models.create_model(model_card(data, kind, None if kind == "network" else 5, span), 0)
    ours.load_state_dict(dict(zip(ours.state_dict(), stack_tables(peer, kind), strict=True)))
    return ours, peer


def stack_tables(peer: nn.Module, kind: str) -> list[Tensor]:
    """fastai's parameters as ours stand: tables of users and items one below the other."""
    rows = [parameter.detach() for parameter in peer.parameters()]
    if kind == "network":
        return rows
    return [torch.cat(rows[i : i + 2]) for i in range(0, len(rows), 2)]


@pytest.mark.parametrize(("kind", "span", "decay"), PRESETS)
def test_equal_values_and_batches_give_fastais_losses(
    kind: str, span: Any, decay: float, loaders: Any, data: Ratings
) -> None:
    ours, peer = both(kind, span, loaders, data)
    rng, split = torch.Generator().manual_seed(1), data.train
    orders = [torch.randperm(len(split), generator=rng) for _ in range(3)]
    rows = torch.cat(orders)[: STEPS * BATCH]
    items = list(zip(split.pairs[rows].long(), split.targets[rows], strict=True))
    parts = [every.DataLoader(part, bs=BATCH, num_workers=0) for part in (items, items[:BATCH])]
    seen = Seen()
    learn = every.Learner(every.DataLoaders(*parts), peer, loss_func=every.MSELossFlat(), cbs=seen)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(1, 0.05, wd=decay)
    optimizer = OptimizerConfig(decay, 0.99, 1e-5)
    session = RatingSession(small.CPU, data, model_card(data, kind), optimizer, BATCH, 0)
    batches = [(split.pairs[x], split.targets[x]) for x in torch.split(rows, BATCH)]
    schedule = OneCycle([0.05], STEPS, 0.25, 25.0, 1e5)
    state, workload = session.init_state(ours), session.workload("train")
    steps = loop.train_one_epoch(state, batches, workload, schedule, 0)
    losses = torch.stack(list(steps)).tolist()
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])
    assert losses == pytest.approx(seen.losses, abs=1e-4)
    values = zip(ours.parameters(), stack_tables(peer, kind), strict=True)
    assert max((a - b).abs().max().item() for a, b in values) < 1e-4


def test_a_whole_run_ends_no_worse_than_fastais(loaders: Any, data: Ratings) -> None:
    optimizer, losses = OptimizerConfig(0.1, 0.99, 1e-5), []
    for seed in range(3):
        model_card_ = model_card(data, "bias", 5, SPAN)
        session = RatingSession(small.CPU, data, model_card_, optimizer, BATCH, seed)
        workload, state = session.workload("train"), session.init_state(session.create_model())
        schedule = OneCycle([5e-3], 5 * workload.steps_per_epoch, 0.25, 25.0, 1e5)
        *_, last = loop.fit(state, workload, schedule, 5)
        torch.manual_seed(seed)
        learn = fastai.collab_learner(loaders, n_factors=5, y_range=SPAN)
        with learn.no_bar(), learn.no_logging():
            learn.fit_one_cycle(5, 5e-3, wd=0.1)
        losses.append((last.valid_loss, learn.recorder.values[-1][1]))
    mine, peer = np.mean(losses, 0)
    assert mine <= peer + 0.01
