"""Compare recipes: group their runs by everything but the seed, and tell which is better.

Every group is compared with the best one (or a named one), image by image and seed by seed. With
several comparisons each interval is wider (Bonferroni), so that all of them together hold in 95 of
100 cases.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pawprint.core.findings import shorten
from pawprint.experiments import paired
from pawprint.experiments.runs import Run

ALPHA = 0.05  # that one of all intervals of a table misses
Unit = tuple[Any, ...]  # what `over` has in one run, such as (seed,)


@dataclass(frozen=True)
class Group:
    """The runs of one recipe."""

    settings: Mapping[str, Any]
    runs: dict[Unit, Run] = field(default_factory=dict)

    @property
    def errors(self) -> list[float]:
        """The error rate of each run, 0-1."""
        return [float(run.wrong.mean()) for run in self.runs.values()]

    @property
    def mean(self) -> float:
        """The mean of the runs' error rates."""
        return float(np.mean(self.errors))


@dataclass(frozen=True)
class Table:
    """Groups, best first, and how each differs from the one at `against`."""

    groups: list[Group]
    against: int
    level: float  # of each interval
    differences: dict[int, paired.Difference]  # by the group's place
    notes: list[str]


def group_runs(runs: Sequence[Run], over: Sequence[str]) -> tuple[list[Group], list[str]]:
    """Groups of runs with equal settings except for `over`, lowest mean error first, and notes.

    A run that equals another one in `over` too is left out, if its predictions are the same.

    Raises:
        ValueError: a key of `over` is not a setting, or the predictions of two such runs differ.
    """
    groups: dict[str, Group] = {}
    again = []
    for run in runs:
        absent = [key for key in over if key not in run.settings]
        if absent:
            raise ValueError(f"--over {absent[0]}: no such param in {run.name}; seed, label.seed …")
        unit = tuple(run.settings[key] for key in over)
        rest = {key: value for key, value in run.settings.items() if key not in over}
        # as text, since a param may be a list, which cannot be a key
        group = groups.setdefault(repr(sorted(rest.items())), Group(rest))
        twin = group.runs.setdefault(unit, run)
        if twin is not run:
            if not twin.wrong.equals(run.wrong):
                raise ValueError(
                    f"{twin.name} and {run.name} have equal settings, code and images, but "
                    "different predictions, so they come from different machines or versions; "
                    "leave one out"
                )
            again.append(run.name)
    notes = [f"{shorten(again)}: equal to another run, so left out"] if again else []
    return sorted(groups.values(), key=lambda group: group.mean), notes


def compare_runs(runs: Sequence[Run], over: Sequence[str] = ("seed",), against: str = "") -> Table:
    """All groups, and their differences from the best one, or from the group of the run `against`.

    Raises:
        ValueError: as for `group_runs`, or `against` is not one of the runs.
    """
    groups, notes = group_runs(runs, over)
    places = [i for i, group in enumerate(groups) if against in group_names(group)]
    if against and not places:
        raise ValueError(f"--against {against}: not one of the compared runs")
    place = places[0] if places else best_group(groups)
    level = 1 - ALPHA / max(1, len(groups) - 1)
    differences = {}
    for i, group in enumerate(groups):
        if i == place:
            continue
        common = sorted(set(group.runs) & set(groups[place].runs), key=repr)
        pair = f"{group_letter(i)} minus {group_letter(place)}"
        try:
            differences[i] = difference(group, groups[place], common, level)
        except ValueError as error:
            notes.append(f"{pair}: {error}")
            continue
        if len(common) < max(len(group.runs), len(groups[place].runs)):
            same = f"{len(common)} {'pair' if len(common) == 1 else 'pairs'} of runs of the same"
            notes.append(f"{pair}: from the {same} {' and '.join(over)}")
    return Table(groups, place, level, differences, notes)


def difference(
    first: Group, second: Group, units: Sequence[Unit], level: float
) -> paired.Difference:
    """The paired difference of two groups over these seeds.

    Raises:
        ValueError: there is no common seed, or the groups were evaluated on different images.
    """
    if not units:
        raise ValueError("no run of one group has the same seed as a run of the other")
    # by the images' names: with label.seed in `over` each run has judged others, NaN elsewhere
    tables = [
        pd.DataFrame({i: group.runs[unit].wrong.astype(float) for i, unit in enumerate(units)})
        for group in (first, second)
    ]
    left, right = (table.sort_index() for table in tables)
    if not left.index.equals(right.index) or not left.isna().equals(right.isna()):
        raise ValueError("they were evaluated on different images; only the means can be compared")
    return paired.difference(left.to_numpy().T, right.to_numpy().T, level)


def best_group(groups: Sequence[Group]) -> int:
    """The index of the lowest mean error among the groups with the most runs."""
    # the lowest mean of all may be a single run with a lucky seed
    most = max(len(group.runs) for group in groups)
    return next(i for i, group in enumerate(groups) if len(group.runs) == most)


def group_names(group: Group) -> list[str]:
    """The names of its runs."""
    return [run.name for run in group.runs.values()]


def group_letter(place: int) -> str:
    """A, B … Z, then A1, B1 …"""
    turn, at = divmod(place, 26)
    return string.ascii_uppercase[at] + (str(turn) if turn else "")


def differing_settings(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """For each group, the settings that are not the same in all groups."""
    keys = dict.fromkeys(key for group in groups for key in group.settings)
    differ = [k for k in keys if len({repr(group.settings.get(k)) for group in groups}) > 1]
    return [{k: group.settings[k] for k in differ if k in group.settings} for group in groups]


def cells(table: Table) -> list[list[str]]:
    """The table as text, with its header first."""
    other = f"minus {group_letter(table.against)}"
    percent = f"{100 * table.level:.4g} %"
    rows = [["", "runs", "error %", "sd", other, f"{percent} interval", "p", "settings"]]
    for i, (group, settings) in enumerate(
        zip(table.groups, differing_settings(table.groups), strict=True)
    ):
        difference = table.differences.get(i)
        sd = f"{100 * np.std(group.errors, ddof=1):.2f}" if len(group.runs) > 1 else "-"
        rows.append(
            [
                *(group_letter(i), str(len(group.runs)), f"{100 * group.mean:.2f}", sd),
                f"{100 * difference.mean:+.2f}" if difference else "-",
                f"{100 * difference.low:+.2f} to {100 * difference.high:+.2f}"
                if difference
                else "-",
                f"{difference.p:.2g}" if difference else "-",
                ", ".join(f"{k} {'empty' if v is None else v}" for k, v in settings.items()) or "-",
            ]
        )
    return rows


def format_plain(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns: figures to the right, the last column to the left."""
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(f"{c:>{w}}" for c, w in zip(row, wide, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def format_markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """The same as a Markdown table."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]


def verdict(table: Table) -> list[str]:
    """A sentence on which recipe is better, and what the figures do not cover."""
    one = group_letter(table.against)
    sizes = sorted({len(run.wrong) for group in table.groups for run in group.runs.values()})
    lines = [f"Each run predicted {' or '.join(f'{size:,}' for size in sizes)} valid images."]
    lines.append(sentence(table) if len(table.groups) > 1 else single_run_text(table.groups[0]))
    if len(table.groups) > 2 and all(
        difference.mean >= 0 for difference in table.differences.values()
    ):
        lines.append(f"{one} was chosen on these same images, so its error is a little too low.")
    if any(len(group.runs) == 1 for group in table.groups):
        lines.append("One run says nothing about the effect of the seed; -S seed=0,1,2 does.")
    return lines


def sentence(table: Table, called: Callable[[int], str] = group_letter) -> str:
    """Whether the group at `against` beats the others; `called` names a group by its index."""
    one, differences = called(table.against), table.differences
    ways = {
        f"{one} beats": [i for i in differences if differences[i].low > 0],
        f"{one} is beaten by": [i for i in differences if differences[i].high < 0],
        f"{one} is not clearly different from": [
            i for i in differences if not differences[i].is_shown
        ],
        f"{one} is not paired with": [
            i for i in range(len(table.groups)) if i not in differences and i != table.against
        ],
    }
    parts = [f"{way} {', '.join(map(called, places))}" for way, places in ways.items() if places]
    return f"{'; '.join(parts)}."


def single_run_text(group: Group) -> str:
    """The text for a single recipe."""
    return (
        f"Only one recipe (number of runs: {len(group.runs)}), so nothing to compare it with; try "
        "`dvc exp run --queue -S lr=1e-3,3e-3 -S seed=0,1,2`, then `dvc queue start`."
    )
