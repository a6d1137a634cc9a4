"""The chapter's recipes on photos, several seeds each: `make bench-recipes`.

The numbers of the presets, but on mobilenet_v2, 722 photographs and batches of 32, as DVC
experiments; the table goes into docs/recipes.md. The finders take the fewest possible steps,
because no recipe here uses them.
"""

import statistics
from contextlib import chdir

from benchmarks import experiments, results
from benchmarks.photographs import ROOT
from pawprint.experiments import compare, runs
from pawprint.terminal import console

RECIPES = {
    "A": ("pets-fine-tune", "fine_tune(2)"),
    "B": ("pets-rate-too-high", "fine_tune(1, 0.1)"),
    "C": ("pets-fine-tune-at-3e-3", "fine_tune(2, 3e-3)"),
    "D": ("pets-same-rate", "3 frozen at 3e-3, 6 at 1e-5"),
    "E": ("pets-resnet34", "3 frozen at 3e-3, 12 at slice(1e-6, 1e-4)"),
}
SHARED = ("frozen.", "unfrozen.", "lr")  # params in which recipes differ


def name(letter: str, seed: int) -> str:
    """The name of an experiment, such as A-seed-0."""
    return f"{letter}-seed-{seed}"


def train(seeds: int) -> None:
    """Train all recipes with one seed, then with the next."""
    for seed in range(seeds):
        for letter, (preset, _) in RECIPES.items():
            own = {k: v for k, v in experiments.preset(preset).items() if k.startswith(SHARED)}
            experiments.run(name(letter, seed), own | {"seed": seed, "lr_find.steps": 10})


def text(seeds: int) -> str:
    """The table, best recipe first, and what it shows."""
    targets = [name(letter, seed) for letter in RECIPES for seed in range(seeds)]
    with chdir(experiments.PROJECT):
        table = compare.compare_runs(runs.select_runs(targets, targets)[0])
    letters = [next(iter(group.runs.values())).name[0] for group in table.groups]
    other = letters[table.against]
    head = ("", "recipe", "error %, mean ± sd", "by seed", "seconds of training", f"less {other}")
    rows = []
    for i, (letter, group) in enumerate(zip(letters, table.groups, strict=True)):
        actual = table.differences.get(i)
        took = [experiments.seconds(run.name) for run in group.runs.values()]
        interval = f" ({100 * actual.low:+.1f} to {100 * actual.high:+.1f})" if actual else ""
        rows.append(
            [
                *(letter, RECIPES[letter][1]),
                f"{100 * group.mean:.1f} ± {100 * statistics.stdev(group.errors):.1f}",
                ", ".join(f"{100 * error:.1f}" for error in group.errors),
                f"{min(took):.0f}",
                f"{100 * actual.mean:+.1f}{interval}" if actual else "-",
            ]
        )
    return (
        f"{experiments.facts()} Seeds 0 to {seeds - 1}; seconds: the least, since "
        "other work ran beside some. The last column: points, paired by seed and image, with "
        f"an interval of {100 * table.level:.4g} %.\n\n"
        f"{results.table(head, rows)}\n\n{compare.sentence(table, letters.__getitem__)}"
    )


def main() -> None:
    """Run what is missing, then write the section."""
    seeds = experiments.request(__doc__, 5)
    train(seeds)
    result = text(seeds)
    results.put("Measured here", result, ROOT / "docs" / "recipes.md")
    print(result)


if __name__ == "__main__":
    console.run_command(main, "recipes")
