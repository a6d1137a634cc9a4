"""Your own images as a dataset: inspect them, then write them to datasets.yaml."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pawprint.core import label_cells, params, schema, yaml_file
from pawprint.core.findings import Findings, shorten
from pawprint.curation import catalog_entry, label_rules, new_rule, new_target, survey, versions
from pawprint.data import lists
from pawprint.data.catalog import FILE, DatasetEntry, LabelRule
from pawprint.data.labels import read_targets
from pawprint.data.source import Source
from pawprint.storage import archives, unused_files
from pawprint.storage.image_files import Listing

Labels = dict[str, str | None]  # of each picture, by its name
OPTIONS = {
    **{"pattern": "--pattern", "file": "--csv", "name": "--name-column"},
    **{"label": "--label-column", "split": "--split-column", "separator": "--separator"},
}


class DatasetName(schema.Section):
    """A block's name, as params.yaml accepts it."""

    name: params.Name


def add_dataset(
    name: str,
    url: str,
    rule: Mapping[str, Any],
    sha256: str | None,
    split_folders: bool = False,
    target: str | None = None,
) -> Iterator[str]:
    """Inspect the images, and append a block to datasets.yaml; yield the lines to print.

    Args:
        name: the name of the block.
        url: a folder, an archive or an http(s) URL.
        rule: the keys of `label`; if empty, rules are suggested and nothing is written.
        sha256: the expected hash of the archive, if known.
        split_folders: whether folders such as train/ and test/ are the split.
        target: label, labels, points or number; None: as the rule has it.

    Raises:
        ValueError: the block exists, a key is wrong, or some images get no label; nothing is
            written.
        FileNotFoundError, ConnectionError: the images are not there.
    """
    check_name(name)
    images = {"url": url} | ({"sha256": sha256} if sha256 else {})
    head = new_target.entry_target(target, rule)
    keys = {**head, "pictures": images, "label": dict(rule) or {"from": "folder"}}
    # before any fetching: a mistyped option must not cost a download
    block = schema.validate(DatasetEntry, keys, f"new {name}")
    new_rule.check_typed(url)
    archive, text = versions.open_place(name, block.pictures)
    yield from origin(text)
    if block.pictures.is_remote:
        yield format_line("sha256", f"{archive.name}; with --sha256 it is not downloaded again")
    listing = archives.listing(archive, url)
    names = listing.images
    if not rule:
        yield from (format_line("note", note) for note in unused_files.notes(listing))
        yield from suggest_rules(name, block.pictures, archive, names)
        return
    label, csv = new_rule.with_folders(rule, names, split_folders), None
    if "file" in rule:
        label["file"], source = new_rule.csv_place(rule["file"], url, archive)
        if source:
            csv, text = versions.open_place(name, source)
            # the keys are written in this order: sha256 right below its file
            label = {"from": "csv", "file": "", "sha256": csv.name} | label
            yield format_line("csv", text)
    block = schema.validate(DatasetEntry, {**keys, "label": label}, f"new {name}")
    findings = Findings()
    image_labels, survey_result = survey_images(archive, listing, block, csv, findings)
    if not has_split(block):
        findings.notes.extend(new_rule.list_notes(url, lists.files(archive, names)))
    yield from describe_images(image_labels, survey_result, findings, block.target)
    raise_if_errors(findings)
    version = versions.version_of(archive, names, block.label)
    version.write(name)
    written = {**keys, "pictures": {"url": url, version.key: version.sha256}, "label": label}
    catalog_entry.append_entry(FILE, name, {**written, "count": len(image_labels)})
    line = f"{FILE}: {name}, {version.describe(name)}, count {len(image_labels)}"
    yield format_line("written", line)
    yield from next_steps(name, block)


def check_name(name: str) -> None:
    """Check that the name is valid in params.yaml and YAML, and new.

    Raises:
        FileNotFoundError, ValueError: it is not, or there is no datasets.yaml here.
    """
    schema.validate(DatasetName, {"name": name}, "new")
    if name in yaml_file.load(FILE):
        raise ValueError(
            f"{FILE}: `{name}` exists already; choose another name, or if its images have changed, "
            f"run `pawprint new {name} --update`; for another label rule, change its `label` "
            "there, or remove the block first"
        )
    # 1e5 and true fit the pattern of names, and params.yaml would read them as something else
    if yaml_file.parse(f"k: {name}", "") != {"k": name}:
        raise ValueError(f"{name}: is not text in YAML; choose a name such as set-{name}")


def origin(text: str) -> Iterator[str]:
    """Where the images came from, and what was left out there."""
    first, *notes = text.splitlines()
    yield format_line("images", first)
    yield from (format_line("note", note.removeprefix("note: ")) for note in notes)


def survey_images(
    archive: Path,
    listing: Listing,
    block: DatasetEntry,
    csv: Path | None,
    findings: Findings,
    known: Mapping[str, str] | None = None,
) -> tuple[Labels, survey.Survey]:
    """The cell of each image's target (None if it has none), and the survey of the images.

    Images in `known`, sha256 by name, are not decoded: an earlier survey has said what is odd.
    """
    names = listing.images
    unused_files.check(listing, block.label, findings)
    image_labels = label_images(archive, names, block, csv, findings)
    survey_result = survey.survey_archive(archive, names, survey.background(), known)
    single = (
        image_labels
        if label_cells.CELLS[block.target].is_exclusive
        else dict.fromkeys(image_labels)
    )
    survey.check(survey_result, single, findings)
    new_target.check_values(image_labels, survey_result.images, block.target, findings)
    return image_labels, survey_result


def label_images(
    archive: Path, names: Sequence[str], block: DatasetEntry, csv: Path | None, findings: Findings
) -> Labels:
    """The cell of each image's target; None if the rule gives none."""
    targets = read_targets(archive, names, block.label, findings, block.target, csv)
    return dict(zip(names, targets.targets, strict=True))


def describe_images(
    image_labels: Labels, survey_result: survey.Survey, findings: Findings, target: str
) -> Iterator[str]:
    """A line for classes (or numbers, points), sizes and formats, and the notes."""
    counted = Counter(
        label for cell in image_labels.values() for label in label_cells.classes(cell or "", target)
    )
    if counted:
        yield format_line("classes", survey.classes_line(len(image_labels), counted))
    for word, text in new_target.values_lines(image_labels, target):
        yield format_line(word, text)
    if survey_result.formats:  # else an update has no new images
        yield format_line("sizes", survey.sizes_line(survey_result.images))
        yield format_line("formats", survey.formats_line(survey_result.formats))
    for note in findings.notes:
        yield format_line("note", note)


def raise_if_errors(findings: Findings) -> None:
    """Raise all errors as one.

    Raises:
        ValueError: there are errors.
    """
    if findings.errors:
        raise ValueError("\n".join([*findings.errors, f"nothing was written to {FILE}"]))


def suggest_rules(name: str, source: Source, archive: Path, names: Sequence[str]) -> Iterator[str]:
    """The rules that fit, each as a command.

    Raises:
        ValueError: no rule fits.
    """
    yield format_line("names", f"{len(names):,}, such as {shorten(names, 3)}")
    hashed = ["--sha256", archive.name] if source.is_remote else []
    fits = False
    for keys, classes in label_rules.offers(archive, names, new_rule.beside(source.url)):
        fits = True
        rule = LabelRule.model_validate(keys)
        yield format_line(
            "fits", f"{rule.words}: {len(classes):,} classes: {survey.class_counts_text(classes)}"
        )
        yield format_line(
            "", shlex.join(["pawprint", "new", name, source.url, *options(keys), *hashed])
        )
    if not fits:
        raise ValueError(
            "found no rule that gives each of these names a label; give one with --pattern REGEX "
            "(on the file's name; with --from-path on the whole path), --folder, or --csv FILE "
            f"--name-column X --label-column Y{label_rules.one_hot(archive)}"
        )
    yield format_line("", "Nothing is written yet; run one of these commands.")


def options(keys: Mapping[str, Any]) -> list[str]:
    """A rule as options of `pawprint new`."""
    flags = {"folder": ["--folder"], "path": ["--from-path"]}.get(keys["from"], [])
    flags += [word for key in OPTIONS if key in keys for word in (OPTIONS[key], keys[key])]
    return flags + (["--split-folders"] if "group" in keys else [])


def next_command(name: str, block: DatasetEntry) -> str:
    """The command that trains on it, with the dataset's own split if it has one."""
    # hash: images are added to a set of one's own, and none may change sides then
    split = "official" if has_split(block) else "hash"
    return f"dvc exp run -S dataset={name} -S label.split={split}"


def has_split(block: DatasetEntry) -> bool:
    """Whether the dataset has its own split."""
    rule = block.label
    return any((rule.split, rule.valid, rule.test, block.lists))


def next_steps(name: str, block: DatasetEntry) -> Iterator[str]:
    """The next commands."""
    yield format_line("next", next_command(name, block))
    yield format_line("", "for photos, use a pretrained network; before that, run:")
    yield format_line("", f"pawprint preset {new_target.PHOTO_PRESETS[block.target]}")
    yield format_line("", "(it shows what it changes in params.yaml, and keeps your dataset)")


def format_line(word: str, text: str) -> str:
    """A line, with its word in a column."""
    return f"{word:<10} {text}"
