"""How to restore the last good params.yaml after a stage rejected a value in it.

`dvc exp run -S` leaves a rejected value in params.yaml, often within the second of git's last look
at it and with as many bytes as before: git then thinks that the file is unchanged, and `git
checkout` does nothing. A later modification time makes git look again.
"""

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pawprint.core import dvc_lock, files, git, schema, yaml_file
from pawprint.core.findings import shorten

FILE = Path("params.yaml")
COMMAND = f"`git checkout HEAD -- {FILE}`"


def advice(error: Exception) -> list[str]:
    """A line on how to go back, if `error` is about a param that is valid in the last commit.

    Sets the time of params.yaml to now if git could miss its changes.
    """
    committed = git.git_output("show", f"HEAD:./{FILE}")
    if not FILE.is_file() or not committed:
        return []
    if committed == FILE.read_text(encoding="utf-8", errors="replace"):
        return []
    is_copy = files.project_root().resolve() != Path.cwd()  # as experiments of the queue are run in
    if not is_copy:
        touch(FILE)
    try:
        before = yaml_file.parse(committed, "")
    except ValueError:
        return []
    refused = error.__cause__
    if isinstance(refused, schema.Refused) and not is_valid(refused.model, before):
        return []
    lines = line(str(error), before)
    if lines and is_copy:
        return [f"this ran in a copy of the project; your own {FILE} is unchanged"]
    return lines


def line(message: str, before: Mapping[str, Any]) -> list[str]:
    """The last commit's values of the params that a message names, and the command."""
    try:
        now = yaml_file.flatten(yaml_file.load(FILE))
    except ValueError:
        return [f"{COMMAND} restores the last commit's {FILE}, without your edits since then"]
    then = yaml_file.flatten(before)
    changed = [key for key in now | then if now.get(key, "") != then.get(key, "")]
    named = [key for key in changed if is_named(key, now.get(key), message)]
    if not named:
        return []
    targets = [
        f"{key} {dvc_lock.format_params(then[key])}" if key in then else f"no {key}"
        for key in changed
        if of(key, named) and (key in then or (key in named and not below(key, then)))
    ]
    others = [key for key in changed if not of(key, named)]
    lost = f", and discards your other changes there ({shorten(others)})" if others else ""
    return [f"the last commit has {shorten(targets)}: {COMMAND} restores its {FILE}{lost}"]


def is_named(key: str, value: object, message: str) -> bool:
    """Whether a message is about this param: by its name, or by a text that belongs only to it."""
    words = [f"`{key}`", *([key] if "." in key else [])]
    # a shorter text stands in many messages by chance
    if isinstance(value, str) and len(value) > 2:
        words.append(value)
    return any(re.search(rf"(?<![\w.]){re.escape(word)}(?![\w])", message) for word in words)


def of(key: str, named: list[str]) -> bool:
    """Whether a key is one of these, or in one of these sections."""
    return any(key == one or key.startswith(f"{one}.") for one in named)


def below(key: str, values: Mapping[str, Any]) -> bool:
    """Whether the key is a section that contains one of these dotted keys."""
    return any(name.startswith(f"{key}.") for name in values)


def is_valid(model: type[BaseModel], content: object) -> bool:
    """Whether the model accepts it."""
    try:
        model.model_validate(content)
    except ValidationError:
        return False
    return True


def touch(path: Path) -> None:
    """Set the file's modification time to another second; wait for at most one second."""
    with suppress(OSError):
        while int(time.time()) <= int(path.stat().st_mtime) < time.time() + 1:
            time.sleep(0.05)
        os.utime(path)
