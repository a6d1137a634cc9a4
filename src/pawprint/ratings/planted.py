"""Ratings made from known factors, so that you can check what a model learns."""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from pawprint.storage import tar_members


@dataclass(frozen=True)
class PlantedRatings:
    """Ratings made from known factors: mean = 5.5·sigmoid(biases + dot product)."""

    user_bias: Float[np.ndarray, " user"]
    item_bias: Float[np.ndarray, " item"]
    users: Float[np.ndarray, "user factor"]
    items: Float[np.ndarray, "item factor"]
    rated: Bool[np.ndarray, "user item"]  # more often what is popular and what is liked
    ratings: Float[np.ndarray, "user item"]  # the mean and normal noise
    times: Int[np.ndarray, "user item"]  # seconds since 1970
    noise: float  # its standard deviation: no model is better on new ratings


def plant_ratings(seed: int = 0, users: int = 600, items: int = 400) -> PlantedRatings:
    """The ratings of this seed; two factors, at least 20 ratings per user."""
    # 41,000 ratings of 500 users left the rmse 5 % above the noise, 73,000 of 600 at most 2.5
    rng, noise = np.random.default_rng(seed), 0.5
    user_bias, item_bias = rng.normal(0.3, 0.4, users), rng.normal(0.3, 0.6, items)
    factors = rng.normal(0, 0.9, (users + items, 2))
    mean = 5.5 / (1 + np.exp(-user_bias[:, None] - item_bias - factors[:users] @ factors[users:].T))
    # Gumbel noise and a sort draw without replacement, by the softmax of the rest
    popularity, wish = rng.normal(0, 0.7, items), rng.gumbel(size=(users, items))
    place = np.argsort(np.argsort(-(popularity + 0.8 * mean + wish), axis=1), axis=1)
    each = np.clip(rng.lognormal(5.1, 0.5, users), 20, items / 2)  # ratings of a user
    return PlantedRatings(
        user_bias=user_bias,
        item_bias=item_bias,
        users=factors[:users],
        items=factors[users:],
        rated=place < each[:, None],
        ratings=mean + rng.normal(0, noise, (users, items)),
        times=rng.integers(874_724_710, 893_286_638, (users, items)),  # MovieLens 100k's
        noise=noise,
    )


def write_planted(path: Path) -> None:
    """Write a tar of u.data and u.item, as in MovieLens 100k, and planted.json: the noise."""
    planted = plant_ratings()
    rows = [
        f"{user + 1}\t{item + 1}\t{planted.ratings[user, item]:.4f}\t{planted.times[user, item]}\n"
        for user, item in np.argwhere(planted.rated).tolist()
    ]
    titles = [f"{item + 1}|Film {item + 1:03d}\n" for item in range(len(planted.items))]
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        tar_members.add_file(archive, "planted/u.data", "".join(rows).encode())
        tar_members.add_file(archive, "planted/u.item", "".join(titles).encode())
        tar_members.add_file(
            archive, "planted/planted.json", json.dumps({"noise": planted.noise}).encode()
        )


GENERATORS = {"planted:ratings": write_planted}  # by the `url` that datasets.yaml gives
