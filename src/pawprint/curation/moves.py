"""Which images an update moves between train and valid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pawprint.core import params
from pawprint.core.params import Label
from pawprint.data import splits
from pawprint.data.splits import Annotations


@dataclass(frozen=True)
class LabelledImages:
    """The images of one version of a dataset."""

    names: Sequence[str]
    hashes: Mapping[str, str]  # sha256, by name
    annotations: Annotations

    def split_by_hash(self, rule: Label) -> dict[str, str]:
        """The split of each image that has one, by its sha256."""
        hashes = [self.hashes[name] for name in self.names]
        annotations = replace(self.annotations, hashes=hashes)
        if rule.split == "official":
            drawn = annotations.splits or [None] * len(hashes)
        else:
            drawn = splits.draw_splits(rule.split, annotations, rule.valid_fraction, rule.seed)
        return {x: split for x, split in zip(hashes, drawn, strict=True) if split}


def describe(name: str, before: LabelledImages, now: LabelledImages) -> str:
    """How many images change sides by the split of params.yaml; empty if it cannot be said."""
    try:
        p = params.load()
        if p.dataset != name:
            return ""
        old, new = before.split_by_hash(p.label), now.split_by_hash(p.label)
    except (FileNotFoundError, ValueError):  # the first stage says what is wrong
        return ""
    kept = old.keys() & new.keys()
    moved, rule = sum(old[x] != new[x] for x in kept), f"label.split: {p.label.split}"
    if not kept:
        return ""
    if not moved:
        joined = [split for x, split in new.items() if x not in old]
        share = f"; of {len(joined):,} new ones {joined.count('valid'):,} are valid"
        return f"{rule}: no image changes sides{share if joined else ''}"
    hint = "" if p.label.split == "hash" else "; label.split: hash keeps each image on its side"
    return (
        f"{rule}: {moved:,} of {len(kept):,} images change sides, so errors before and after this "
        f"update cannot be compared{hint}"
    )
