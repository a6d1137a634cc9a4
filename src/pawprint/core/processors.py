"""How many processors there are to share work out to."""

import os


def available_processors() -> int:
    """Those that this process may use; where only Linux would tell, all of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
