"""Put a preset into params.yaml; the dataset, and what else is named, keeps its value."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawprint.core import dvc_lock, params, schema, yaml_file
from pawprint.core.schema import ABSENT
from pawprint.curation import yaml_text
from pawprint.curation.yaml_text import Edit
from pawprint.data import catalog
from pawprint.ratings import config

FOLDER, FILE = Path("presets"), params.FILE
ALWAYS_KEPT = "dataset"  # a preset is a recipe, and the images are yours
Values = Mapping[str, Any]  # params by their dotted keys


@dataclass(frozen=True)
class Preset:
    """A whole params.yaml of presets/."""

    path: Path
    text: str  # with its own line ends
    values: Values


def apply_preset(name: str, keep: Sequence[str], is_dry: bool) -> Iterator[str]:
    """Replace params.yaml by a preset; yield the lines to print.

    Args:
        name: the preset, with or without its folder and suffix.
        keep: dotted keys and sections that keep their values; `dataset` always does.
        is_dry: whether nothing is written.

    Raises:
        ValueError: no such preset or key, params.yaml is broken, or what is kept does not fit the
            preset; nothing is written.
    """
    preset, before = load_preset(name), load_current()
    kept = kept_values(preset, before, keep)
    text, after = yaml_text.apply_edits(preset.text, edits(preset, kept)), {**preset.values, **kept}
    check(preset, text, after)
    yield format_line("preset", str(preset.path.as_posix()))
    yield from format_lines("kept", kept_lines(preset, kept))
    yield from (format_line("note", note) for note in target_notes(preset, after))
    if before == after:
        yield format_line("unchanged", f"{FILE} has these values already; nothing is written")
        return
    new = f"{FILE}, with dataset: {after.get(ALWAYS_KEPT)}"
    yield from format_lines("changed", [*changes(before, after)] if before else [new])
    if is_dry:
        yield format_line("dry run", "nothing is written")
        return
    yaml_text.write_checked(FILE, text, yaml_file.nest(after), f"the values of {preset.path}")
    yield format_line("written", str(FILE))


def load_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        ValueError: there is none; the message has the known names.
    """
    known = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
    path = known.get(name.removeprefix(f"{FOLDER}/").removesuffix(".yaml"))
    if path is None:
        raise ValueError(
            f"{FOLDER}: no preset {yaml_file.one_line(name, 80)!r}{suggest(name, known)}; choose "
            f"one of {', '.join(known) or 'those that you put there (none yet)'}"
        )
    return Preset(path, yaml_text.read_text(path), yaml_file.flatten(yaml_file.load(path)))


def load_current() -> Values:
    """The values in params.yaml; empty if there is no such file.

    Raises:
        ValueError: it cannot be read.
    """
    if not FILE.exists():
        return {}
    try:
        return yaml_file.flatten(yaml_file.load(FILE))
    except ValueError as error:
        raise ValueError(
            f"{error}; fix it, or run `git checkout HEAD -- {FILE}`, or remove the file: the "
            "preset's own dataset is then taken"
        ) from error


def kept_values(preset: Preset, before: Values, keep: Sequence[str]) -> dict[str, Any]:
    """The current values of all keys of the preset that are kept.

    Raises:
        ValueError: the preset or params.yaml lacks some of them.
    """
    sections = {key.partition(".")[0] for key in preset.values if "." in key}
    if unknown := [key for key in keep if not select(preset.values, key)]:
        shown = ", ".join(
            f"{yaml_file.one_line(key, 80)!r}{suggest(key, {*preset.values, *sections})}"
            for key in unknown
        )
        raise ValueError(
            f"--keep {shown}: no such key in {preset.path}; give a key such as lr or "
            f"{next((key for key in preset.values if '.' in key), 'seed')}, or a section: "
            f"{', '.join(sorted(sections))}"
        )
    if absent := [key for key in keep if not select(before, key)]:
        where = f"{FILE} has no such key" if before else f"there is no {FILE}"
        raise ValueError(f"--keep {', '.join(absent)}: {where}, so leave this --keep out")
    return {
        key: before[key]
        for key in preset.values
        if key in before and any(select([key], one) for one in (ALWAYS_KEPT, *keep))
    }


def select(keys: Mapping[str, Any] | Sequence[str], name: str) -> list[str]:
    """The dotted keys that a key or a section means.

    >>> select(["lr", "label.split", "label.seed"], "label")
    ['label.split', 'label.seed']
    """
    return [key for key in keys if key == name or key.startswith(f"{name}.")]


def edits(preset: Preset, kept: Values) -> Iterator[Edit]:
    """The edits of the preset's text that give the kept values; a comment stays in its column."""
    for key, value in kept.items():
        if value == preset.values[key]:
            continue
        node = yaml_file.reader().compose(preset.text)
        for part in key.split("."):
            entry = yaml_text.entries(node)[part]
            node = entry[1]
        edit = yaml_text.replace_value(preset.text, entry, key.rpartition(".")[2], value)
        yield align_comment(preset.text, edit)


def align_comment(text: str, edit: Edit) -> Edit:
    """The edit, with as many blanks before a comment in its line as keep the comment's column."""
    start, stop, instead = edit
    instead = instead.rstrip()
    blanks = re.compile(" +(?=#)").match(text, stop)
    if blanks is None:
        return start, stop, instead
    width = max(blanks.end() - start, len(instead) + 1)
    return start, blanks.end(), instead.ljust(width)


def check(preset: Preset, text: str, after: Values) -> None:
    """Check that the new params are valid and that the new text holds them.

    Raises:
        ValueError: what is kept does not fit the preset, or the preset itself is wrong.
    """
    model = params.Params if "arch" in after else config.Params
    try:
        schema.validate(model, yaml_file.nest(after), f"{preset.path.as_posix()} with what is kept")
    except ValueError as error:
        raise ValueError(f"{error}\nnothing was written to {FILE}") from error
    yaml_text.check_text(preset.path, text, yaml_file.nest(after), "the values to keep")


def kept_lines(preset: Preset, kept: Values) -> Iterator[str]:
    """A line for each kept value that is not the preset's."""
    for key, value in kept.items():
        if value != preset.values[key]:
            own = dvc_lock.format_params(preset.values[key])
            yield f"{key}: {dvc_lock.format_params(value)} (the preset has {own})"


def changes(before: Values, after: Values) -> Iterator[str]:
    """A line for each key that gets another value, is new or is gone."""
    for key in {**after, **before}:
        old, new = before.get(key, ABSENT), after.get(key, ABSENT)
        if old != new:
            shown = ("not there" if x is ABSENT else dvc_lock.format_params(x) for x in (old, new))
            yield f"{key}: {' -> '.join(shown)}"


def target_notes(preset: Preset, after: Values) -> Iterator[str]:
    """A note if the dataset has another target than the one that the preset is made for."""
    blocks: Mapping[str, Any] = {}
    with suppress(OSError, ValueError):  # the first stage says what is wrong with it
        blocks = yaml_file.load(catalog.FILE)
    names = (str(preset.values.get(ALWAYS_KEPT)), str(after.get(ALWAYS_KEPT)))
    ours, mine = (
        block.get("target", "label") if isinstance(block := blocks.get(name), Mapping) else None
        for name in names
    )
    # numbers are learned from photographs by the presets for one label: there are no others
    if ours and mine and ours != mine and (ours, mine) != ("label", "number"):
        yield (
            f"{preset.path.as_posix()} is made for target: {ours} ({names[0]}), but {names[1]} has "
            f"target: {mine}"
        )


def suggest(name: str, known: Sequence[str] | Mapping[str, Any] | set[str]) -> str:
    """` (did you mean …?)` if there is a similar name."""
    near = difflib.get_close_matches(name, known, 1)
    return f" (did you mean {near[0]}?)" if near else ""


def format_line(word: str, text: str) -> str:
    """A line, with its word in a column."""
    return f"{word:<10} {text}"


def format_lines(word: str, texts: Sequence[str] | Iterator[str]) -> Iterator[str]:
    """Lines, with the word before the first of them."""
    for number, text in enumerate(texts):
        yield format_line("" if number else word, text)
