"""What counts most in reports/evaluate.json, in words; its keys tell of what kind it is."""

from collections.abc import Mapping

Metrics = Mapping[str, float | int]
MAIN = ("error_rate", "map", "rmse_share")


def main_metric(metrics: Metrics) -> str:
    """The name of the first metric.

    >>> main_metric({"error_rate": 0.0111}), main_metric({"loss": 0.1, "map": 0.98})
    ('error_rate', 'map')

    Raises:
        ValueError: they are not of images.
    """
    for name in MAIN:
        if name in metrics:
            return name
    raise ValueError(
        f"reports/evaluate.json: has none of {', '.join(MAIN)}; for ratings (collab/), "
        "use `dvc metrics show`"
    )


def short_text(metrics: Metrics) -> str:
    """Name and value.

    >>> short_text({"error_rate": 0.01114})
    'error_rate 0.0111'
    """
    return f"{main_metric(metrics)} {metrics[main_metric(metrics)]:.4f}"
