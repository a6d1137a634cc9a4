"""Made ratings on the device, and a card for a network of them."""

import torch

from pawprint.ratings import models
from pawprint.ratings.dataset import Ratings, RatingSplit
from pawprint.ratings.models import RatingsCard
from pawprint.runtime import tensor_file


def ratings(seed: int = 0, users: int = 20, items: int = 30, n: int = 400) -> Ratings:
    """Each fifth rating is valid; a pair may come several times."""
    rng = torch.Generator().manual_seed(seed)
    columns = [torch.randint(1, most + 1, (n,), generator=rng) for most in (users, items)]
    pairs = torch.stack(columns, 1).int()
    targets = torch.randint(1, 6, (n,), generator=rng).float()
    is_valid = torch.arange(n) % 5 == 0
    train, valid = (RatingSplit(pairs[rows], targets[rows]) for rows in (~is_valid, is_valid))
    known = [str(i + 1) for i in range(users)]
    return Ratings(known, [f"film {i + 1}" for i in range(items)], train, valid, "0" * 64)


def model_card(
    data: Ratings, kind: str, each: int | None = 4, span: tuple[float, float] | None = None
) -> RatingsCard:
    """What `training.open_session` would write."""
    sizes = models.factor_counts(each, len(data.users), len(data.items))
    limits = list(span) if span else None
    return RatingsCard(
        kind, data.users, data.items, sizes, 16, limits, {}, data.digest, tensor_file.versions()
    )
