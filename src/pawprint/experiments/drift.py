"""Whether this machine gives the bits of the last commit: equal inputs, but other outputs.

Equal runs give equal bytes only on the same kind of machine. Small tables are in git, so that a
fresh clone has the learning rate finder's tables from the commit, but trains the rest itself.
"""

from collections.abc import Mapping
from typing import Any

from pawprint.core import dvc_lock, git

FINDERS = {  # by the stage that trains with what it found
    **{"train_frozen": "lr_find", "train_unfrozen": "lr_find_unfrozen"},
    **{"train": "lr_find"},  # of the ratings
}


def notes() -> list[str]:
    """Lines on how this dvc.lock differs from the last commit's only because of the machine."""
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
    fetched = "other data were downloaded, or it is " if {*dvc_lock.FETCHED} & {*other} else ""
    line = (
        "note: the same params and code gave other results than at the last commit "
        f"({paths[0]}{more}): {fetched}another kind of machine, or other package versions. "
        f"{dvc_lock.FILE} and reports/ changed only because of that: `git checkout HEAD -- "
        f"{dvc_lock.FILE} reports` undoes it, `git commit -m 'Rebuild here' {dvc_lock.FILE} "
        "reports` keeps it"
    )
    return [line, *mixed_stages(now, before, other)]


def differing_outs(now: dvc_lock.Stages, before: dvc_lock.Stages) -> dict[str, list[str]]:
    """By stage: the outputs with another hash, for stages where nothing else differs."""
    ours, theirs = (dvc_lock.hashes(stages, "outs") for stages in (now, before))
    changed: dict[str, list[str]] = {}
    for name in now.keys() & before.keys():
        paths = [path for path, md5 in ours[name].items() if theirs[name].get(path) != md5]
        if paths and inputs(now, name) == inputs(before, name):
            changed[name] = paths
    return {name: changed[name] for name in now if name in changed}


def inputs(stages: dvc_lock.Stages, name: str) -> Mapping[str, Any]:
    """Everything but the machine that decides a stage's outputs, including the stages before it."""
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
    """A line for each finder whose tables are from the commit, but training from this machine."""
    return [
        f"note: the results of {finder} come from the last commit and its machine, but those of "
        f"{stage} from this machine: `dvc repro --force --single-item {finder}`, then `dvc repro`, "
        "makes everything on this machine"
        for stage, finder in FINDERS.items()
        if stage in other and finder in now and now[finder] == before.get(finder)
    ]
