"""The items of a model of ratings on a plane, by the principal components of their factors."""

import torch
from jaxtyping import Float, Float64
from matplotlib.figure import Figure
from torch import Tensor

from pawprint.core import yaml_file
from pawprint.ratings import recommend
from pawprint.ratings.models import EmbeddingDotBias, EmbeddingNN, RatingsCard
from pawprint.reporting import charts

WIDE = 1000  # items, the most rated, that the components are computed from


def components(
    table: Float64[Tensor, "item factor"], count: int
) -> Float64[Tensor, "item component"]:
    """The items along the first principal components; signs make the sums of cubes positive."""
    centred = table - table.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    projected: Tensor = centred @ directions[:count].T
    # svd leaves the sign open: another library may mirror the plane
    signs = torch.where((projected**3).sum(0) < 0, -1.0, 1.0)
    return projected * signs


def draw_map(
    model: EmbeddingDotBias | EmbeddingNN,
    model_card: RatingsCard,
    counts: Float[Tensor, " item"],
    most: int,
) -> Figure:
    """Draw the most rated items by the first two components of the 1,000 most rated ones."""
    chosen = recommend.most_rated(counts, WIDE)
    places = components(recommend.item_factors(model)[chosen], 2)
    figure, (axis,) = charts.figure(1, 9, 7)
    axis.set(xlabel="first component", ylabel="second component", title="Factors of the items")
    for i, place in zip(chosen[:most], places[:most].tolist(), strict=False):
        x, y = [*place, 0.0][:2]  # a single factor has no second component
        axis.plot(x, y, ".", color=charts.BLUE)
        # matplotlib would set what stands between two $ as a formula
        axis.annotate(
            yaml_file.one_line(model_card.items[i], 30).replace("$", r"\$"), (x, y), fontsize=7
        )
    return figure
