"""What git knows about the current folder, or about another one."""

import subprocess
from collections.abc import Iterable


def git_output(*words: str) -> str:
    """The output of `git WORDS`; empty if it fails or git is not installed."""
    try:
        process = subprocess.run(
            ["git", *words], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except FileNotFoundError:
        return ""
    return process.stdout if process.returncode == 0 else ""


def names(commit: str, paths: Iterable[str]) -> list[str]:
    """The files of a commit that are one of these paths or lie in one, from the current folder."""
    # -z: else git quotes a name that is not ASCII, as "\303\244.csv"
    listed = git_output("ls-tree", "-r", "-z", "--name-only", commit, "--", *paths)
    return [name for name in listed.split("\0") if name]


def contents(commit: str, paths: Iterable[str]) -> dict[str, bytes]:
    """The contents of those of these files that a commit has, by path from the working folder."""
    names = list(paths)
    asked = "".join(f"{commit}:./{name}\n" for name in names)
    # one process for all files: most of the time of a call is git's own start
    command = ["git", "cat-file", "--batch"]
    output = subprocess.run(command, input=asked.encode(), capture_output=True, check=True).stdout
    files, at = dict[str, bytes](), 0
    for name in names:
        end = output.index(b"\n", at)
        head = output[at:end].rsplit(b" ", 2)  # a missing name is echoed, blanks and all
        at = end + 1
        if head[-1].isdigit():  # else it is missing
            size = int(head[-1])
            if head[-2] == b"blob":
                files[name] = output[at : at + size]
            at += size + 1
    return files
