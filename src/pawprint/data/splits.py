"""Which pictures train and which judge: one word, `train`, `valid` or `test`, for each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from sklearn.model_selection import train_test_split

from pawprint.core.findings import Findings, shorten
from pawprint.data import lists, matching


@dataclass(frozen=True)
class Annotations:
    """What a data set says of its pictures, in their order; None where it says nothing."""

    targets: list[str | None]  # cells of labels.csv
    splits: list[str | None] | None  # train, valid or test; None: the data set has none of its own
    groups: list[str | None] | None  # what stays together in a split; None: there is no such rule


def assign_splits(
    rule: str,
    names: Sequence[str],
    annotations: Annotations,
    folder: Path,
    valid_fraction: float,
    seed: int,
    findings: Findings,
) -> list[str | None]:
    """The split of each picture by `label.split`; None for one in no list, and for all on an error.

    Args:
        rule: random, stratified, group or official.
        names: paths in the archive, sorted.
        annotations: targets, groups and own splits, each as long as `names`.
        folder: data/raw/lists, read by `official` alone, where the images tell no split.
        valid_fraction: share of the pictures (of the listed ones) that valid gets.
        seed: of the draw.
        findings: told what is wrong.
    """
    if rule != "official" and (annotations.splits or (folder / "train.txt").is_file()):
        findings.notes.append(
            "datasets.yaml gives this data set a split of its own (split, valid, test or lists), "
            f"which label.split: {rule} of params.yaml does not use; to use it: "
            "-S label.split=official"
        )
    try:
        if rule == "official" and annotations.splits:
            return ensure_valid(annotations.splits, valid_fraction, seed, findings)
        if rule == "official":
            return official_split(names, lists.read(folder), valid_fraction, seed, findings)
        return draw_splits(rule, annotations, valid_fraction, seed)
    except ValueError as error:
        findings.errors.append(str(error))
        return [None] * len(names)


def draw_splits(
    rule: str, annotations: Annotations, valid_fraction: float, seed: int
) -> list[str | None]:
    """The split of each picture that has a target, at random; None for the others.

    Raises:
        ValueError: as for `stratified_split` and `group_split`.
    """
    # images without a target are left out later: they must take no places in valid
    rows = [i for i, target in enumerate(annotations.targets) if target is not None]
    if rule == "stratified":
        drawn_splits = stratified_split(
            [annotations.targets[i] or "" for i in rows], valid_fraction, seed
        )
    elif rule == "group":
        drawn_splits = group_split(
            annotations.groups and [annotations.groups[i] for i in rows], valid_fraction, seed
        )
    else:
        drawn_splits = random_split(len(rows), valid_fraction, seed)
    image_splits: list[str | None] = [None] * len(annotations.targets)
    for i, split in zip(rows, drawn_splits, strict=True):
        image_splits[i] = split
    return image_splits


def permutation(n: int, seed: int) -> list[int]:
    """`torch.randperm(n)` after `torch.manual_seed(seed)`, without torch.

    A Mersenne Twister's 32-bit numbers drive Fisher and Yates's shuffle from the front.
    Source: torch's CPU generator; a test compares the two.
    """
    # importing torch takes seconds, and stage label needs nothing else of it
    twister = np.random.RandomState(seed)  # the classic seeding, as torch has it
    draws = twister.randint(0, 2**32, size=max(n - 1, 0), dtype=np.uint32)
    order = list(range(n))
    for i, draw in enumerate(draws.tolist()):
        # torch takes the remainder too, slightly uneven as it is
        j = i + draw % (n - i)
        order[i], order[j] = order[j], order[i]
    return order


def random_split(n: int, valid_fraction: float, seed: int) -> list[str]:
    """fastai's RandomSplitter: the first int(valid_fraction·n) of a permutation are valid."""
    valid = set(permutation(n, seed)[: int(valid_fraction * n)])
    return ["valid" if i in valid else "train" for i in range(n)]


def stratified_split(labels: Sequence[str], valid_fraction: float, seed: int) -> list[str]:
    """Each class is split in the same proportion, as near as whole pictures allow.

    Raises:
        ValueError: a target has one picture only, or a split gets fewer pictures than classes.
    """
    # sklearn refuses what is refused here too, but its words name no key of params.yaml
    names, sizes = np.unique(np.asarray(labels), return_counts=True)
    single = names[sizes < 2].tolist()
    if single:
        raise ValueError(
            f"{len(single)} targets have one picture only and cannot be stratified: "
            f"{shorten(single)}; add pictures of them, take them out of the archive or folder, or "
            "use label.split: random"
        )
    n_valid = int(valid_fraction * len(labels))
    if min(n_valid, len(labels) - n_valid) < len(names):
        raise ValueError(
            f"label.valid_fraction {valid_fraction} of {len(labels)} pictures gives {n_valid} for "
            f"valid, but each side needs one of each of the {len(names)} classes"
        )
    _, valid = train_test_split(
        np.arange(len(labels)), test_size=n_valid, stratify=labels, random_state=seed
    )
    chosen = set(valid.tolist())
    return ["valid" if i in chosen else "train" for i in range(len(labels))]


def group_split(groups: Sequence[str | None] | None, valid_fraction: float, seed: int) -> list[str]:
    """Whole groups, in random order, are valid until `valid_fraction` of the pictures is reached.

    Raises:
        ValueError: the data set names no groups, or fewer than two.
    """
    # sorted: a set's order of texts differs between processes, and the seed draws from this list
    known = sorted({*filter(None, groups or ())})
    if groups is None or len(known) < 2:
        raise ValueError(
            f"label.split: group, but this data set has {len(known)} groups of pictures: its block "
            "in datasets.yaml needs label.group, a pattern whose (…) in the path tells two or more "
            "groups apart; or use label.split: random"
        )
    sizes, valid = Counter(groups), set[str]()
    for i in permutation(len(known), seed)[:-1]:  # train keeps one at least
        if valid and sum(sizes[group] for group in valid) >= valid_fraction * len(groups):
            break
        valid.add(known[i])
    return ["valid" if group in valid else "train" for group in groups]


def official_split(
    names: Sequence[str],
    lists_of: Mapping[str, Sequence[str]],
    valid_fraction: float,
    seed: int,
    findings: Findings,
) -> list[str | None]:
    """The data set's own lists; without a list for valid, valid is drawn from train's.

    Args:
        names: paths of pictures; a list may name them by path, file name or stem.
        lists_of: `train`, and if there are such, `valid` and `test`.
        valid_fraction: share of train's pictures that valid gets.
        seed: of that draw.
        findings: told of names that may mean several pictures and of pictures in two lists
            (errors), of pictures in no list and of listed names without a picture (notes).
    """
    rows, known = {name: i for i, name in enumerate(names)}, matching.index_names(names)
    splits: list[str | None] = [None] * len(names)
    absent, several, twice = [], [], []
    for split, entries in sorted(lists_of.items()):
        matches, _ = matching.hits(entries, known, PurePosixPath())
        for entry, hits in zip(entries, matches, strict=True):
            if not hits:
                absent.append(entry)
            elif len(hits) > 1:
                several.append(entry)
            elif splits[rows[hits[0]]] not in (None, split):
                twice.append(entry)
            else:
                splits[rows[hits[0]]] = split
    if several:
        findings.errors.append(
            f"{len(several)} names in the data set's own lists may mean several pictures: "
            f"{shorten(several)}; write their paths there, or use label.split: random"
        )
    lists.check(names, splits, absent, twice, findings)
    return splits if "valid" in lists_of else draw_valid_from_train(splits, valid_fraction, seed)


def ensure_valid(
    image_splits: Sequence[str | None], valid_fraction: float, seed: int, findings: Findings
) -> list[str | None]:
    """A data set's own splits; where none is valid, valid is drawn from train's, and a note."""
    if "valid" in image_splits:
        return [*image_splits]
    drawn_splits = draw_valid_from_train(image_splits, valid_fraction, seed)
    findings.notes.append(
        f"the data set's own split has no valid: {drawn_splits.count('valid'):,} of train's "
        f"{image_splits.count('train'):,} pictures are drawn for it (label.valid_fraction "
        f"{valid_fraction}, label.seed {seed})"
    )
    return drawn_splits


def draw_valid_from_train(
    image_splits: Sequence[str | None], valid_fraction: float, seed: int
) -> list[str | None]:
    """The splits, with valid drawn from train's pictures at random."""
    result, rows = [*image_splits], [i for i, split in enumerate(image_splits) if split == "train"]
    for i, split in zip(rows, random_split(len(rows), valid_fraction, seed), strict=True):
        result[i] = split
    return result
