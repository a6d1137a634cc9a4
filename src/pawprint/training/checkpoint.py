"""Checkpoints: the state after each epoch, in a scratch folder outside of DVC.

Only a run with equal params, data, parent model and code finds it again; it is removed once the
stage has written its model. A killed stage resumes after its last epoch and gives the same bytes as
one that was not killed.
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

from pawprint.core import files
from pawprint.runtime import distributed, tensor_file
from pawprint.training.ema import DebiasedEMA
from pawprint.training.loop import Epoch, State

# of the project also in a queued or --temp run, whose copy of it is lost when it is killed
SCRATCH = files.project_root() / ".scratch"
LOCK = "lock"
ROOT = Path(__file__).parents[1]  # of the whole library: any part of it may change a result
MAX_FOLDERS = 3  # folders of one stage: the run itself and the last that were broken off


def fingerprint(
    params: Mapping[str, Any], inputs: Iterable[Path], stage: Path, machine: Mapping[str, str]
) -> str:
    """What a checkpoint depends on: params, inputs, code of library and stage, machine."""
    code = [*sorted(ROOT.rglob("*.py")), stage]
    hashes = [files.file_hash(path) for path in (*inputs, *code)]
    facts = [params, hashes, tensor_file.versions(), dict(machine)]
    return files.text_hash(json.dumps(facts, sort_keys=True))[:32]


class CheckpointStore:
    """The scratch folder of one run of one stage, locked while the process runs.

    With several processes, the first keeps it, and the others write nothing.
    """

    def __init__(self, stage: str, run_fingerprint: str, root: Path = SCRATCH) -> None:
        """Make the folder, and remove the stage's oldest unused ones.

        Raises:
            ValueError: another process works on the same run.
        """
        self.folder = root / stage / run_fingerprint
        self.path = self.folder / "state.safetensors"
        if not distributed.is_main_process():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.touch()  # the time of its last use, by which the oldest are chosen below
        self.lock = FileLock(self.folder / LOCK)  # the system frees it when the process is killed
        try:
            self.lock.acquire(blocking=False)
        except Timeout as error:
            raise ValueError(
                f"{self.folder}: another process is training this experiment (a killed dvc leaves "
                "its stage running); wait for it or stop it, then run again"
            ) from error
        others = sorted(self.folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in others[:-MAX_FOLDERS]:
            with suppress(Timeout), FileLock(old / LOCK, blocking=False):
                shutil.rmtree(old, ignore_errors=True)
            with suppress(OSError):  # gone; but not on Windows, which kept the lock in it
                old.rmdir()

    def save(self, state: State) -> None:
        """Replace the saved state by this one, as a whole."""
        if not distributed.is_main_process():
            return
        tensors = {f"network.{k}": v for k, v in state.model.state_dict().items()}
        for number, weight in enumerate(_weights(state)):
            values = state.optimizer.state[weight]
            tensors |= {f"optimizer.{number}.{key}": value for key, value in values.items()}
        # no random state: each epoch seeds its generators by its number (loop.fit)
        text = {
            "history": [asdict(epoch) for epoch in state.history],
            "smoothed": asdict(state.smoothed),
            "scaler": state.scaler.state_dict(),
        }
        tensor_file.write_tensors(self.path, tensors, text)

    def restore(self, state: State) -> int:
        """Restore `state` from the checkpoint; return the completed epochs, 0 without one."""
        here = distributed.is_main_process() and self.path.is_file()
        content = distributed.broadcast_bytes(self.path.read_bytes() if here else b"")
        if not content:
            return 0
        tensors, text = tensor_file.parse(content)
        state.model.load_state_dict(
            {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
        )
        for number, weight in enumerate(_weights(state)):
            prefix = f"optimizer.{number}."
            state.optimizer.state[weight] = {
                name.removeprefix(prefix): _match_layout(weight, tensor)
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }
        state.scaler.load_state_dict(text["scaler"])
        state.smoothed = DebiasedEMA(**text["smoothed"])
        state.history[:] = [Epoch(**epoch) for epoch in text["history"]]
        return len(state.history)

    def clear(self) -> None:
        """Remove the folder, and the stage's folder if it is then empty."""
        self.lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)
        for empty in (self.folder.parent, self.folder.parent.parent):
            with suppress(OSError):  # not empty, a link to another disk, or one mounted here
                empty.rmdir()


def _weights(state: State) -> list[torch.Tensor]:
    return [weight for group in state.optimizer.param_groups for weight in group["params"]]


def _match_layout(weight: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    # the fused optimizer walks weights and moments side by side: their strides must be equal
    if tensor.shape != weight.shape:
        return tensor.to(weight.device)
    return torch.empty_like(weight).copy_(tensor)
