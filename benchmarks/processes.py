"""Measure a command's time and memory."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil


def watch(
    command: Sequence[str], folder: Path, log: Path, look: Callable[[int], int] | None = None
) -> tuple[float, int]:
    """Run a command; return its seconds, and the peak memory of it and its children, in bytes.

    Shared memory counts once (PSS), sampled twice a second; or as measured by `look`, which gets
    the process's number.

    Raises:
        SystemExit: the command fails; its output is in `log`.
    """
    began, most = time.perf_counter(), 0
    with log.open("a") as message:
        child = subprocess.Popen(command, cwd=folder, stdout=message, stderr=message)
        while child.poll() is None:
            most = max(most, (look or memory)(child.pid))
            time.sleep(0.5)
    if child.returncode:
        sys.exit(f"{' '.join(command)}: exit {child.returncode}; see {log}")
    return time.perf_counter() - began, most


def memory(pid: int) -> int:
    """Bytes of a process and its children now; shared pages count once."""
    total = 0
    try:
        mother = psutil.Process(pid)
        for process in (mother, *mother.children(recursive=True)):
            info = process.memory_full_info()
            total += getattr(info, "pss", info.rss)  # Linux alone has pss
    except psutil.Error:  # ended while we looked
        pass
    return total


def anonymous(pid: int) -> int:
    """Bytes of a process that belong to no file; where only Linux would tell, all that it holds."""
    if not Path("/proc/self/status").is_file():
        return psutil.Process(pid).memory_info().rss if psutil.pid_exists(pid) else 0
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # ended while we looked
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
