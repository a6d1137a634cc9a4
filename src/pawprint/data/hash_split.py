"""A split that follows from the bytes of each image, and so outlives all changes of the dataset."""

import hashlib
from collections.abc import Sequence


def hash_split(
    hashes: Sequence[str], groups: Sequence[str | None] | None, valid_fraction: float, seed: int
) -> list[str]:
    """A side for each image by its bytes alone: whatever joins or is renamed, it stays there.

    Images of a group follow the one with the smallest hash. About `valid_fraction` are valid.

    >>> hash_split(["aa", "bb", "cc", "dd"], None, 0.5, 0)
    ['train', 'train', 'valid', 'train']
    """
    pairs = zip(hashes, groups or hashes, strict=True)
    keys = [sha256 if group is None else group for sha256, group in pairs]
    smallest = dict[str, str]()
    for key, sha256 in zip(keys, hashes, strict=True):
        smallest[key] = min(sha256, smallest.get(key, sha256))
    bound = int(valid_fraction * 2**64)
    return [
        "valid" if _draw_by_hash(f"{seed} {smallest[key]}") < bound else "train" for key in keys
    ]


def _draw_by_hash(text: str) -> int:
    """A number from 0 to 2^64, as if drawn at random."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
