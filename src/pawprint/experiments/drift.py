"""Whether this machine's bits are the last commit's: equal inputs, and other outputs.

Equal runs give equal bytes on one kind of machine only. Small tables lie in git, so that a fresh
clone has the learning-rate finder's from the commit while it trains the rest itself.
"""

from collections.abc import Mapping
from typing import Any

from pawprint.core import dvc_lock, git

FINDERS = {  # by the stage that trains with what it found
    **{"train_frozen": "lr_find", "train_unfrozen": "lr_find_unfrozen"},
    **{"train": "lr_find"},  # of the ratings
}


def notes() -> list[str]:
    """Lines on how the dvc.lock here differs from the last commit's by this machine alone."""
    text = git.git_output("show", f"HEAD:./{dvc_lock.FILE}")
    try:
        now, before = dvc_lock.load(), dvc_lock.parse(text, f"HEAD: {dvc_lock.FILE}")
    except ValueError:  # none in the commit, or not as DVC writes it: nothing to set it against
        return []
    other = differing_outs(now, before)
    if not other:
        return []
    paths = [path for some in other.values() for path in some]
    more = f" and {len(paths) - 1} more files" if len(paths) > 1 else ""
    fetched = "other data were fetched, or it is " if {*dvc_lock.FETCHED} & {*other} else ""
    line = (
        f"note: the same params and code gave other bits than at the last commit ({paths[0]}{more})"
        f": {fetched}another kind of machine, or other versions of packages. {dvc_lock.FILE} and "
        f"reports/ are changed by that alone: `git checkout HEAD -- {dvc_lock.FILE} reports` "
        f"undoes it, `git commit -m 'Rebuild here' {dvc_lock.FILE} reports` keeps it"
    )
    return [line, *mixed_stages(now, before, other)]


def differing_outs(now: dvc_lock.Stages, before: dvc_lock.Stages) -> dict[str, list[str]]:
    """By stage: the outputs with another hash, of stages for which nothing else differs."""
    ours, theirs = (dvc_lock.hashes(stages, "outs") for stages in (now, before))
    changed: dict[str, list[str]] = {}
    for name in now.keys() & before.keys():
        paths = [path for path, md5 in ours[name].items() if theirs[name].get(path) != md5]
        if paths and inputs(now, name) == inputs(before, name):
            changed[name] = paths
    return {name: changed[name] for name in now if name in changed}


def inputs(stages: dvc_lock.Stages, name: str) -> Mapping[str, Any]:
    """All that decides what a stage writes, of itself and of those before it, but the machine."""
    writer, deps = dvc_lock.writers(stages), dvc_lock.hashes(stages, "deps")
    return {
        one: (
            stages[one].get("cmd"),
            stages[one].get("params"),
            # what a stage wrote may differ by the machine; only what none wrote is an input
            {path: md5 for path, md5 in deps[one].items() if path not in writer},
        )
        for one in dvc_lock.upstream(stages, name)
    }


def mixed_stages(
    now: dvc_lock.Stages, before: dvc_lock.Stages, other: Mapping[str, Any]
) -> list[str]:
    """A line for each finder whose tables are the commit's while the training is this machine's."""
    return [
        f"note: what {finder} found is the last commit's, and so of its machine, while "
        f"{stage} is of this one: `dvc repro --force --single-item {finder}`, then `dvc repro`, "
        "makes all of it this machine's"
        for stage, finder in FINDERS.items()
        if stage in other and finder in now and now[finder] == before.get(finder)
    ]
