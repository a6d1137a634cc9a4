"""Hints if a label rule finds no label: what its pattern was tried on, what would match."""

import re
from collections.abc import Sequence

from pawprint.core import yaml_file
from pawprint.data import layouts
from pawprint.data.catalog import LabelRule


def narrow_view(
    names: Sequence[str],
    texts: Sequence[str],
    rule: LabelRule,
    splits: layouts.SplitFolders | None,
) -> str:
    """What a pattern is tried on, if it may have been meant for the whole path.

    Args:
        names: the images without a label.
        texts: the text that the rule reads for each.
        rule: the rule that gave them no label.
        splits: the folders that define a split.
    """
    if rule.source == "folder" and not layouts.class_folder(names[0], splits) and splits:
        spoken = ", ".join(f"{folder}/" for folder in sorted(splits.split_of_folder))
        return f"they are not in the folder of a class, but in a folder for a split ({spoken}); "
    pattern = rule.pattern or ""
    if rule.source not in ("name", "folder") or not pattern:
        return _with_a_slash(names, pattern) if rule.source == "path" else ""
    if "/" not in pattern and not any(re.search(pattern, name) for name in names):
        return ""
    what = "file's name" if rule.source == "name" else "innermost folder's name"
    return (
        f"this pattern sees only the {what}, here {yaml_file.one_line(texts[0], 80)}, without the "
        "folders above it; `from: path` (pawprint new --from-path) sees the whole path; "
        + _with_a_slash(names, pattern)
    )


def _with_a_slash(names: Sequence[str], pattern: str) -> str:
    """A fix for a pattern that starts with the slash of a longer path."""
    instead = f"(?:^|/){pattern[1:]}"
    if not pattern.startswith("/") or all(re.search(pattern, name) for name in names):
        return ""
    if not all(re.search(instead, name) for name in names):
        return ""
    return f"paths here start without a slash, and {yaml_file.one_line(instead, 200)} matches; "
