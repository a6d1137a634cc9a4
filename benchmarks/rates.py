"""The learning rate finder's suggestions, and the result of each learning rate: `make bench-rates`.

On photos, as DVC experiments (benchmarks.experiments): the finders with several seeds; one frozen
epoch at each of several learning rates; two unfrozen epochs at each of others, after a frozen one
at 3e-3, with a hundredth of it for the first layers. The plot is docs/learning-rate.png, the text
docs/learning-rate.md.
"""

import io
import statistics
from contextlib import chdir
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from benchmarks import experiments, results
from benchmarks.photographs import ROOT
from pawprint.core import yaml_file
from pawprint.experiments import runs
from pawprint.reporting import charts
from pawprint.terminal import console

RATES = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1)
UNFROZEN = (1e-05, 0.0001, 0.001, 0.01)
PICTURE = ROOT / "docs" / "learning-rate.png"
ONE_CYCLE = {"pct_start": 0.25, "div": 25.0}
RULES = tuple(charts.RATES)
Found = dict[str, dict[float, list[float]]]  # error rates by phase and rate, a seed each


def name(phase: str, rate: float, seed: int) -> str:
    """The name of an experiment, such as frozen-0.003-seed-0."""
    return f"{phase}-{rate:g}-seed-{seed}"


def targets(seed: int, rate: float) -> dict[str, Any]:
    """One frozen epoch at this learning rate."""
    cycle = {f"{phase}.{k}": v for phase in ("frozen", "unfrozen") for k, v in ONE_CYCLE.items()}
    return cycle | {"seed": seed, "lr": rate, "frozen.epochs": 1, "frozen.body_ratio": 1.0}


def train(seeds: int) -> None:
    """Train all learning rates with one seed, then with the next."""
    for seed in range(seeds):
        for rate in RATES:
            experiments.run(name("frozen", rate, seed), targets(seed, rate), "train_frozen")
        for rate in UNFROZEN:
            ends = {"unfrozen.epochs": 2, "unfrozen.lr_max": rate, "unfrozen.lr_min": rate / 100}
            own = targets(seed, 0.003) | ends
            experiments.run(name("unfrozen", rate, seed), own, "train_unfrozen")


def file(experiment: str, path: str) -> str:
    """A file of an experiment's commit."""
    with chdir(experiments.PROJECT):
        ref = next(one.ref for one in runs.experiments() if one.name == experiment)
        return runs.file_at_commit(ref, path, experiment)


def errors(seeds: int) -> Found:
    """The error on valid of each learning rate, at the end of its phase."""
    return {
        phase: {
            rate: [
                float(yaml_file.parse(file(name(phase, rate, s), path), path)[phase]["error_rate"])
                for s in range(seeds)
            ]
            for rate in rates
        }
        for phase, rates in (("frozen", RATES), ("unfrozen", UNFROZEN))
        for path in (f"reports/train_{phase}.json",)
    }


def finder(phase: str, seed: int) -> tuple[pd.DataFrame, dict[str, float | None]]:
    """The curve of one seed, and the four suggestions."""
    stem = "reports/lr_find" + ("_unfrozen" if phase == "unfrozen" else "")
    run = name(phase, {"frozen": RATES, "unfrozen": UNFROZEN}[phase][0], seed)
    return (
        pd.read_csv(io.StringIO(file(run, f"{stem}.csv"))),
        yaml_file.parse(file(run, f"{stem}.json"), stem),
    )


def draw(actual: Found, seeds: int) -> None:
    """Draw the finder's curves and suggestions, and below the result of each learning rate."""
    figure, axes = plt.subplots(
        2, 2, figsize=(10, 6.4), layout="constrained", sharex="col", height_ratios=(1, 1)
    )
    for (above, below), phase in zip(axes.T, actual, strict=True):
        for seed in range(seeds):
            curve, lines = finder(phase, seed)
            trace(above, curve, lines, first=seed == 0)
        above.set(xscale="log", title=f"{phase}: the finder", ylabel="smoothed loss, nats")
        above.legend(fontsize=7)
        rates = list(actual[phase])
        for seed in range(seeds):
            each = [100 * actual[phase][rate][seed] for rate in rates]
            below.plot(rates, each, "o", color=charts.GREY, ms=4)
        means = [100 * statistics.mean(actual[phase][rate]) for rate in rates]
        below.plot(rates, means, "-", color=charts.GREEN, label=f"mean of {seeds} seeds")
        below.set(xlabel="learning rate (peak, of the head)", ylabel="error on valid, %")
        below.set_ylim(0, None)
        below.legend(fontsize=7)
    figure.savefig(PICTURE, dpi=100)
    plt.close(figure)


def trace(axis: Axes, curve: pd.DataFrame, facts: dict[str, float | None], first: bool) -> None:
    """One curve, without its last 5 points, and a mark at each suggestion."""
    kept = curve[:-5]
    axis.plot(kept["lr"], kept["loss"], color=charts.BLUE, lw=1.2, alpha=1 if first else 0.4)
    for rule, marker in charts.RATES.items():
        if (rate := facts[rule]) is not None:
            label = rule if first else None
            height = kept["loss"].iloc[(kept["lr"] - rate).abs().argmin()]
            axis.plot([rate], [height], marker, color=charts.ORANGE, mec="white", label=label)


def text(actual: Found, seeds: int) -> str:
    """Two tables: the finder's suggestions, and the result of each learning rate."""
    rows = [
        [phase, str(seed), *(f"{lines[rule]:g}" if lines[rule] else "-" for rule in RULES)]
        for phase in actual
        for seed in range(seeds)
        for lines in (finder(phase, seed)[1],)
    ]
    given = [
        [
            *(phase, f"{rate:g}", f"{100 * statistics.mean(each):.1f}"),
            ", ".join(f"{100 * error:.1f}" for error in each),
        ]
        for phase, rates in actual.items()
        for rate, each in rates.items()
    ]
    return (
        f"{experiments.facts()} Errors as training's precision has them (the tables of epochs).\n\n"
        f"{results.table(('phase', 'seed', *RULES), rows)}\n\n"
        f"{results.table(('phase', 'rate', 'error %, mean', 'by seed'), given)}"
    )


def main() -> None:
    """Run what is missing, then write the section and draw."""
    seeds = experiments.request(__doc__, 2)
    train(seeds)
    actual = errors(seeds)
    draw(actual, seeds)
    results.put("Measured", text(actual, seeds), ROOT / "docs" / "learning-rate.md")


if __name__ == "__main__":
    console.run_command(main, "rates")
