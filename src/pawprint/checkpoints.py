"""The state after each epoch, in a scratch folder that DVC does not know.

It is found again only by a run with equal params, data, parent model and code, and is removed
when the stage has written its model. A killed stage goes on from its last epoch to the same
bytes as one that was not.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from pawprint import files, modelfile, processes
from pawprint.smoothing import Smoothed
from pawprint.training import Epoch, State

SCRATCH = files.project() / ".scratch"
LOCK = "lock"
KEPT = 3  # folders of one stage: the run itself and the last that were broken off


def fingerprint(
    params: Mapping[str, Any], inputs: Iterable[Path], stage: Path, machine: Mapping[str, str]
) -> str:
    """What a state belongs to: params, inputs, the library's and the stage's code, machine."""
    code = [*sorted(Path(__file__).parent.glob("*.py")), stage]
    hashes = [files.digest(path) for path in (*inputs, *code)]
    facts = [params, hashes, modelfile.versions(), dict(machine)]
    return files.text_digest(json.dumps(facts, sort_keys=True))[:32]


class Store:
    """The scratch folder of one run of one stage; locked while the process lives.

    Of several processes the first keeps it, and the others have nothing on the disk.
    """

    def __init__(self, stage: str, mark: str, root: Path = SCRATCH) -> None:
        """Make the folder, and remove the oldest of the stage's others that nobody uses.

        Raises:
            ValueError: another process is at this very run.
        """
        self.folder = root / stage / mark
        self.path = self.folder / "state.safetensors"
        if not processes.is_first():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.touch()
        self.lock = FileLock(self.folder / LOCK)
        try:
            self.lock.acquire(blocking=False)
        except Timeout as error:
            raise ValueError(
                f"{self.folder}: another process trains this very experiment (a dvc that was "
                "killed leaves its stage running); wait for it, or end it, and run again"
            ) from error
        others = sorted(self.folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in others[:-KEPT]:
            with suppress(Timeout), FileLock(old / LOCK, blocking=False):
                shutil.rmtree(old, ignore_errors=True)

    def save(self, state: State) -> None:
        """Replace the saved state by this one, whole."""
        if not processes.is_first():
            return
        tensors = {f"network.{k}": v for k, v in state.network.state_dict().items()}
        for number, weight in enumerate(_weights(state)):
            values = state.optimizer.state[weight]
            tensors |= {f"optimizer.{number}.{key}": value for key, value in values.items()}
        text = {
            "history": [asdict(epoch) for epoch in state.history],
            "smoothed": asdict(state.smoothed),
            "scaler": state.scaler.state_dict(),
        }
        modelfile.write_tensors(self.path, tensors, text)

    def restore(self, state: State) -> int:
        """Bring `state` to what was saved; the epochs that are done, 0 where nothing was."""
        here = processes.is_first() and self.path.is_file()
        content = processes.spread(self.path.read_bytes() if here else b"")
        if not content:
            return 0
        tensors, text = modelfile.parsed(content)
        state.network.load_state_dict(
            {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
        )
        for number, weight in enumerate(_weights(state)):
            prefix = f"optimizer.{number}."
            state.optimizer.state[weight] = {
                name.removeprefix(prefix): _laid_out_like(weight, tensor)
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }
        state.scaler.load_state_dict(text["scaler"])
        state.smoothed = Smoothed(**text["smoothed"])
        state.history[:] = [Epoch(**epoch) for epoch in text["history"]]
        return len(state.history)

    def clear(self) -> None:
        """Remove the folder, and the stage's own if it is empty then."""
        self.lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)
        for empty in (self.folder.parent, self.folder.parent.parent):
            with suppress(OSError):  # not empty, a link to another disk, or one mounted here
                empty.rmdir()


def _weights(state: State) -> list[torch.Tensor]:
    return [weight for group in state.optimizer.param_groups for weight in group["params"]]


def _laid_out_like(weight: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    # the fused optimizer walks weights and moments side by side: their strides must be equal
    if tensor.shape != weight.shape:
        return tensor.to(weight.device)
    return torch.empty_like(weight).copy_(tensor)
