"""Evaluate recommendations by later ratings: recall and NDCG at k, also for popularity.

Source: Järvelin and Kekäläinen 2002, ACM TOIS 20(4), for NDCG, here with gains of 0 and 1.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Bool, Float, Int32, Int64
from torch import Tensor

from pawprint.ratings.dataset import Ratings
from pawprint.ratings.models import EmbeddingDotBias, EmbeddingNN

# 70,000 users and 10,000 items at once would be 2.8 GB of float32 scores
AT_ONCE = 64  # users whose items are all scored together
Scores = Callable[[Int64[Tensor, " user"]], Float[Tensor, "user item"]]


def popularity(data: Ratings) -> Float[Tensor, " item"]:
    """The number of ratings of each item in train."""
    counts = torch.bincount(data.train.pairs[:, 1].long(), minlength=len(data.items) + 1)
    return counts[1:].double()


def top_k(
    scores: Float[Tensor, "user item"], seen: Bool[Tensor, "user item"], k: int
) -> Int64[Tensor, "user k"]:
    """The k items with the highest scores that a user has not seen; ties go to the first."""
    open_ones = scores.masked_fill(seen, -torch.inf)
    # not topk, whose choice among equal scores may differ between devices
    return open_ones.sort(dim=1, descending=True, stable=True).indices[:, :k]


def recall_and_ndcg(
    chosen: Int64[Tensor, "user k"],
    relevant: Bool[Tensor, "user item"],
    totals: Int64[Tensor, " user"],
) -> tuple[Float[Tensor, " user"], Float[Tensor, " user"]]:
    """Recall and NDCG of each user.

    Args:
        chosen: items, best first.
        relevant: whether an item is relevant to a user.
        totals: the number of relevant items per user, including those not in train; at least 1.
    """
    hits = relevant.gather(1, chosen).double()
    places = torch.arange(chosen.shape[1], device=chosen.device)
    gains = 1 / torch.log2(places + 2.0).double()
    ideal = (gains * (places < totals[:, None])).sum(1)
    return hits.sum(1) / totals, (hits * gains).sum(1) / ideal


def mark_hits(
    pairs: Int32[Tensor, "rating pair=2"], users: Int64[Tensor, " user"], items: int
) -> Bool[Tensor, "user item"]:
    """Whether each of these users, sorted, has a pair with each item (row 0 first)."""
    hits = torch.zeros(len(users), items + 1, dtype=torch.bool, device=users.device)
    user_pairs = pairs[torch.isin(pairs[:, 0], users.int())].long()
    hits[torch.searchsorted(users, user_pairs[:, 0].contiguous()), user_pairs[:, 1]] = True
    return hits


def rank_valid(
    data: Ratings, score: Scores, k: int, min_rating: float
) -> Iterator[tuple[Tensor, Tensor]]:
    """Recall and NDCG at k of the users in train with relevant items, in parts.

    Args:
        data: an item is relevant if the user rated it `min_rating` or more in valid; items that the
            user rated in train are not recommended.
        score: the score of each item (row 1 first) for these users; higher is better.
        k: the number of recommended items.
        min_rating: the lowest rating of a relevant item.
    """
    rows = data.valid.pairs[data.valid.targets >= min_rating]
    strange = rows[rows[:, 1] == 0]  # items that train does not know: all missed
    # row 0 is any number of items, so there no two ratings are known to be of the same
    rows = torch.cat([torch.unique(rows[rows[:, 1] > 0], dim=0), strange])  # each once
    totals = torch.bincount(rows[:, 0].long(), minlength=len(data.users) + 1)
    totals[0] = 0  # users that train does not know
    for users in torch.split(totals.nonzero().squeeze(1), AT_ONCE):
        seen = mark_hits(data.train.pairs, users, len(data.items))[:, 1:]
        # where fewer than k items are left, seen ones are listed too: these are no hits
        relevant = mark_hits(rows, users, len(data.items))[:, 1:] & ~seen
        chosen = top_k(score(users), seen, k)
        yield recall_and_ndcg(chosen, relevant, totals[users])


@torch.no_grad()
def summary(
    model: EmbeddingDotBias | EmbeddingNN, data: Ratings, k: int, min_rating: float
) -> dict[str, float | int]:
    """Means over users, for the network and for popularity, and the share of valid that is cold."""
    items, counts = len(data.items), popularity(data)
    ways: dict[str, Scores] = {
        "": model.of_all,
        "popular_": lambda users: counts.expand(len(users), items),
    }
    metrics: dict[str, float | int] = {}
    for prefix, score in ways.items():
        parts = [torch.stack(pair) for pair in rank_valid(data, score, k, min_rating)]
        recall, ndcg = torch.cat(parts, 1) if parts else torch.zeros(2, 0).double()
        metrics["users"] = len(recall)
        metrics[f"{prefix}recall"] = recall.mean().item() if len(recall) else 0.0
        metrics[f"{prefix}ndcg"] = ndcg.mean().item() if len(ndcg) else 0.0
    unknown = data.valid.pairs == 0
    metrics["cold_users"] = unknown[:, 0].double().mean().item()
    metrics["cold_items"] = unknown[:, 1].double().mean().item()
    return metrics | {"cold": unknown.any(1).double().mean().item()}
