"""What counts most in reports/evaluate.json, in words; its keys tell of what kind it is."""

from collections.abc import Mapping

Metrics = Mapping[str, float | int]
MAIN_METRICS = ("error_rate", "map", "rmse_share", "rmse")


def is_of_ratings(metrics: Metrics) -> bool:
    """True for ratings (collab/), which have an rmse without the r2 of `target: number`."""
    return "rmse" in metrics and "r2" not in metrics


def main_metric(metrics: Metrics) -> str:
    """The name of the first metric.

    >>> main_metric({"error_rate": 0.0111}), main_metric({"loss": 0.1, "map": 0.98})
    ('error_rate', 'map')

    Raises:
        ValueError: they are not of images.
    """
    for name in MAIN_METRICS:
        if name in metrics and not is_of_ratings(metrics):
            return name
    raise ValueError(
        f"reports/evaluate.json: has none of {', '.join(MAIN_METRICS)}; for ratings (collab/), "
        "use `dvc metrics show`"
    )


def format_main(metrics: Metrics) -> str:
    """The main metric's value: four decimals of a fraction, four digits of a number's error.

    >>> format_main({"error_rate": 0.01114}), format_main({"rmse": 2.3716e-05, "r2": 0.8})
    ('0.0111', '2.372e-05')
    """
    value = metrics[main_metric(metrics)]
    return f"{value:.4g}" if "r2" in metrics else f"{value:.4f}"


def short_text(metrics: Metrics) -> str:
    """Name and value.

    >>> short_text({"error_rate": 0.01114})
    'error_rate 0.0111'
    """
    return f"{main_metric(metrics)} {format_main(metrics)}"
