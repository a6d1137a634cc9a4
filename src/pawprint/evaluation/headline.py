"""What counts most in reports/evaluate.json, in words; its keys tell of what kind it is."""

from collections.abc import Mapping

Metrics = Mapping[str, float | int]
MAIN = ("error_rate", "map", "rmse_share")


def main_metric(metrics: Metrics) -> str:
    """The name of the first metric.

    >>> main_metric({"error_rate": 0.0111}), main_metric({"loss": 0.1, "map": 0.98})
    ('error_rate', 'map')

    Raises:
        ValueError: they are not of pictures.
    """
    for name in MAIN:
        if name in metrics:
            return name
    raise ValueError(
        f"reports/evaluate.json: holds none of {', '.join(MAIN)}; of ratings (collab/), "
        "`dvc metrics show` tells"
    )


def short_text(metrics: Metrics) -> str:
    """Name and value.

    >>> short_text({"error_rate": 0.01114})
    'error_rate 0.0111'
    """
    return f"{main_metric(metrics)} {metrics[main_metric(metrics)]:.4f}"


def title(metrics: Metrics) -> str:
    """Of a page.

    >>> title({"error_rate": 0.01114}), title({"map": 0.98}), title({"rmse_share": 0.0123})
    ('error 1.11 %', 'mAP 0.980', 'off by 1.23 % of the side')
    """
    value = metrics[main_metric(metrics)]
    return {
        "error_rate": f"error {100 * value:.2f} %",
        "map": f"mAP {value:.3f}",
        "rmse_share": f"off by {100 * value:.2f} % of the side",
    }[main_metric(metrics)]


def sentence(metrics: Metrics) -> str:
    """What it means, with the number of pictures."""
    n = f"{metrics['n']:,} valid pictures"
    if "error_rate" in metrics:
        return (
            f"{round(metrics['error_rate'] * metrics['n']):,} of {n} are taken for another class."
        )
    if "map" in metrics:
        return (
            f"Of all labels of {n}, said or not, {100 * metrics['accuracy_multi']:.2f} % are right "
            f"at a threshold of {metrics['threshold']:g}, which these pictures chose; a threshold "
            f"that others chose gives {100 * metrics['accuracy_multi_crossfit']:.2f} %."
        )
    return f"Root mean square over {n}: {metrics['rmse_pixels']:.2f} px."
