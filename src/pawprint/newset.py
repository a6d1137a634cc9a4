"""Own pictures as a data set: looked at, then written to datasets.yaml."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pawprint import (
    archives,
    cells,
    console,
    downloads,
    entry,
    lists,
    newrule,
    params,
    reading,
    schema,
    suggestion,
    survey,
    unused_files,
    yaml12,
)
from pawprint.catalogue import FILE, Block, Rule, Source
from pawprint.findings import Findings, listed
from pawprint.image_files import Listing

Labels = dict[str, str | None]  # of each picture, by its name
OPTIONS = {
    **{"pattern": "--pattern", "file": "--csv", "name": "--name-column"},
    **{"label": "--label-column", "split": "--split-column", "separator": "--separator"},
}
PHOTOGRAPHS = "presets/pets-resnet34.yaml"


class Named(schema.Section):
    """A block's name, as params.yaml takes it."""

    name: params.Name


def added(
    name: str,
    url: str,
    rule: Mapping[str, Any],
    sha256: str | None,
    split_folders: bool = False,
) -> Iterator[str]:
    """Look at the pictures, and append a block to datasets.yaml: a line for each thing found.

    Args:
        name: of the block.
        url: a folder, an archive or an http(s) URL.
        rule: the keys of `label`; where there are none, rules are suggested and nothing is written.
        sha256: what the archive must have, where that is known.
        split_folders: whether folders such as train/ and test/ say the split.

    Raises:
        ValueError: the block is there, or a key is wrong, or some pictures get no label; nothing
            is written.
        FileNotFoundError, ConnectionError: the pictures are not there.
    """
    check_name(name)
    target = {"target": "labels"} if "separator" in rule else {}
    pictures = {"url": url} | ({"sha256": sha256} if sha256 else {})
    keys = {**target, "pictures": pictures, "label": dict(rule) or {"from": "folder"}}
    block = schema.checked(Block, keys, f"new {name}")
    newrule.check_typed(url)
    archive, said = brought(name, block.pictures)
    yield from origin(said)
    if block.pictures.is_remote:
        yield row("sha256", f"{archive.name}; with --sha256 it is not fetched again")
    listing = archives.listing(archive, url)
    names = listing.images
    if not rule:
        yield from (row("note", note) for note in unused_files.notes(listing))
        yield from suggested(name, block.pictures, archive, names)
        return
    label, csv = newrule.with_folders(rule, names, split_folders), None
    if "file" in rule:
        label["file"], source = newrule.csv_place(rule["file"], url, archive)
        if source:
            csv, said = brought(name, source)
            label = {"from": "csv", "file": "", "sha256": csv.name} | label
            yield row("csv", said)
    block = schema.checked(Block, {**keys, "label": label}, f"new {name}")
    found = Findings()
    made, seen = looked_at(archive, listing, block, csv, found)
    if not has_split(block):
        found.notes.extend(newrule.list_notes(url, lists.files(archive, names)))
    yield from described(made, seen, found, block.target)
    stop(found)
    written = {**keys, "pictures": {"url": url, "sha256": archive.name}, "label": label}
    entry.append(FILE, name, {**written, "count": len(made)})
    yield row("written", f"{FILE}: {name}, sha256 {archive.name}, count {len(made)}")
    yield from following(name, block)


def check_name(name: str) -> None:
    """The name fits params.yaml and YAML, and is not taken.

    Raises:
        FileNotFoundError, ValueError: it does not, or datasets.yaml is not here.
    """
    schema.checked(Named, {"name": name}, "new")
    if name in yaml12.load(FILE):
        raise ValueError(
            f"{FILE}: `{name}` is there already; take another name, or after a change of its "
            f"pictures `pawprint new {name} --update`"
        )
    if yaml12.parsed(f"k: {name}", "") != {"k": name}:
        raise ValueError(f"{name}: is no text to YAML; take a name such as set-{name}")


def brought(name: str, source: Source) -> tuple[Path, str]:
    """The archive in the store, named by its sha256, and where it came from."""
    with console.byte_bar(f"fetch {name}") as bar:
        return downloads.obtained(source, bar.update)


def origin(said: str) -> Iterator[str]:
    """Where the pictures came from, and what was left out there."""
    first, *notes = said.splitlines()
    yield row("pictures", first)
    yield from (row("note", note.removeprefix("note: ")) for note in notes)


def looked_at(
    archive: Path, listing: Listing, block: Block, csv: Path | None, found: Findings
) -> tuple[Labels, survey.Survey]:
    """The cell of each picture's target (none where it has none), and the pictures themselves."""
    names = listing.images
    unused_files.check(listing, block.label, found)
    made = labelled(archive, names, block, csv, found)
    seen = survey.surveyed(archive, names, survey.background())
    single = made if block.target == "label" else dict.fromkeys(made)
    survey.check(seen, single, found)
    return made, seen


def labelled(
    archive: Path, names: Sequence[str], block: Block, csv: Path | None, found: Findings
) -> Labels:
    """The cell of each picture's target; None where the rule gives none."""
    told = reading.told(archive, names, block.label, found, block.target, csv)
    return dict(zip(names, told.targets, strict=True))


def described(made: Labels, seen: survey.Survey, found: Findings, target: str) -> Iterator[str]:
    """A line for each side of the pictures, and the notes."""
    counted = Counter(
        label for cell in made.values() for label in cells.classes(cell or "", target)
    )
    if counted:
        yield row("classes", survey.classes_line(len(made), counted))
    yield row("sizes", survey.sizes_line(seen.pictures))
    yield row("formats", survey.formats_line(seen.formats))
    for note in found.notes:
        yield row("note", note)


def stop(found: Findings) -> None:
    """Raise all errors as one.

    Raises:
        ValueError: there are errors.
    """
    if found.errors:
        raise ValueError("\n".join([*found.errors, f"nothing is written to {FILE}"]))


def suggested(name: str, source: Source, archive: Path, names: Sequence[str]) -> Iterator[str]:
    """The rules that fit, each as a command.

    Raises:
        ValueError: none does.
    """
    yield row("names", f"{len(names):,}, such as {listed(names, 3)}")
    hashed = ["--sha256", archive.name] if source.is_remote else []
    fits = False
    for keys, classes in suggestion.offers(archive, names, newrule.beside(source.url)):
        fits = True
        rule = Rule.model_validate(keys)
        yield row("fits", f"{rule.words}: {len(classes):,} classes: {survey.shares(classes)}")
        yield row("", shlex.join(["pawprint", "new", name, source.url, *options(keys), *hashed]))
    if not fits:
        raise ValueError(
            "no rule was found that gives each of these names a label: name one by --pattern REGEX "
            "(on the file's name; with --from-path on the whole path), --folder, or --csv FILE "
            f"--name-column X --label-column Y{suggestion.one_hot(archive)}"
        )
    yield row("", "Nothing is written yet: run one of these commands.")


def options(keys: Mapping[str, Any]) -> list[str]:
    """A rule as options of `pawprint new`."""
    flags = {"folder": ["--folder"], "path": ["--from-path"]}.get(keys["from"], [])
    flags += [word for key in OPTIONS if key in keys for word in (OPTIONS[key], keys[key])]
    return flags + (["--split-folders"] if "group" in keys else [])


def next_command(name: str, block: Block) -> str:
    """What trains on it; where it has a split of its own, with that one."""
    return f"dvc exp run -S dataset={name}{' -S label.split=official' if has_split(block) else ''}"


def has_split(block: Block) -> bool:
    """Whether the data set has a split of its own."""
    rule = block.label
    return any((rule.split, rule.valid, rule.test, block.lists))


def following(name: str, block: Block) -> Iterator[str]:
    """The commands to go on with."""
    yield row("next", next_command(name, block))
    yield row("", "for photographs, with a pretrained network, before that:")
    yield row("", f"cp {PHOTOGRAPHS} params.yaml")
    yield row("", "(arch resnet34, weights IMAGENET1K_V1, size 224, presize.size 460,")
    yield row("", "augment.flip 0.5, augment.supersample 2; their rates and epochs)")


def row(word: str, said: str) -> str:
    """A line, its word in a column."""
    return f"{word:<10} {said}"
