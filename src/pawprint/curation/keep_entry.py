"""A new block of datasets.yaml kept by git, since `dvc exp apply` drops what no commit holds."""

import shlex
import subprocess
from collections.abc import Iterable, Iterator

from pawprint.core import git
from pawprint.data.catalog import FILE


def commit_entry(rows: Iterable[str], message: str, is_committed: bool) -> Iterator[str]:
    """The rows; where one says that datasets.yaml is written, it is committed, or how to do it.

    Raises:
        ValueError: git does not commit it.
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
        yield f"{'committed':<10} {FILE} alone{others}: {message}"
        return
    command = shlex.join(["git", "commit", "-m", message, str(FILE)])
    yield f"{'keep':<10} {command}"
    yield f"{'':<10} before experiments: `dvc exp apply` drops a block that no commit holds"
    yield f"{'':<10} (with --commit, `pawprint new` does it)"


def is_changed() -> bool:
    """Whether git sees changes of datasets.yaml that no commit holds; not so where it is not."""
    return bool(git.git_output("status", "--porcelain", "--", str(FILE)).strip())


def commit(message: str) -> None:
    """Commit datasets.yaml and nothing else, whatever is staged.

    Raises:
        ValueError: git does not, such as where it knows nobody's name.
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
            "it does not know who you are; run `git config user.name NAME` and "
            "`git config user.email E-MAIL`"
        )
    raise ValueError(
        f"{FILE}: the block is written, but git did not commit it: {why}; then "
        f"`{shlex.join(['git', 'commit', '-m', message, str(FILE)])}`"
    )
