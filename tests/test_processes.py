"""Several processes train as one: equal steps, one writer, and an end when one of them dies."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from pawprint.runtime import distributed
from pawprint.runtime.device import setup_device
from tests.conftest import ROOT
from tests.copies import shrunk
from tests.small import dataset

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    "PYTHONUNBUFFERED": "1",
    "OMP_WAIT_POLICY": "passive",
}
STAGE = (sys.executable, "-m", "stages.train_frozen")
MODEL = Path("models/frozen.safetensors")


def together(folder: Path, count: int) -> list[dict[str, Any]]:
    """What each of `count` processes saw; those of one are the whole."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.together", str(folder), str(count)]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True)
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(count)]


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long)])
def test_several_processes_take_the_steps_of_one(tmp_path: Path, count: int) -> None:
    (one,), several = together(tmp_path / "one", 1), together(tmp_path / "several", count)
    assert len(one["losses"]) == 10  # 2 epochs of batches of 7, 7, 6, 6, 6
    for rows in several:
        assert rows["losses"] == pytest.approx(one["losses"], abs=1e-10)
        assert rows["judged"] == [pytest.approx(pair, abs=1e-10) for pair in one["judged"]]
    mine, theirs = (torch.load(tmp_path / name / "weights.pt") for name in ("one", "several"))
    assert max((mine[key] - theirs[key]).abs().max() for key in mine) < 1e-10
    parts = dataset().splits
    for walk, part in enumerate(("train", "valid", "train", "valid")):
        seen = Counter(name for rows in several for name in rows["seen"][walk])
        assert seen == Counter(parts[part].names)  # each once, by one of them


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits, labelled and presized, and params that ask for two processes and four epochs."""
    folder = tmp_path_factory.mktemp("processes") / "project"
    shutil.copytree(ROOT / "stages", folder / "stages")
    shutil.copytree(ROOT / "src", folder / "src")
    shutil.copy(ROOT / "datasets.yaml", folder)
    text = shrunk((ROOT / "presets/digits.yaml").read_text())
    for old, new in {
        "processes: 1 ": "processes: 2 ",
        "frozen:\n  epochs: 1": "frozen:\n  epochs: 4",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "params.yaml").write_text(text)
    for stage in ("fetch", "label", "presize", "weights"):
        subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def whole(project: Path) -> bytes:
    """The model of a run that nothing interrupted."""
    shutil.rmtree(project / ".scratch", ignore_errors=True)
    process = run(project)
    assert process.returncode == 0 and "Traceback" not in process.stderr, process.stderr
    assert process.stderr == "" and len(process.stdout.splitlines()) == 5  # a head and four epochs
    return (project / MODEL).read_bytes()


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command or STAGE, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def begin_run(folder: Path) -> subprocess.Popen[str]:
    """The stage, once it has done its first epoch."""
    process = subprocess.Popen(
        STAGE, cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert any(re.match(r" +0 ", line) for line in process.stdout)
    return process


def of_number(process: subprocess.Popen[str], number: int) -> psutil.Process:
    children = psutil.Process(process.pid).children(recursive=True)
    (rows,) = [child for child in children if child.environ().get("RANK") == str(number)]
    return rows


@pytest.mark.parametrize("number", [1, pytest.param(0, marks=pytest.mark.long)])
def test_when_one_dies_the_others_end_and_a_new_run_goes_on(
    project: Path, whole: bytes, number: int
) -> None:
    (project / MODEL).unlink()
    process = begin_run(project)
    others = psutil.Process(process.pid).children(recursive=True)
    of_number(process, number).kill()
    began = time.monotonic()
    _, output = process.communicate()
    assert time.monotonic() - began < 30 and process.returncode == 1
    assert not any(other.is_running() for other in others)
    assert output.startswith(f"train_frozen: process {number} of 2 was killed by signal 9")
    assert len(output.splitlines()) == 1
    assert not (project / MODEL).exists()
    again = run(project)
    assert again.returncode == 0
    assert re.search(r"resumed after epoch [123]", again.stdout)
    assert (project / MODEL).read_bytes() == whole
    assert not (project / ".scratch").exists()


@pytest.mark.parametrize(
    ("how", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)],
)
def test_an_interrupt_ends_all_of_them(project: Path, how: signal.Signals, code: int) -> None:
    process = begin_run(project)
    others = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, how)
    _, output = process.communicate()
    assert process.returncode == code
    assert not any(other.is_running() for other in others)
    assert "Traceback" not in output and len(output.splitlines()) <= 1


def test_what_is_wrong_for_all_is_told_once(project: Path) -> None:
    labels = project / "data/labels.csv"
    labels.rename(project / "aside")
    process = run(project)
    (project / "aside").rename(labels)
    assert process.returncode == 1
    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("train_frozen: data/labels.csv: No such file")


@pytest.mark.long
def test_torchrun_must_start_as_many_as_the_params_say(project: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "1"]
    process = run(
        project, *torchrun, "--master-port", str(free_port()), "-m", "stages.train_frozen"
    )
    assert process.returncode != 0
    assert "torchrun started 1 processes, but params.yaml has processes: 2" in process.stderr


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return int(one.getsockname()[1])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.long
def test_two_machines_train_as_one_and_the_first_writes(
    project: Path, whole: bytes, tmp_path: Path
) -> None:
    machines = [tmp_path / "first", tmp_path / "second"]
    for folder in machines:
        shutil.copytree(project, folder, ignore=shutil.ignore_patterns("frozen.*", "run"))
    before, port = contents(machines[1]), free_port()
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--nnodes", "2"),
                *("--nproc-per-node", "1", "--rdzv-backend", "c10d"),
                *("--rdzv-endpoint", f"localhost:{port}", "--local-addr", "localhost"),
                *("-m", "stages.train_frozen"),
            ],
            cwd=folder,
            env=ENVIRONMENT,
        )
        for folder in machines
    ]
    assert [process.wait() for process in started] == [0, 0]
    written = [folder for folder in machines if (folder / MODEL).exists()]
    assert len(written) == 1  # the meeting decides which of the two is the first
    assert (written[0] / MODEL).read_bytes() == whole
    (other,) = [folder for folder in machines if folder not in written]
    assert contents(other) == before


def test_more_processes_than_gpus_are_told_how_many_there_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # two processes and one GPU cannot be had here
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(distributed, "local_rank", lambda: (1, 2))
    with pytest.raises(ValueError, match="torch sees 1 CUDA devices; set processes to 1 in params"):
        setup_device("auto", 1)
