"""Words for train, valid and test: in a column of a CSV, or in the name of a folder."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from pawprint.core import yaml_file
from pawprint.core.findings import Findings, shorten

WORDS = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "validate", "dev", "eval"), "valid"),
    **dict.fromkeys(("test", "testing", "tests"), "test"),
}
UNLABELLED = {  # of folders alone: what is there to be predicted
    *("pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled", "submission"),
}
BESIDE = {  # words that may stand beside one of these, as in train_images, test set, PublicTest
    *("set", "sets", "image", "images", "img", "imgs", "photos", "pictures", "data", "dataset"),
    *("split", "folder", "files", "public", "private", "the"),
}
TRUE, FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
ALLOWED = (
    "train (training), valid (val, validation, dev, eval) or test (testing), in lower or upper "
    "case, or in a column such as is_valid True, 1, yes or False, 0, no"
)


def tokens(text: str) -> list[str]:
    """The words of a name, without numbers.

    >>> tokens("seg_train2017"), tokens("PublicTest")
    (['seg', 'train'], ['public', 'test'])
    """
    plain = unicodedata.normalize("NFKC", text)
    return [word.lower() for word in re.findall(r"[^\W\d_a-z]+(?![a-z])|[^\W\d_]?[a-z]+", plain)]


def parse(text: str) -> tuple[str, frozenset[str]] | None:
    """The split in a name, and its other words; None if it has no split, or two.

    >>> parse("seg_train"), parse("Test set"), parse("beagle")
    (('train', frozenset({'seg'})), ('test', frozenset()), None)
    """
    words = [word for word in tokens(text) if word not in BESIDE]
    meanings = {WORDS[word] for word in words if word in WORDS}
    if meanings == {"train", "valid"}:  # train_val: valid is drawn from it
        meanings = {"train"}
    rest = frozenset(word for word in words if word not in WORDS)
    if not meanings and rest & UNLABELLED:
        return "test", rest - UNLABELLED
    return (meanings.pop(), rest) if len(meanings) == 1 else None


def cell_split(text: str, column: str) -> str | None:
    """The split in a cell; for True and False, the column's name tells which split is meant.

    >>> [cell_split("Val", "x"), cell_split("True", "is_valid"), cell_split("1", "is_test")]
    ['valid', 'valid', 'test']
    >>> [cell_split("FALSE", "is_train"), cell_split("3", "fold"), cell_split("", "split")]
    ['valid', None, None]
    """
    word = text.strip().casefold()
    if word in TRUE or word in FALSE:
        # a column whose name says no split is read as fastai's is_valid
        about = (parse(column) or ("valid", frozenset()))[0]
        return about if word in TRUE else {"train": "valid"}.get(about, "train")
    meaning = parse(text)
    is_whole = meaning is not None and not meaning[1] and not set(tokens(text)) & UNLABELLED
    return meaning[0] if meaning and is_whole else None


def parse_splits(
    names: Sequence[str], texts: Mapping[str, str], column: str, findings: Findings
) -> list[str | None]:
    """train, valid or test for each image, from a column of a CSV."""
    known = {text: cell_split(text, column) for text in set(texts.values())}
    odd = [
        yaml_file.one_line(text, 80) or "an empty cell"
        for text, split in known.items()
        if not split
    ]
    if odd:
        findings.errors.append(
            f"column {yaml_file.one_line(column, 80)} contains {shorten(sorted(odd))}; allowed are "
            f"{ALLOWED}; fix `label` in datasets.yaml, or these cells"
        )
    return [known[texts[name]] if name in texts else None for name in names]


def extract_groups(
    names: Sequence[str], pattern: str, findings: Findings, remedy: str
) -> list[str | None]:
    """The pattern's first group in each path; None and an error if it does not match."""
    matches = [re.search(pattern, name) for name in names]
    lost = [name for name, match in zip(names, matches, strict=True) if match is None]
    if lost:
        findings.errors.append(
            f"{len(lost)} of {len(names)} images get no group from label.group "
            f"{yaml_file.one_line(pattern, 200)}: {shorten(lost)}; {remedy}"
        )
    return [match.group(1) if match else None for match in matches]


def of_groups(
    groups: Sequence[str | None],
    valid: Sequence[str] | None,
    test: Sequence[str] | None,
    findings: Findings,
    remedy: str,
) -> list[str | None]:
    """train, valid or test for each image, by the groups that `valid` and `test` name."""
    named = {**dict.fromkeys(valid or (), "valid"), **dict.fromkeys(test or (), "test")}
    for key, some in (("valid", valid), ("test", test)):
        if absent := sorted({*(some or ())} - {*filter(None, groups)}):
            findings.errors.append(f"label.{key}: no image is in group {shorten(absent)}; {remedy}")
    return [named.get(group or "", "train") for group in groups]
