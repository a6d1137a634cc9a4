"""Keep a block of datasets.yaml in git, because `dvc exp apply` drops uncommitted changes."""

import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pawprint.core import git
from pawprint.data.catalog import FILE
from pawprint.storage import manifest


def commit_entry(rows: Iterable[str], name: str, verb: str, is_committed: bool) -> Iterator[str]:
    """The rows; if one says that datasets.yaml is written, commit it, or tell how to.

    Args:
        rows: lines to print; the file is written while they are read.
        name: of the dataset, whose manifest is kept with the block.
        verb: of the commit's message, such as Add.
        is_committed: whether to commit.

    Raises:
        ValueError: git failed to commit it.
    """
    # asked first, since the file is written while the rows are read
    had_changes, is_written = is_changed([FILE]), False
    for row in rows:
        is_written = is_written or row.startswith("written")
        yield row
    paths = [path for path in (FILE, manifest.path_of(name)) if path.is_file()]
    if not is_written or not is_changed([FILE]):
        return
    message, shown = f"{verb} the dataset {name}", " and ".join(map(str, paths))
    if is_committed:
        commit(message, paths)
        others = ", with your earlier changes to it" if had_changes else ""
        yield f"{'committed':<10} only {shown}{others}: {message}"
        return
    # git commit refuses a path that it does not know yet
    known = git.git_output("ls-files", "--", *map(str, paths)).split("\n")
    add = [str(path) for path in paths if path.as_posix() not in known]
    command = shlex.join(["git", "commit", "-m", message, *map(str, paths)])
    yield f"{'keep':<10} {shlex.join(['git', 'add', *add]) + ' && ' if add else ''}{command}"
    yield f"{'':<10} before experiments: `dvc exp apply` drops a block that is not committed"
    yield f"{'':<10} (`pawprint new --commit` does it for you)"


def is_changed(paths: Sequence[Path]) -> bool:
    """Whether files have uncommitted changes; False if git does not track them."""
    return bool(git.git_output("status", "--porcelain", "--", *map(str, paths)).strip())


def commit(message: str, paths: Sequence[Path]) -> None:
    """Commit these files and nothing else, whatever is staged.

    Raises:
        ValueError: git fails, such as without user.name.
    """
    names = [str(path) for path in paths]
    # `git commit --only` refuses a path that git does not know yet
    subprocess.run(["git", "add", "--", *names], capture_output=True, check=False)
    command = ["git", "commit", "--quiet", "--only", "-m", message, "--", *names]
    answer = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if answer.returncode == 0:
        return
    words = [line.strip() for line in answer.stderr.splitlines() if line.strip()] or ["no reason"]
    why = words[-1]
    if "tell me who you are" in answer.stderr:
        why = (
            "it does not know your name and e-mail; run `git config user.name NAME` and `git "
            "config user.email E-MAIL`"
        )
    raise ValueError(
        f"{FILE}: the block is written, but git could not commit it: {why}; then run "
        f"`{shlex.join(['git', 'commit', '-m', message, *names])}`"
    )
