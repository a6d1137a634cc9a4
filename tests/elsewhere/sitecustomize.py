"""Python as it is on a system that is no Linux: for processes with this folder on PYTHONPATH.

What Windows lacks is taken away, and what it refuses is refused: a link, and a change of a file
that is open, mapped or read-only. Python itself reads this file before it runs anything.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, NoReturn

import filelock  # noqa: F401 - these two first: on other systems they need no fcntl, no resource
import psutil  # noqa: F401

MODULES = ("fcntl", "grp", "pwd", "resource", "termios")
NAMES = (
    *("chown", "execv", "execve", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg"),
    *("getpgid", "getuid", "killpg", "link", "mkfifo", "nice", "sched_getaffinity", "setsid"),
)
SIGNALS = ("SIGALRM", "SIGCONT", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGSTOP", "SIGUSR1", "SIGUSR2")


class Absent(MetaPathFinder):
    """Finds that a module is not there."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def refuse_link(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EPERM, "A required privilege is not held by the client")


def is_held(path: Any) -> bool:
    """Whether this process has the file open or mapped, or nobody may write into it."""
    file = Path(path)
    if not file.exists():
        return False
    mapped = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    if not file.stat().st_mode & 0o200 or any(
        line.endswith(f" {file.resolve()}") for line in mapped
    ):
        return True
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            if one.samefile(file):
                return True
    return False


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*paths: Any, **options: Any) -> Any:
        for path in paths:
            if is_held(path):
                raise PermissionError(errno.EACCES, "Access is denied", os.fspath(path))
        return function(*paths, **options)

    return call


for name in NAMES:
    delattr(os, name)
for name in SIGNALS:
    delattr(signal, name)
for name in MODULES:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
os.symlink = refuse_link
for name in ("remove", "rename", "replace", "unlink"):
    setattr(os, name, guarded(getattr(os, name)))
