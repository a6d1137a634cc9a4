"""The stages of dvc.yaml. They import the library of their own checkout.

A queued experiment runs in a copy of the project: without this line, an installed package would
lend it the workspace's code, edited since, not the code that its lock records.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
