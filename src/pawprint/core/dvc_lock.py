"""dvc.lock: the params, inputs and outputs of each stage, and whether they come from one run."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pawprint.core import files, yaml_file

FILE = Path("dvc.lock")
Stages = Mapping[str, Any]  # by the stage's name: cmd, params, deps, outs
CODE = ("src/", "stages/", "../src/")  # where a dep lies that no stage writes
FETCHED = ("fetch", "weights")  # what these bring is told by its hash, whatever they did for it


def parse(text: str, where: str) -> Stages:
    """The stages in the text of a dvc.lock.

    Raises:
        ValueError: the text is not in the format of DVC 3.
    """
    content = yaml_file.parse(text, where)
    try:
        stages: Stages = content["stages"]
        hashes(stages, "outs"), hashes(stages, "deps")
        for stage in stages.values():
            yaml_file.flatten(stage.get("params", {}))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{where} is not in the format that DVC 3 writes") from error
    return stages


def load() -> Stages:
    """The stages in the dvc.lock of this folder; empty if there is no such file.

    Raises:
        ValueError: the text is not in the format of DVC 3.
    """
    if not FILE.is_file():
        return {}
    try:
        return parse(FILE.read_text(encoding="utf-8", errors="replace"), str(FILE))
    except ValueError as error:
        raise ValueError(f"{error}; delete it, then `dvc repro` writes it again") from error


def hashes(stages: Stages, field: str) -> dict[str, dict[str, str]]:
    """For each stage: the hash of each of its outs or deps, by path."""
    return {
        name: {entry["path"]: str(entry.get("md5", "")) for entry in stage.get(field) or ()}
        for name, stage in stages.items()
    }


def output_hash(path: Path) -> str:
    """The hash that DVC gives to a file, or to a folder by the hashes of its files.

    Source: dvc-data 3's Tree: the JSON of md5 and relpath of each file, sorted by path.
    """
    if not path.is_dir():
        return files.file_hash(path, "md5")
    inside = sorted((x.relative_to(path).parts, x) for x in path.rglob("*") if x.is_file())
    content = [{"md5": files.file_hash(x, "md5"), "relpath": "/".join(at)} for at, x in inside]
    hashed = hashlib.md5(json.dumps(content, sort_keys=True).encode(), usedforsecurity=False)
    return f"{hashed.hexdigest()}.dir"


def writers(stages: Stages) -> dict[str, str]:
    """The stage that wrote each path."""
    return {path: name for name, outs in hashes(stages, "outs").items() for path in outs}


def upstream(stages: Stages, name: str) -> list[str]:
    """The stage and all stages that it depends on, in the order of dvc.lock."""
    writer, deps = writers(stages), hashes(stages, "deps")
    waiting, seen = [name], set[str]()
    while waiting:
        stage = waiting.pop()
        if stage in stages and stage not in seen:
            seen.add(stage)
            waiting += [writer[path] for path in deps[stage] if path in writer]
    return [stage for stage in stages if stage in seen]


def params(stage: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For each file: the dotted params of a stage and their values."""
    return {
        file: yaml_file.flatten(values or {})
        for file, values in (stage.get("params") or {}).items()
    }


def conflicts(stages: Stages, name: str) -> list[str]:
    """Reasons why a stage and the stages before it are not one run; empty if they are."""
    if name not in stages:
        return [f"{FILE} has no run of stage {name}"]
    # after `dvc repro STAGE` alone, dvc.lock holds the hashes of two runs
    relevant = {stage: stages[stage] for stage in upstream(stages, name)}
    return [*broken_links(relevant), *differing_params(relevant), *differing_code(relevant)]


def broken_links(stages: Stages) -> Iterator[str]:
    """A line for each file that a stage read in another version than a stage before it wrote."""
    writer, outs = writers(stages), hashes(stages, "outs")
    for name, deps in hashes(stages, "deps").items():
        for path, md5 in deps.items():
            if path in writer and outs[writer[path]][path] != md5:
                yield f"{name} read another version of {path} than {writer[path]} wrote"
            elif path not in writer and not path.startswith(CODE):
                yield f"{name} read {path}, which no stage in {FILE} wrote"


def differing_params(stages: Stages) -> Iterator[str]:
    """A line for each param that had different values in two stages."""
    first: dict[tuple[str, str], tuple[str, Any]] = {}
    for name, stage in stages.items():
        for file, values in params(stage).items():
            for key, value in values.items():
                other, before = first.setdefault((file, key), (name, value))
                if before != value:
                    was, now = format_params(before), format_params(value)
                    yield f"{key} was {was} in {other}, {now} in {name}"


def differing_code(stages: Stages) -> Iterator[str]:
    """A line for each code file that had different versions in two stages."""
    first: dict[str, tuple[str, str]] = {}
    for name, deps in hashes(stages, "deps").items():
        for path, md5 in deps.items():
            if path.startswith(CODE):
                other, before = first.setdefault(path, (name, md5))
                if before != md5:
                    yield f"{path} had another version in {other} than in {name}"


def unrun_params(stages: Stages, path: str, content: Mapping[str, Any]) -> Iterator[str]:
    """A line for each param whose value in a file differs from the one that a stage ran with.

    Args:
        stages: the stages to look at.
        path: the file, such as params.yaml.
        content: its content now.
    """
    lines = dict[str, None]()
    for stage in stages.values():
        for key, value in ((stage.get("params") or {}).get(path) or {}).items():
            before, now = (
                yaml_file.flatten({key: value}),
                yaml_file.flatten({key: look_up(content, key)}),
            )
            lines |= dict.fromkeys(
                f"{name} is {format_params(now.get(name))} in {path}, but the run used "
                f"{format_params(before.get(name))}"
                for name in before | now
                # whether it is there counts too: get gives None for an empty key as for none
                if (name in before, before.get(name)) != (name in now, now.get(name))
            )
    yield from lines


def look_up(content: Mapping[str, Any], key: str) -> object:
    """The value of a dotted key; None if there is no such key."""
    value: object = content
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def format_params(value: object) -> str:
    """A param's value as text for a message."""
    return "empty" if value is None else yaml_file.one_line(str(value), 60)
