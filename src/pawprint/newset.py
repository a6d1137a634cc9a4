"""Own pictures as a data set: looked at, then written to datasets.yaml; again after a change."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pawprint import (
    archives,
    catalogue,
    console,
    downloads,
    entry,
    files,
    labels,
    params,
    schema,
    suggestion,
    survey,
    yaml12,
)
from pawprint.catalogue import FILE, Block, Rule, Source
from pawprint.findings import Findings, listed
from pawprint.presize import Presized

Labels = dict[str, str | None]  # of each picture, by its name
OPTIONS = {
    **{"pattern": "--pattern", "file": "--csv"},
    **{"name": "--name-column", "label": "--label-column"},
}
PHOTOGRAPHS = "presets/pets-resnet34.yaml"


class Named(schema.Section):
    """A block's name, as params.yaml takes it."""

    name: params.Name


def added(name: str, url: str, rule: Mapping[str, str], sha256: str | None) -> Iterator[str]:
    """Look at the pictures, and append a block to datasets.yaml: a line for each thing found.

    Args:
        name: of the block.
        url: a folder, an archive or an http(s) URL.
        rule: the keys of `label`; where there are none, rules are suggested and nothing is written.
        sha256: what the archive must have, where that is known.

    Raises:
        ValueError: the block is there, or a key is wrong, or some pictures get no label; nothing
            is written.
        FileNotFoundError, ConnectionError: the pictures are not there.
    """
    check_name(name)
    pictures = {"url": url} | ({"sha256": sha256} if sha256 else {})
    keys = {"pictures": pictures, "label": dict(rule) or {"from": "folder"}}
    block = schema.checked(Block, keys, f"new {name}")
    archive, said = brought(name, block.pictures)
    yield row("pictures", said)
    if block.pictures.is_remote:
        yield row("sha256", f"{archive.name}; with --sha256 it is not fetched again")
    names = image_names(archive, block.pictures)
    if not rule:
        yield from suggested(name, block.pictures, archive, names)
        return
    found = Findings()
    made, seen = looked_at(archive, names, block, found)
    yield from described(made, seen, found)
    stop(found)
    written = {**keys, "pictures": {"url": url, "sha256": archive.name}, "count": len(made)}
    entry.append(FILE, name, written)
    yield row("written", f"{FILE}: {name}, sha256 {archive.name}, count {len(made)}")
    yield from following(name)


def updated(name: str, url: str | None) -> Iterator[str]:
    """Look at the pictures of a block again, and write their new hash and count.

    Args:
        name: of the block.
        url: none, or the block's own.

    Raises:
        ValueError: no such block, or as for `added`; nothing is written.
    """
    if name not in yaml12.load(FILE):
        raise ValueError(f"{FILE}: no block `{name}` to update; add it: pawprint new {name} PATH")
    block = catalogue.block(name)
    if url and url.rstrip("/") != block.pictures.url.rstrip("/"):
        raise ValueError(
            f"{FILE}: `{name}` has url: {block.pictures.url}; change it there, then run "
            f"`pawprint new {name} --update`"
        )
    archive, said = brought(name, Source(url=block.pictures.url))
    yield row("pictures", said)
    found = Findings()
    made, seen = looked_at(archive, image_names(archive, block.pictures), block, found)
    algorithm, before = block.pictures.expected or ("sha256", "")
    if files.digest(archive, algorithm) == before and block.count in (None, len(made)):
        yield row("unchanged", f"{len(made):,} pictures, {algorithm} {before}; nothing is written")
        return
    yield from changes(block, made, seen)
    yield from described(made, seen, found)
    stop(found)
    entry.rewrite(FILE, name, archive.name, len(made))
    yield row("written", f"{FILE}: {name}, sha256 {archive.name}, count {len(made)}")
    yield row("next", f"dvc exp run -S dataset={name}")


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


def image_names(archive: Path, source: Source) -> list[str]:
    """The pictures in it; what is wrong is told of the source, not of its copy in the store."""
    try:
        return archives.image_names(archive)
    except ValueError as error:
        raise ValueError(str(error).replace(str(archive), source.url)) from error


def looked_at(
    archive: Path, names: Sequence[str], block: Block, found: Findings
) -> tuple[Labels, survey.Survey]:
    """The label of each picture (none where it has no single one), and the pictures themselves."""
    made = labelled(archive, names, block, found)
    seen = survey.surveyed(archive, names)
    survey.check(seen.pictures, made, found)
    return made, seen


def labelled(archive: Path, names: Sequence[str], block: Block, found: Findings) -> Labels:
    """The single label of each picture; None where the rule gives none, or another target."""
    told = labels.told(archive, names, block.label, found, block.target).targets
    return dict(zip(names, told if block.target == "label" else [None] * len(names), strict=True))


def described(made: Labels, seen: survey.Survey, found: Findings) -> Iterator[str]:
    """A line for each side of the pictures, and the notes."""
    if any(made.values()):
        yield row("classes", survey.classes_line([*made.values()]))
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


def changes(block: Block, made: Labels, seen: survey.Survey) -> Iterator[str]:
    """What is otherwise than in the archive that the block names, as far as that one is kept."""
    expected = block.pictures.expected
    old = downloads.STORE / expected[1] if expected else None
    if old is None or not old.is_file():
        before = "unknown" if block.count is None else f"{block.count:,}"
        yield row("count", f"{before} -> {len(made):,} pictures; the earlier ones are not kept")
        return
    names = archives.image_names(old)
    yield row("count", f"{len(names):,} -> {len(made):,} pictures")
    yield row("changed", difference(old, names, seen.pictures))
    earlier, now = (
        {label for label in some.values() if label}
        for some in (labelled(old, names, block, Findings()), made)
    )
    for word, some in (("new", now - earlier), ("gone", earlier - now)):
        if some:
            yield row("classes", f"{word}: {listed(sorted(map(str, some)))}")


def difference(old: Path, names: Sequence[str], pictures: Sequence[Presized]) -> str:
    """How many pictures came, went, or have other bytes now, and the first of each."""
    before = labels.fingerprints(archives.contents(old, set(names)))
    now = {picture.name: picture.sha256 for picture in pictures}
    parts = {
        "new": sorted(now.keys() - before.keys()),
        "gone": sorted(before.keys() - now.keys()),
        "other bytes": sorted(x for x in now if x in before and now[x] != before[x]),
    }
    said = [f"{len(some):,} {word} ({listed(some, 3)})" for word, some in parts.items() if some]
    return ", ".join(said) or "no picture, but other files"


def suggested(name: str, source: Source, archive: Path, names: Sequence[str]) -> Iterator[str]:
    """The rules that fit, each as a command.

    Raises:
        ValueError: none does.
    """
    yield row("names", f"{len(names):,}, such as {listed(names, 3)}")
    hashed = ["--sha256", archive.name] if source.is_remote else []
    fits = False
    for keys, classes in suggestion.offers(archive, names):
        fits = True
        rule = Rule.model_validate(keys)
        yield row("fits", f"{rule.words}: {len(classes):,} classes: {survey.shares(classes)}")
        yield row("", shlex.join(["pawprint", "new", name, source.url, *options(keys), *hashed]))
    if not fits:
        raise ValueError(
            "no rule was found that gives each of these names a label: name one by --pattern REGEX "
            "(on the file's name), --folder, or --csv FILE --name-column X --label-column Y"
        )
    yield row("", "Nothing is written yet: run one of these commands.")


def options(keys: Mapping[str, str]) -> list[str]:
    """A rule as options of `pawprint new`."""
    folder = ["--folder"] if keys["from"] == "folder" else []
    return folder + [word for key in keys if key in OPTIONS for word in (OPTIONS[key], keys[key])]


def following(name: str) -> Iterator[str]:
    """The commands to go on with."""
    yield row("next", f"dvc exp run -S dataset={name}")
    yield row("", "for photographs, with a pretrained network, before that:")
    yield row("", f"cp {PHOTOGRAPHS} params.yaml")
    yield row("", "(arch resnet34, weights IMAGENET1K_V1, size 224, presize.size 460,")
    yield row("", "augment.flip 0.5, augment.supersample 2; their rates and epochs)")


def row(word: str, said: str) -> str:
    """A line, its word in a column."""
    return f"{word:<10} {said}"
