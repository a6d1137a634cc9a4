"""The items of a model of ratings on a plane, by the principal components of their factors."""

import torch
from jaxtyping import Float, Float64
from matplotlib.figure import Figure
from torch import Tensor

from pawprint import charts, recommend, yaml12
from pawprint.factors import Card, Dot, Network

WIDE = 1000  # items, the most rated, that the components are computed from


def components(
    table: Float64[Tensor, "item factor"], count: int
) -> Float64[Tensor, "item component"]:
    """The items along the first principal components; each points to where most of its sum is."""
    centred = table - table.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    made: Tensor = centred @ directions[:count].T
    signs = torch.where((made**3).sum(0) < 0, -1.0, 1.0)
    return made * signs


def drawn(network: Dot | Network, card: Card, counts: Float[Tensor, " item"], most: int) -> Figure:
    """The most rated items by the first two components of the factors of the 1,000 most rated."""
    chosen = recommend.popular(counts, WIDE)
    places = components(recommend.item_factors(network)[chosen], 2)
    made, (axis,) = charts.figure(1, 9, 7)
    axis.set(xlabel="first component", ylabel="second component", title="Factors of the items")
    for i, place in zip(chosen[:most], places[:most].tolist(), strict=False):
        x, y = [*place, 0.0][:2]  # a single factor has no second component
        axis.plot(x, y, ".", color=charts.BLUE)
        axis.annotate(yaml12.one_line(card.items[i], 30).replace("$", r"\$"), (x, y), fontsize=7)
    return made
