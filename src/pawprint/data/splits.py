"""The split of each image: `train`, `valid` or `test`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from sklearn.model_selection import train_test_split

from pawprint.core.findings import Findings, shorten
from pawprint.data import lists, matching
from pawprint.data.hash_split import hash_split


@dataclass(frozen=True)
class Annotations:
    """What a dataset says about its images, in their order; None if it says nothing."""

    targets: list[str | None]  # cells of labels.csv
    splits: list[str | None] | None  # train, valid or test; None: the data set has none of its own
    groups: list[str | None] | None  # what stays together in a split; None: there is no such rule
    hashes: list[str] | None = None  # sha256 of each image's file


def assign_splits(
    rule: str,
    names: Sequence[str],
    annotations: Annotations,
    folder: Path,
    valid_fraction: float,
    seed: int,
    findings: Findings,
) -> list[str | None]:
    """The split of each image by `label.split`; None if in no list, and for all after an error.

    Args:
        rule: random, hash, stratified, group or official.
        names: paths in the archive, sorted.
        annotations: targets, groups and own splits, each as long as `names`.
        folder: data/raw/lists, read only for `official`, if the images have no split.
        valid_fraction: the share of the (listed) images for valid.
        seed: the seed of the draw.
        findings: collects what is wrong.
    """
    if rule != "official" and (annotations.splits or (folder / "train.txt").is_file()):
        findings.notes.append(
            "datasets.yaml gives this dataset its own split (split, valid, test or lists), but "
            f"label.split: {rule} in params.yaml does not use it; to use it: -S "
            "label.split=official"
        )
    try:
        if rule == "official" and annotations.splits:
            return ensure_valid(annotations.splits, valid_fraction, seed, findings)
        if rule == "official":
            return official_split(names, lists.read(folder), valid_fraction, seed, findings)
        drawn = draw_splits(rule, annotations, valid_fraction, seed)
        if rule == "hash" and (count := len(drawn) - drawn.count(None)):
            fraction = drawn.count("valid") / count
            findings.notes.append(
                f"label.split: hash: {drawn.count('valid'):,} of {count:,} images are valid, "
                f"{fraction:.1%} (label.valid_fraction {valid_fraction:.0%})"
            )
        return drawn
    except ValueError as error:
        findings.errors.append(str(error))
        return [None] * len(names)


def draw_splits(
    rule: str, annotations: Annotations, valid_fraction: float, seed: int
) -> list[str | None]:
    """A random split of the images that have a target; None for the others.

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
    elif rule == "hash":
        drawn_splits = hash_split(
            [(annotations.hashes or [])[i] for i in rows],
            annotations.groups and [annotations.groups[i] for i in rows],
            valid_fraction,
            seed,
        )
    else:
        drawn_splits = random_split(len(rows), valid_fraction, seed)
    image_splits: list[str | None] = [None] * len(annotations.targets)
    for i, split in zip(rows, drawn_splits, strict=True):
        image_splits[i] = split
    return image_splits


def permutation(n: int, seed: int) -> list[int]:
    """`torch.randperm(n)` after `torch.manual_seed(seed)`, without torch.

    The 32-bit numbers of a Mersenne Twister drive a Fisher-Yates shuffle from the front.
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
    """Split each class in the same proportion, as closely as whole images allow.

    Raises:
        ValueError: a target has only one image, or a split gets fewer images than classes.
    """
    # sklearn refuses what is refused here too, but its words name no key of params.yaml
    names, sizes = np.unique(np.asarray(labels), return_counts=True)
    single = names[sizes < 2].tolist()
    if single:
        raise ValueError(
            f"{len(single)} targets have only one image and cannot be stratified: "
            f"{shorten(single)}; add images of them, remove them from the archive or folder, or "
            "use label.split: random"
        )
    n_valid = int(valid_fraction * len(labels))
    if min(n_valid, len(labels) - n_valid) < len(names):
        raise ValueError(
            f"label.valid_fraction {valid_fraction} of {len(labels)} images gives {n_valid} for "
            f"valid, but each side needs one of each of the {len(names)} classes"
        )
    _, valid = train_test_split(
        np.arange(len(labels)), test_size=n_valid, stratify=labels, random_state=seed
    )
    chosen = set(valid.tolist())
    return ["valid" if i in chosen else "train" for i in range(len(labels))]


def group_split(groups: Sequence[str | None] | None, valid_fraction: float, seed: int) -> list[str]:
    """Put whole groups, in random order, into valid until it has `valid_fraction` of the images.

    Raises:
        ValueError: the dataset has no groups, or fewer than two.
    """
    # sorted: a set's order of texts differs between processes, and the seed draws from this list
    known = sorted({*filter(None, groups or ())})
    if groups is None or len(known) < 2:
        raise ValueError(
            f"label.split: group, but this dataset has {len(known)} groups of images; its block in "
            "datasets.yaml needs label.group, a pattern whose (…) in the path tells two or more "
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
    """The split by the dataset's own lists; without a list for valid, it is drawn from train.

    Args:
        names: paths of images; a list may name them by path, file name or stem.
        lists_of: the lists for `train` and, if they exist, `valid` and `test`.
        valid_fraction: the share of train's images for valid.
        seed: the seed of that draw.
        findings: collects names that may mean several images and images in two lists (errors),
            images in no list and listed names without an image (notes).
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
            f"{len(several)} names in the dataset's own lists may mean several images: "
            f"{shorten(several)}; write their paths there, or use label.split: random"
        )
    lists.check(names, splits, absent, twice, findings)
    return splits if "valid" in lists_of else draw_valid_from_train(splits, valid_fraction, seed)


def ensure_valid(
    image_splits: Sequence[str | None], valid_fraction: float, seed: int, findings: Findings
) -> list[str | None]:
    """A dataset's own splits; without valid, it is drawn from train's images, with a note."""
    if "valid" in image_splits:
        return [*image_splits]
    drawn_splits = draw_valid_from_train(image_splits, valid_fraction, seed)
    findings.notes.append(
        f"the dataset's own split has no valid: {drawn_splits.count('valid'):,} of train's "
        f"{image_splits.count('train'):,} images are drawn for it (label.valid_fraction "
        f"{valid_fraction}, label.seed {seed})"
    )
    return drawn_splits


def draw_valid_from_train(
    image_splits: Sequence[str | None], valid_fraction: float, seed: int
) -> list[str | None]:
    """The splits, with valid drawn from train's images at random."""
    result, rows = [*image_splits], [i for i, split in enumerate(image_splits) if split == "train"]
    for i, split in zip(rows, random_split(len(rows), valid_fraction, seed), strict=True):
        result[i] = split
    return result
