"""The stages of dvc.yaml. They import the library of their own checkout.

A queued experiment runs in a copy of the project. Without the last line, it would import an
installed package with the workspace's code, edited since, not the code in its lock file.

Ctrl-C while torch is still imported, which takes seconds, ends them without a traceback.
"""

import os
import signal
import sys
from pathlib import Path

if sys.argv[0] == "-m":  # python -m stages.NAME, whose console.run_stage sets it back
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
