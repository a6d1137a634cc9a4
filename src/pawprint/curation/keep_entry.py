"""Keep a new block of datasets.yaml in git, because `dvc exp apply` drops uncommitted changes."""

import shlex
import subprocess
from collections.abc import Iterable, Iterator

from pawprint.core import git
from pawprint.data.catalog import FILE


def commit_entry(rows: Iterable[str], message: str, is_committed: bool) -> Iterator[str]:
    """The rows; if one says that datasets.yaml is written, commit it, or tell how to.

    Raises:
        ValueError: git failed to commit it.
    """
    # asked first, since the file is written while the rows are read
    had_changes, is_written = is_changed(), False
    for row in rows:
        is_written = is_written or row.startswith("written")
        yield row
    if not is_written or not is_changed():
        return
    if is_committed:
        commit(message)
        others = ", with your earlier changes to it" if had_changes else ""
        yield f"{'committed':<10} only {FILE}{others}: {message}"
        return
    command = shlex.join(["git", "commit", "-m", message, str(FILE)])
    yield f"{'keep':<10} {command}"
    yield f"{'':<10} before experiments: `dvc exp apply` drops a block that is not committed"
    yield f"{'':<10} (`pawprint new --commit` does it for you)"


def is_changed() -> bool:
    """Whether datasets.yaml has uncommitted changes; False if git does not track it."""
    return bool(git.git_output("status", "--porcelain", "--", str(FILE)).strip())


def commit(message: str) -> None:
    """Commit datasets.yaml and nothing else, whatever is staged.

    Raises:
        ValueError: git fails, such as without user.name.
    """
    known = git.git_output("ls-files", "--", str(FILE))
    # `git commit --only` refuses a path that git does not know yet
    if not known:
        subprocess.run(["git", "add", "--", str(FILE)], capture_output=True, check=False)
    command = ["git", "commit", "--quiet", "--only", "-m", message, "--", str(FILE)]
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
        f"`{shlex.join(['git', 'commit', '-m', message, str(FILE)])}`"
    )
