"""Recall and NDCG by hand, by a slower second way, and the popularity that they are set against."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pawprint.ratings import models, ranking
from pawprint.ratings.dataset import Ratings, RatingSplit
from tests.ratingtables import model_card, ratings


def test_recall_and_ndcg_of_the_worked_example() -> None:
    # of the five recommended the second and the fifth were wanted, and a third one was not found
    chosen = torch.tensor([[4, 0, 1, 2, 3]])
    relevant = torch.zeros(1, 8, dtype=torch.bool)
    relevant[0, [0, 3, 7]] = True
    recall, ndcg = ranking.recall_and_ndcg(chosen, relevant, torch.tensor([3]))
    assert recall.item() == pytest.approx(2 / 3)
    gained, ideal = 1 / math.log2(3) + 1 / math.log2(6), 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg.item() == pytest.approx(gained / ideal)
    assert ndcg.item() == pytest.approx(0.4776, abs=1e-4)  # (0.6309 + 0.3869) / 2.1309


def test_items_beyond_k_do_not_lower_the_ideal() -> None:
    chosen, relevant = torch.tensor([[0, 1]]), torch.ones(1, 9, dtype=torch.bool)
    recall, ndcg = ranking.recall_and_ndcg(chosen, relevant, torch.tensor([9]))
    assert [recall.item(), ndcg.item()] == pytest.approx([2 / 9, 1.0])


def test_the_best_are_unseen_and_equals_keep_their_order() -> None:
    scores = torch.tensor([[1.0, 5.0, 3.0, 3.0, 2.0]])
    seen = torch.tensor([[False, True, False, False, False]])
    assert ranking.top_k(scores, seen, 3).tolist() == [[2, 3, 4]]


def slowly(data: Ratings, score: Tensor, k: int, least: float) -> list[tuple[float, float]]:
    """The same with dictionaries and loops, user by user."""
    actual = []
    for user in range(1, len(data.users) + 1):
        rated = {int(i) for u, i in data.train.pairs.tolist() if u == user}
        rows = zip(data.valid.pairs.tolist(), data.valid.targets.tolist(), strict=True)
        targets = {i for (u, i), value in rows if u == user and value >= least}
        if not targets:
            continue
        open_ones = [i for i in range(1, len(data.items) + 1) if i not in rated]
        open_ones.sort(key=lambda i: -score[user, i - 1].item())
        top = open_ones[:k]
        gains = sum(1 / math.log2(place + 2) for place, i in enumerate(top) if i in targets)
        ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(targets))))
        actual.append((sum(i in targets for i in top) / len(targets), gains / ideal))
    return actual


@given(st.integers(0, 1000))
def test_all_users_at_once_are_as_one_by_one(seed: int) -> None:
    data = ratings(seed, users=7, items=15, n=90)
    score = torch.rand(8, 15, generator=torch.Generator().manual_seed(seed))
    parts = list(ranking.rank_valid(data, lambda users: score[users], 4, 3.0))
    recall, ndcg = (torch.cat([part[i] for part in parts]).tolist() for i in (0, 1))
    slow = slowly(data, score, 4, 3.0)
    assert recall == pytest.approx([one for one, _ in slow])
    assert ndcg == pytest.approx([two for _, two in slow])


def test_users_in_several_parts_are_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ratings(3, users=9, items=12, n=100)
    model = models.create_model(model_card(data, "bias"), 0).eval()
    whole = ranking.summary(model, data, 3, 3.0)
    monkeypatch.setattr(ranking, "AT_ONCE", 2)
    assert ranking.summary(model, data, 3, 3.0) == pytest.approx(whole)


def test_what_was_rated_before_is_no_hit_where_fewer_than_k_are_left() -> None:
    train = RatingSplit(torch.tensor([[1, 1], [1, 2]], dtype=torch.int32), torch.ones(2))
    valid = RatingSplit(torch.tensor([[1, 1], [1, 3]], dtype=torch.int32), torch.full((2,), 5.0))
    data = Ratings(["a"], ["x", "y", "z"], train, valid, "")
    ((recall, _),) = ranking.rank_valid(data, lambda users: torch.ones(len(users), 3), 3, 4.0)
    assert recall.item() == 0.5  # z alone is found, though all three are listed


def test_popularity_counts_the_ratings_of_train() -> None:
    pairs = torch.tensor([[1, 2], [2, 2], [1, 1]], dtype=torch.int32)
    train = RatingSplit(pairs, torch.ones(3))
    data = Ratings(["a", "b"], ["x", "y", "z"], train, train, "")
    assert ranking.popularity(data).tolist() == [1, 2, 0]


def test_what_is_cold_is_counted_and_an_unknown_item_can_not_be_found() -> None:
    train = RatingSplit(torch.tensor([[1, 1], [1, 2]], dtype=torch.int32), torch.ones(2))
    pairs = torch.tensor([[0, 1], [1, 0], [0, 0], [1, 3]], dtype=torch.int32)
    data = Ratings(["a"], ["x", "y", "z"], train, RatingSplit(pairs, torch.full((4,), 5.0)), "")
    model = models.create_model(model_card(data, "dot"), 0).eval()
    metrics = ranking.summary(model, data, 10, 4.0)
    assert (metrics["cold_users"], metrics["cold_items"], metrics["cold"]) == (0.5, 0.5, 0.75)
    assert (metrics["users"], metrics["recall"], metrics["popular_recall"]) == (1, 0.5, 0.5)


def test_where_nobody_wants_anything_the_means_are_zero() -> None:
    data = ratings(0, users=4, items=5, n=20)
    model = models.create_model(model_card(data, "dot"), 0).eval()
    metrics = ranking.summary(model, data, 3, 99.0)
    assert (metrics["users"], metrics["recall"], metrics["popular_ndcg"]) == (0, 0.0, 0.0)
