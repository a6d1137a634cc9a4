"""Where a label rule gives an image none: what its pattern was tried on, what would fit."""

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
    """What a pattern is tried on, where it may have been meant for the whole path.

    Args:
        names: of images without a label.
        texts: what the rule reads of each.
        rule: that gave them none.
        splits: the folders that say a split.
    """
    if rule.source == "folder" and not layouts.class_folder(names[0], splits) and splits:
        spoken = ", ".join(f"{folder}/" for folder in sorted(splits.split_of_folder))
        return f"they lie in no class's folder, but in one that says a split ({spoken}); "
    pattern = rule.pattern or ""
    if rule.source not in ("name", "folder") or not pattern:
        return _with_a_slash(names, pattern) if rule.source == "path" else ""
    if "/" not in pattern and not any(re.search(pattern, name) for name in names):
        return ""
    what = "file's name" if rule.source == "name" else "innermost folder's name"
    return (
        f"this pattern sees the {what} alone, here {yaml_file.one_line(texts[0], 80)}, without "
        f"the folders above it; `from: path` (pawprint new --from-path) sees the whole path; "
        + _with_a_slash(names, pattern)
    )


def _with_a_slash(names: Sequence[str], pattern: str) -> str:
    """A remedy for a pattern that starts with the slash of a longer path."""
    instead = f"(?:^|/){pattern[1:]}"
    if not pattern.startswith("/") or all(re.search(pattern, name) for name in names):
        return ""
    if not all(re.search(instead, name) for name in names):
        return ""
    return f"a path starts without a slash here: there, {yaml_file.one_line(instead, 200)} fits; "
