"""Separate random numbers for each purpose: the same words give the same numbers everywhere."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_from(*key: int | str) -> int:
    """A 63-bit seed for these words, such as (seed, phase, epoch)."""
    text = "/".join(str(word) for word in key)
    # not hash(): Python salts that of a text differently in each process
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator(*key: int | str) -> torch.Generator:
    """A separate generator on the CPU."""
    # on the CPU whatever the device: a GPU's generator gives other numbers for the same seed
    return torch.Generator().manual_seed(seed_from(*key))


@contextmanager
def global_seed(*key: int | str) -> Iterator[None]:
    """Within the block, torch's global generators (CPU and any GPU) are seeded from these words.

    For code that takes no generator: initial weights, dropout, stochastic depth.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed_from(*key))
        yield
