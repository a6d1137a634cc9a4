"""Times of several jobs in turns, so that a slow moment affects all of them."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

HEAD = ("what", "ours min", "median", "peer min", "median", "ratio")
Job = Callable[[], object]


def time_jobs(jobs: Mapping[str, Job], repeats: int) -> dict[str, list[float]]:
    """Seconds of each job, after one warm-up each."""
    for job in jobs.values():
        job()
    rows: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            rows[name].append(time.perf_counter() - began)
    return rows


def line(name: str, mine: Sequence[float], peer: Sequence[float], digits: int = 2) -> list[str]:
    """A row under HEAD: minimum and median of both, and the median of the pairs' ratios."""
    ratio = statistics.median(b / a for a, b in zip(mine, peer, strict=True))
    figures = (min(mine), statistics.median(mine), min(peer), statistics.median(peer))
    return [name, *(f"{figure:.{digits}f}" for figure in figures), f"{ratio:.1f}"]
