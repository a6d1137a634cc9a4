"""Made ratings on the device, and a card for a network of them."""

import torch

from pawprint import factors, modelfile
from pawprint.factors import Card
from pawprint.rated import Ratings, Side


def ratings(seed: int = 0, users: int = 20, items: int = 30, n: int = 400) -> Ratings:
    """Each fifth rating is valid; a pair may come several times."""
    rng = torch.Generator().manual_seed(seed)
    columns = [torch.randint(1, most + 1, (n,), generator=rng) for most in (users, items)]
    pairs = torch.stack(columns, 1).int()
    wanted = torch.randint(1, 6, (n,), generator=rng).float()
    is_valid = torch.arange(n) % 5 == 0
    train, valid = (Side(pairs[rows], wanted[rows]) for rows in (~is_valid, is_valid))
    known = [str(i + 1) for i in range(users)]
    return Ratings(known, [f"film {i + 1}" for i in range(items)], train, valid, "0" * 64)


def card(
    data: Ratings, kind: str, each: int | None = 4, span: tuple[float, float] | None = None
) -> Card:
    """What `rated.run` would write."""
    sizes = factors.sizes(each, len(data.users), len(data.items))
    limits = list(span) if span else None
    return Card(
        kind, data.users, data.items, sizes, 16, limits, {}, data.digest, modelfile.versions()
    )
