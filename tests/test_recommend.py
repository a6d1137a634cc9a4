"""What a model of ratings says of users and items: names, order, cosines, components."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pawprint.core import files
from pawprint.ratings import factor_map, models, recommend, training
from pawprint.ratings.dataset import Ratings
from pawprint.ratings.models import EmbeddingDotBias, RatingsCard
from tests.ratingtables import model_card, ratings


@pytest.fixture
def train_small() -> tuple[Ratings, EmbeddingDotBias, RatingsCard]:
    """Three films, two users; the factors lie at angles that are easy to tell."""
    data = ratings(users=2, items=3, n=30)
    result = model_card(data, "bias", 2)
    model = models.create_model(result, 0).eval()
    assert isinstance(model, EmbeddingDotBias)
    biases = model.bias_tables()
    assert biases is not None
    users, items = model.tables()
    items.data[1:] = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, -2.0]])
    users.data[1:] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    biases[0].data.zero_()
    biases[1].data[1:] = torch.tensor([0.0, -0.5, 0.75])
    return data, model, result


def test_items_are_recommended_by_their_predicted_rating(
    train_small: tuple[Ratings, EmbeddingDotBias, RatingsCard],
) -> None:
    _, model, result = train_small
    actual = recommend.recommend_items(model, result, "1", [], 5)
    assert [one.item for one in actual] == ["film 1", "film 3", "film 2"]
    assert [one.score for one in actual] == pytest.approx([1.0, 0.75, 0.5])
    actual = recommend.recommend_items(model, result, "1", ["film 3", "film 9"], 1)
    assert [one.item for one in actual] == ["film 1"]
    assert recommend.recommend_items(model, result, "1", result.items, 4) == []


def test_the_cosines_are_those_of_the_angles(
    train_small: tuple[Ratings, EmbeddingDotBias, RatingsCard],
) -> None:
    _, model, result = train_small
    actual = recommend.similar_items(model, result, "film 2", 5)
    assert [one.item for one in actual] == ["film 1", "film 3"]
    assert [one.score for one in actual] == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)])
    near = recommend.neighbours(model, result, torch.tensor([1.0, 5.0, 3.0]), 2)
    assert near[["item", "nearest"]].to_numpy().tolist() == [
        ["film 2", "film 1"], ["film 3", "film 1"],
    ]  # fmt: skip


def test_biases_are_ranked_and_a_model_without_them_has_none(
    train_small: tuple[Ratings, EmbeddingDotBias, RatingsCard],
) -> None:
    data, model, result = train_small
    table = recommend.biases(model, result, torch.tensor([4.0, 5.0, 6.0]))
    assert table.to_numpy().tolist() == [
        ["film 3", 6, 0.75], ["film 1", 4, 0.0], ["film 2", 5, -0.5],
    ]  # fmt: skip
    for kind in ("dot", "network"):
        other = model_card(data, kind, 2)
        table = recommend.biases(models.create_model(other, 0), other, torch.zeros(3))
        assert list(table.columns) == ["item", "ratings", "bias"] and table.empty


KNOWN = ["Alien (1979)", "Aliens (1986)", "Star Wars (1977)", "star trek"]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Star Wars (1977)", 3),
        ("star wars (1977)", 3),
        ("wars", 3),
        ("aliens", 2),
        ("STAR TREK", 4),
    ],
)
def test_an_item_is_known_by_its_case_or_a_part_that_no_other_has(name: str, row: int) -> None:
    assert recommend.item_row(name, KNOWN) == row


def test_a_name_that_is_none_or_several_is_told_with_others() -> None:
    with pytest.raises(ValueError, match=r"'alien' is a part of 2 names among the 4 items that"):
        recommend.item_row("alien", KNOWN)
    with pytest.raises(ValueError, match=r"'Star Wras' is not one of the 4 items .* Star Wars"):
        recommend.item_row("Star Wras", KNOWN)
    assert recommend.user_row("7", ["70", "7"]) == 2
    with pytest.raises(
        ValueError, match="'8' is not one of the 2 users that the model was trained"
    ):
        recommend.user_row("8", ["80", "18"])  # a part of a user's name is another user


def test_components_are_those_of_the_covariance() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 5)) * [5, 4, 3, 2, 1]
    actual = factor_map.components(torch.from_numpy(table), 2).numpy()
    values, vectors = np.linalg.eigh(np.cov(table.T))
    expected = (table - table.mean(0)) @ vectors[:, ::-1][:, :2]
    assert np.abs(actual) == pytest.approx(np.abs(expected), abs=1e-9)
    assert actual.var(0, ddof=1) == pytest.approx(values[::-1][:2])
    assert ((actual**3).sum(0) > 0).all()
    turned = factor_map.components(torch.from_numpy(-table), 2).numpy()
    assert (turned**3).sum(0).min() > 0


@pytest.mark.parametrize("each", [1, 4])
def test_the_plane_is_drawn_with_any_title_and_number_of_factors(tmp_path: Path, each: int) -> None:
    data = ratings()
    data.items[0] = "A $1 film_{x} 日本"
    result = model_card(data, "dot", each)
    figure = factor_map.draw_map(models.create_model(result, 0), result, torch.arange(30.0), 10)
    assert len(figure.axes[0].texts) == 10


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose ratings have been trained on."""
    monkeypatch.chdir(tmp_path)
    data = ratings(users=3, items=6, n=40)
    result = model_card(data, "dot")
    (tmp_path / "collab").mkdir()
    (tmp_path / "collab/dvc.yaml").touch()
    where = recommend.place()
    rows = [("1", f"film {i}", 3.0, "train") for i in (1, 2, 3)]
    files.write_csv(where.table, ["user", "item", "rating", "split"], rows)
    result = replace(result, data=files.file_hash(where.table))
    models.write(where.model, models.create_model(result, 0), result)
    return tmp_path


def test_answers_come_from_the_last_model_from_either_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actual = recommend.answers("1", None, 10)
    assert {one.item for one in actual} == {"film 4", "film 5", "film 6"}
    assert len(recommend.answers(None, "film 4", 2)) == 2
    monkeypatch.chdir(folder / "collab")
    assert recommend.answers("1", None, 10) == actual


def test_ratings_that_the_model_has_not_seen_are_told(folder: Path) -> None:
    with recommend.place().table.open("a") as file:
        file.write("1,film 4,3.0,train\n")
    with pytest.raises(ValueError, match="collab/data/ratings.csv: not the ratings .* `dvc repro`"):
        recommend.answers("1", None, 10)
    assert len(recommend.answers(None, "film 4", 2)) == 2


def test_predictions_do_not_depend_on_how_many_are_made_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = ratings()
    model = models.create_model(model_card(data, "network"), 0)
    whole = training.predict(model, data.train.pairs)
    monkeypatch.setattr(training, "CHUNK", 3)
    assert torch.allclose(training.predict(model, data.train.pairs), whole, atol=1e-6)
