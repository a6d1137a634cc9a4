"""How many CPUs there are to share work out to."""

import os


def available_cpus() -> int:
    """Those that this process may use; on macOS and Windows, which do not tell, all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
