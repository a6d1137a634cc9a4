"""Folders of images: which of them are a split, and which level of them is the class."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pawprint.core.findings import shorten
from pawprint.data import split_words

NO_CLASS = re.compile(  # folders that sort files, by a format, a date or a session
    r"(?i)(images?|imgs?|jpe?gs?|pngs?|photos?|pictures?|pics|raw|originals?|data|files|frames|rgb"
    r"|crops?|cropped|resized|unknown"
    r"|(19|20)\d\d([-_. ]?[01]\d([-_. ]?[0-3]\d([-_T ]?[\d.:h-]+)?)?)?"
    r"|\d{1,2}[-_.]\d{1,2}[-_.]((19|20)?\d\d)"
    r"|(session|sess|sequence|seq|clip|video|vid|day|week|month|batch|part|run|take|visit|shoot"
    r"|cam|camera|page)s?[-_ ]?\d+)"
)

NUMBERED = {"image", "images", "img", "imgs", "part", "parts", "batch", "folder", "data", "set"}


@dataclass(frozen=True)
class SplitFolders:
    """Folders that define a split."""

    split_of_folder: Mapping[
        str, str
    ]  # train, valid or test, by the folder's name as it is written
    doubled: frozenset[str] = frozenset()  # of these, all that holds pictures is X/X

    def at(self, name: str) -> range:
        """The position of the outermost of them in this image's path, twice if it is X/X."""
        parts = folders(name)
        # the outermost: within train/ and val/, a folder `train` may be a class
        first = next((i for i, part in enumerate(parts) if part in self.split_of_folder), None)
        if first is None:
            return range(0)
        is_twice = parts[first] in self.doubled
        return range(first, first + (2 if is_twice else 1))

    def split_of(self, name: str) -> str | None:
        """The split of this image."""
        at = self.at(name)
        return self.split_of_folder[folders(name)[at[0]]] if at else None

    @property
    def has_train(self) -> bool:
        """Whether one is for training; if not, they are next to the folders of the classes."""
        return "train" in self.split_of_folder.values()

    @property
    def alternatives(self) -> str:
        """Their names, for a pattern."""
        return "|".join(
            re.escape(name) for name in sorted(self.split_of_folder, key=lambda x: (-len(x), x))
        )

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of a label rule that use these folders as the split."""
        rest = "" if self.has_train else "|^"  # a path without such a folder is train's
        known = {
            split: sorted(folder for folder, word in self.split_of_folder.items() if word == split)
            for split in ("valid", "test")
        }
        # .*? and not .*, so that the outermost of them is found here too
        pattern = f"^(?:.*?/)?({self.alternatives})/{rest}"
        return {"group": pattern} | {split: some for split, some in known.items() if some}

    @property
    def words(self) -> str:
        """These keys, as you write them into a block."""
        shown = {key: value if isinstance(value, str) else f"[{', '.join(value)}]"
                 for key, value in self.keys.items()}  # fmt: skip
        return ", ".join(f"{key}: {value}" for key, value in shown.items())


def folders(name: str) -> list[str]:
    """The folders in an image's path, outermost first."""
    return name.split("/")[:-1]


def split_folders(names: Sequence[str]) -> SplitFolders | None:
    """The folders that define a split: one for train, and at least one for valid or test.

    Their names may contain other words, the same in each: seg_train, seg_test. Next to folders of
        classes a test/ or valid/ is enough. None if there are no such folders.
    """
    by_rest: dict[frozenset[str], dict[str, str]] = defaultdict(dict)
    for folder in sorted({folder for name in names for folder in folders(name)}):
        if word := split_words.parse(folder):
            by_rest[word[1]][folder] = word[0]
    # train/ without valid or test may be a class, beside bus/ and boat/
    whole = [some for some in by_rest.values() if {"train"} < {*some.values()}]
    if whole:
        spoken = {folder: split for some in whole for folder, split in some.items()}
        return SplitFolders(spoken, _doubles(names, spoken))
    alone = by_rest.get(frozenset(), {})
    if "train" in alone.values():
        return None
    spoken = {
        folder: split
        for folder, split in alone.items()
        # without a train/ beside them, these two may be classes
        if not {"dev", "eval"} & {*split_words.tokens(folder)}
    }
    return SplitFolders(spoken, _doubles(names, spoken)) if spoken else None


def _doubles(names: Iterable[str], spoken: Mapping[str, str]) -> frozenset[str]:
    """The folders X in which everything is in X/X, as after unpacking a zip."""
    inner = defaultdict(set)
    for name in names:
        parts = folders(name)
        first = next((i for i, part in enumerate(parts) if part in spoken), None)
        if first is not None:
            inner[parts[first]].add(parts[first + 1] if first + 1 < len(parts) else "")
    return frozenset(folder for folder, within in inner.items() if within == {folder})


def class_folder(name: str, splits: SplitFolders | None) -> str:
    """The innermost folder's name; empty if there is none, or if it is a split."""
    parts = folders(name)
    return "" if not parts or (splits and len(parts) - 1 in splits.at(name)) else parts[-1]


def class_rules(names: Sequence[str], splits: SplitFolders | None) -> list[dict[str, str]]:
    """The rules that use one level of the folders as the class, the likeliest first."""
    # test/ often has no folders for classes, which would leave no level that all share
    known = [name for name in names if not splits or splits.split_of(name) != "test"]
    places = [_places(name, splits) for name in known]
    depth = min(map(len, places), default=0)
    levels = [{folders(name)[at[level]] for name, at in zip(known, places, strict=True)}
              for level in range(depth)]  # fmt: skip
    varying = [level for level, values in enumerate(levels) if len(values) > 1]
    ordered = sorted(varying, key=lambda level: (sorts_files(levels[level]), -level))
    rules = [_rule(known, [at[level] for at in places], splits) for level in ordered]
    return [rule for rule in rules if rule]


def _places(name: str, splits: SplitFolders | None) -> list[int]:
    """The positions of the folders that are not a split."""
    spoken = splits.at(name) if splits else ()
    return [i for i in range(len(folders(name))) if i not in spoken]


def sorts_files(values: Iterable[str]) -> bool:
    """Whether all are dates or similar, or one name with numbers, such as images_part_2."""
    known = [*values]
    words = {tuple(split_words.tokens(value)) for value in known}
    is_one = len(words) == 1 and bool({*words.pop()} & NUMBERED) and len(known) > 1
    return is_one or all(NO_CLASS.fullmatch(value) for value in known)


def _rule(
    names: Sequence[str], at: Sequence[int], splits: SplitFolders | None
) -> dict[str, str] | None:
    """The rule for the folders at this position; None if no pattern finds all of them."""
    paths = [folders(name) for name in names]
    if all(i == len(path) - 1 for path, i in zip(paths, at, strict=True)):
        return {"from": "folder"}
    left, right = {*at}, {len(path) - i for path, i in zip(paths, at, strict=True)}
    words_of = splits.split_of_folder if splits else {}
    if words_of and all(i and path[i - 1] in words_of for path, i in zip(paths, at, strict=True)):
        pattern = f"^(?:.*/)?(?:{splits.alternatives if splits else ''})/([^/]+)/"
    elif words_of and all(path[i + 1 : i + 2] and path[i + 1] in words_of
                      for path, i in zip(paths, at, strict=True)):  # fmt: skip
        pattern = f"([^/]+)/(?:{splits.alternatives if splits else ''})/"
    elif len(left) == 1:
        pattern = "^" + "[^/]+/" * at[0] + "([^/]+)/"
    elif len(right) == 1:
        pattern = "([^/]+)" + "/[^/]+" * right.pop() + "$"
    else:
        return None
    return {"from": "path", "pattern": pattern}


def mixed_splits(splits: SplitFolders, names: Sequence[str]) -> list[str]:
    """A note if these images are in folders that define a split that the rule does not use."""
    counted = Counter(splits.split_of(name) or "train" for name in names)
    if len(counted) < 2:
        return []
    folders_of = {
        split: " and ".join(
            f"{x}/" for x, word in sorted(splits.split_of_folder.items()) if word == split
        )
        for split in counted
    }
    shown = ", ".join(
        f"{folders_of[split] or 'the others'} ({n:,})" for split, n in sorted(counted.items())
    )
    return [
        f"folders define a split, which is not used: the images of {shown} are mixed, and "
        "label.split draws from all of them; to keep them separate: `pawprint new` with "
        f"--split-folders, or in the block's `label`: {splits.words}"
    ]


def other_levels(names: Sequence[str], splits: SplitFolders | None) -> list[str]:
    """A note if a level of folders above the innermost one may be the class."""
    known = [name for name in names if not splits or splits.split_of(name) != "test"]
    others = [rule["pattern"] for rule in class_rules(names, splits) if "pattern" in rule]
    if not others:
        return []
    inner = Counter(class_folder(name, splits) for name in known)
    outer = Counter(m.group(1) for name in known if (m := re.search(others[0], name)))
    return [
        f"the class is the innermost folder ({_counts_text(inner)}), but the folders above it may "
        f"be meant ({_counts_text(outer)}): for these `from: path` with `pattern: {others[0]}` "
        f"(pawprint new --from-path --pattern '{others[0]}')"
    ]


def _counts_text(counted: Counter[str]) -> str:
    return shorten([f"{word} {n:,}" for word, n in counted.most_common()], 4)


def check_class_folder(names: Sequence[str], splits: SplitFolders | None) -> None:
    """Raise if the innermost folder is a date, `images` or a split, and another one is meant.

    Raises:
        ValueError: the message has the pattern for that folder.
    """
    known = [name for name in names if not splits or splits.split_of(name) != "test"]
    rules = class_rules(names, splits)
    if not rules or rules[0]["from"] == "folder":
        return
    inner = Counter(folders(name)[-1] for name in known)
    if any(NO_CLASS.fullmatch(x) or not class_folder(f"{x}/1", splits) for x in inner):
        pattern = rules[0]["pattern"]
        outer = Counter(m.group(1) for name in known if (m := re.search(pattern, name)))
        raise ValueError(
            f"the innermost folders ({_counts_text(inner)}) do not seem to be classes, but folders "
            f"above them do ({_counts_text(outer)}): instead of --folder give --from-path "
            f"--pattern '{pattern}' (or to use the innermost ones anyway, --from-path --pattern "
            "'([^/]+)/[^/]+$')"
        )
