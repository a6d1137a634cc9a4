"""The stages of collab/dvc.yaml, run from collab/. They import the library of their own checkout.

Like the stages for images: see stages/__init__.py in the folder above.
"""

import os
import signal
import sys
from pathlib import Path

if sys.argv[0] == "-m":  # python -m stages.NAME, whose console.run_stage sets it back
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
